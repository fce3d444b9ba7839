"""Small fitted models that judge every reading, made once for all tests of a session."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from sentinel.alert.episodes import EpisodeRules
from sentinel.fitted import FittedModel, Kind
from sentinel.fitting import fit
from sentinel.fitting.settings import FitSettings
from sentinel.model.training import TrainingSettings
from sentinel.records import NS_PER_S
from tests.detector.toy import toy_readings

CHANNELS, WINDOW_LENGTH, EVERY = 3, 16, 5
NAMES = ("channel-0", "channel-1", "channel-2")
TRAINING = TrainingSettings(
    steps=30, learning_rate=3e-3, schedule="one-cycle", input_noise=0.1, clip_norm=1.0
)
# A reading is enough to open; streams of a few hundred readings see whole episodes.
RULES = EpisodeRules(
    open_count=1, open_window=1, close_ratio=0.5, close_count=3, update_interval_ns=4 * NS_PER_S
)


def joint_settings(**changes: Any) -> FitSettings:
    """Of a fit that takes a moment."""
    return FitSettings(
        **{
            "kind": "joint",
            "hidden": 8,
            "window_length": WINDOW_LENGTH,
            "reconstruct_every": EVERY,
            "training": TRAINING,
            **changes,
        }
    )


@cache
def joint_model(kind: Kind = "joint") -> FittedModel:
    """Fitted to tidy `toy_readings` of three channels; a gap is as long as theirs."""
    history = toy_readings(500, channels=CHANNELS, seed=100, tidy=True)
    return fit(history, NAMES, joint_settings(kind=kind, max_gap_ns=10 * NS_PER_S))


def scaled(model: FittedModel, values: np.ndarray) -> np.ndarray:
    """Raw values (N, F) as the model reads them."""
    return np.asarray(model.scaling.apply(values), np.float32)
