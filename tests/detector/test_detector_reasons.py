"""What scores are made of, told of every reading where it is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from sentinel.alert.episodes import EpisodeRules
from sentinel.detector import Detector
from sentinel.records import Status
from tests.detector.joint import CHANNELS, RULES, joint_model
from tests.detector.toy import toy_model, toy_readings

READINGS = toy_readings(400, entities=3, channels=CHANNELS, seed=7)


def test_reasons_cost_nothing_where_nobody_asks_and_change_no_score() -> None:
    plain = Detector(joint_model(), RULES).process(READINGS)
    told = Detector(joint_model(), RULES).process(READINGS, reasons=True)
    assert plain.reasons is None
    assert told.scores.anomaly_score.tobytes() == plain.scores.anomaly_score.tobytes()
    assert repr(told.events) == repr(plain.events)


@pytest.mark.parametrize("cuts", [[], [1, 50, 51, 333]])
def test_every_reading_with_a_score_of_its_own_has_its_reasons_whatever_the_cuts(
    cuts: list[int],
) -> None:
    detector = Detector(joint_model(), RULES)
    parts = [
        detector.process(READINGS.slice(start, stop), reasons=True)
        for start, stop in zip([0, *cuts], [*cuts, len(READINGS)], strict=True)
    ]
    [whole] = [Detector(joint_model(), RULES).process(READINGS, reasons=True)]
    assert whole.reasons is not None
    for name in ("expected", "shares"):
        joined = np.concatenate([getattr(part.reasons, name) for part in parts])
        assert joined.tobytes() == getattr(whole.reasons, name).tobytes()
        scored = whole.scores.status == Status.OK
        assert np.isfinite(joined[scored]).all()
        assert np.isnan(joined[~scored]).all()
    assert 50 < scored.sum() < len(READINGS)


def test_an_event_at_its_worst_reading_tells_the_reasons_of_that_reading() -> None:
    """1 of 1 opens, so the reading that opens an episode is its worst one yet."""
    found = Detector(joint_model(), RULES).process(READINGS, reasons=True)
    assert found.reasons is not None
    opened = [event for event in found.events if event.state == "opened"]
    assert opened
    for event in opened:
        for part in event.contributions:
            f = joint_model().channels.index(part.channel)
            assert part.expected == found.reasons.expected[event.row, f]
            assert part.share == pytest.approx(found.reasons.shares[event.row, f])


def test_the_deviation_is_the_size_of_errors_on_normal_readings() -> None:
    normal = toy_readings(600, channels=CHANNELS, seed=8, tidy=True)
    found = Detector(joint_model(), RULES).process(normal, reasons=True)
    assert found.reasons is not None
    off = np.sqrt(np.nanmean((found.reasons.expected - normal.values) ** 2, axis=0))
    # The model's own has a share of all channels on top, and was measured on other readings.
    assert joint_model().usual_deviation() == pytest.approx(off, rel=0.2)


def test_a_reading_between_two_strides_has_no_reasons() -> None:
    readings = toy_readings(40, tidy=True)
    detector = Detector(toy_model(window_stride=4), EpisodeRules(1, 1))
    found = detector.process(readings, reasons=True)
    assert found.reasons is not None
    scored = found.scores.status == Status.OK
    assert (np.isfinite(found.reasons.expected).all(axis=1) == scored).all()
    assert scored.sum() == found.windows == 9
