"""Episodes are what their events tell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sentinel.backtest.episodes import EpisodeLog
from sentinel.backtest.outcome import backtest
from sentinel.records import Contribution, EpisodeEvent
from tests.backtest.made_up import scored

OPENED = EpisodeEvent(
    entity=0, row=5, state="opened", start_ns=30, time_ns=50, update=0, anomaly_score=2.0,
    score_ratio=1.1, peak_ratio=1.2, threshold=1.0, readings=3, missing_values=0, late_readings=0,
    contributions=(Contribution("a", 1.0, 2.0, 3.0),),
)  # fmt: skip
WORSE = (Contribution("b", 1.0, 2.0, 3.0),)


def test_an_episode_ends_with_its_worst_peak_and_its_channels() -> None:
    log = EpisodeLog()
    log.add([OPENED, replace(OPENED, entity=1, row=7)], 100)
    log.add([replace(OPENED, state="updated", row=0, peak_ratio=3.0, contributions=WORSE)], 110)
    log.add(
        [replace(OPENED, state="resolved", row=9, time_ns=90, peak_ratio=3.0, contributions=WORSE)],
        110,
    )
    log.add([replace(OPENED, row=2)], 200)
    assert [(e.entity, e.opened_row, e.stop_row) for e in log.episodes] == [
        (0, 105, 119), (1, 107, None), (0, 202, None),
    ]  # fmt: skip
    first = log.episodes[0]
    assert (first.start_ns, first.opened_ns, first.end_ns, first.peak_ratio) == (30, 50, 90, 3.0)
    assert first.contributions == WORSE
    assert log.episodes[1].end_ns is None


@pytest.mark.parametrize("state", ["opened", "resolved"])
def test_an_episode_withheld_at_first_has_its_peak_and_worst_reading_of_that_time(
    state: str,
) -> None:
    """A budget or a cooldown lets it open only after its peak."""
    ratio = np.full(60, 2.0)
    ratio[9] = 5.0
    readings = scored(ratio)
    start_ns = int(readings.time_ns[9])
    log = EpisodeLog()
    log.add([replace(OPENED, row=29, start_ns=start_ns, peak_ratio=5.0)], 0)
    if state == "resolved":
        log.add([replace(OPENED, row=50, state="resolved", peak_ratio=5.0)], 0)
    found = backtest(readings, log, None, ["a"])
    assert [episode.peak_ratio for episode in found.episodes] == [5.0]
    assert found.worst_place(0, found.tracks[0]) == 9


def test_an_open_episode_has_the_newest_peak_and_tells_of_the_reading_an_event_told_of() -> None:
    ratio = np.full(60, 2.0)
    ratio[[12, 40]] = 3.0, 7.0
    readings = scored(ratio)
    log = EpisodeLog()
    log.add([replace(OPENED, row=10, start_ns=int(readings.time_ns[8]), peak_ratio=2.0)], 0)
    log.add([replace(OPENED, row=20, state="updated", peak_ratio=3.0)], 0)
    found = backtest(readings, log, None, ["a"])
    assert [episode.peak_ratio for episode in found.episodes] == [7.0]
    assert found.worst_place(0, found.tracks[0]) == 12
