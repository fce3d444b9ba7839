"""Alert settings played over recorded scores are those of a detector that runs with them."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.alert.rules import EpisodeRules
from sentinel.backtest.episodes import EpisodeLog
from sentinel.backtest.tracks import Scored, tracks_of
from sentinel.detector import Detector
from sentinel.fitted import FittedModel
from sentinel.records import NS_PER_S
from sentinel.tuning.recorded import record
from tests.detector.joint import CHANNELS, RULES, joint_model
from tests.detector.toy import toy_model, toy_readings

BUDGETED = EpisodeRules(
    open_count=2, open_window=3, close_ratio=0.8, close_count=2,
    budget_count=1, budget_ns=30 * NS_PER_S, budget_fleet=True,
)  # fmt: skip


@cache
def model_of(kind: str) -> FittedModel:
    return toy_model(CHANNELS, window_stride=2) if kind == "reconstruct" else joint_model("joint")


NAMES = ("pump-0", "pump-1", "pump-2")


@pytest.mark.parametrize("kind", ["reconstruct", "joint"])
@settings(max_examples=12, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.5, 0.8, 1.0, 1.5]),
    st.sampled_from([RULES, BUDGETED]),
    st.integers(0, 150),
)
def test_played_settings_open_the_episodes_of_a_detector(
    kind: str, seed: int, scale: float, rules: EpisodeRules, context: int
) -> None:
    """With holes, gaps, late readings and rows without a score; some readings come as context."""
    everything = toy_readings(300, entities=3, channels=CHANNELS, seed=seed)
    before, readings = everything.slice(0, context), everything.slice(context, 300)
    labelled = np.random.default_rng(seed).random(len(readings)) < 0.1
    recorded = record(Detector(model_of(kind), RULES), before, readings, NAMES, labelled)
    detector = Detector(model_of(kind), rules, threshold_scale=scale)
    detector.prime(before, NAMES)
    detection = detector.process(readings, NAMES)
    log = EpisodeLog()
    log.add(detection.events, 0)
    expected = list(tracks_of(Scored.of(readings, detection.scores), labelled, log.episodes))
    found = recorded.tracks(rules, scale)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        for name in ("rows", "time_ns", "anomaly_score", "labelled", "opened", "stop"):
            assert getattr(one, name).tolist() == getattr(other, name).tolist(), name
