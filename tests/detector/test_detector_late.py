"""What an event says of readings that came too late for its episode."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from sentinel.alert.episodes import EpisodeRules
from sentinel.detector import Detector
from sentinel.records import Readings, Status
from tests.detector.collected import collect
from tests.detector.toy import toy_model, toy_readings


@pytest.mark.parametrize("cuts", [(), (11,), range(30)])
def test_an_event_counts_the_late_readings_of_its_open_episode(cuts: Sequence[int]) -> None:
    readings = toy_readings(30, tidy=True)
    readings.values[10:16] += 50.0
    # Two come late while the episode is open, one before; a reading sent twice is not late.
    order = np.insert(np.arange(30), [8, 13, 14, 15], [3, 9, 10, 14])
    readings = Readings(*(getattr(readings, name)[order] for name in Readings.__slots__))
    detector = Detector(toy_model(threshold=10.0), EpisodeRules(1, 1, close_count=3))
    found = collect(detector, readings, cuts)
    assert (found.scores.status == Status.LATE).sum() == 3
    assert (found.scores.status == Status.DUPLICATE).sum() == 1
    opened, resolved = found.events
    assert (opened.state, opened.late_readings) == ("opened", 0)
    assert (resolved.state, resolved.late_readings) == ("resolved", 2)
