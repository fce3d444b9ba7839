"""A fitted model around given parameters, for tests of what scoring makes of them."""

from __future__ import annotations

import numpy as np

from sentinel.fitted import FittedModel
from sentinel.model.parameters import Parameters
from sentinel.window.scaling import Scaling


def fitted(parameters: Parameters, window_length: int) -> FittedModel:
    """Unit scaling, threshold 1, and an error scale that differs from channel to channel."""
    channels = parameters.architecture.channels
    return FittedModel(
        channels=tuple(f"c{n}" for n in range(channels)),
        window_length=window_length,
        window_stride=1,
        interval_ns=0,
        max_gap_ns=0,
        scaling=Scaling("standard", np.zeros(channels), np.ones(channels)),
        parameters=parameters,
        error_scale=np.linspace(0.5, 2.0, channels),
        threshold=1.0,
    )
