"""Episodes are what their events tell."""

from __future__ import annotations

from dataclasses import replace

from sentinel.backtest.episodes import EpisodeLog
from sentinel.records import Contribution, EpisodeEvent

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
