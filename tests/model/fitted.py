"""A fitted model around given parameters, for tests of what scoring makes of them."""

from __future__ import annotations

import numpy as np

from sentinel.fitted import FittedModel
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import Backend
from sentinel.scorers.plain import PlainScorer
from sentinel.window.scaling import Scaling, ValueRange


def fitted(parameters: Parameters, window_length: int) -> FittedModel:
    """Unit scaling, threshold 1, and an error scale that differs from channel to channel."""
    channels = parameters.architecture.channels
    return FittedModel(
        kind="reconstruct",
        channels=tuple(f"c{n}" for n in range(channels)),
        window_length=window_length,
        window_stride=1,
        interval_ns=0,
        max_gap_ns=0,
        scaling=Scaling("standard", np.zeros(channels), np.ones(channels)),
        history_range=ValueRange(np.full(channels, -10.0), np.full(channels, 10.0)),
        parameters=parameters,
        error_scale=np.linspace(0.5, 2.0, channels),
        recipe=None,
        threshold=1.0,
        calibration_scores=np.linspace(0.5, 0.9, 50),
    )


def plain_scorer(model: FittedModel, backend: Backend | None = None) -> PlainScorer:
    """The scorer of windows of such a model; default: on portable kernels."""
    assert model.error_scale is not None
    return PlainScorer(
        model.parameters, model.window_length, model.error_scale, backend or Backend()
    )
