"""What counts as caught, as false, and as luck."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from sentinel.demo.dataset import (
    FAULTS_OF_HISTORY,
    HISTORY_END,
    KNOWN_FAILURES,
    TO_BE_CAUGHT,
    KnownFailure,
    csv_lines,
    faults_of_history,
    history_and_future,
    time_of,
)
from sentinel.demo.verdict import DemoEpisode, Replayed, judge
from sentinel.records import NS_PER_S

HOUR = timedelta(hours=1)
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
AT = BEGIN + 50 * HOUR
FAILURE = KnownFailure("fault", AT, AT - 10 * HOUR, AT + 10 * HOUR)
REPLAYED = Replayed(BEGIN, BEGIN + 168 * HOUR, 2_000)


def episode(opened_h: float, closed_h: float | None, *, unseen: bool = False) -> DemoEpisode:
    """An episode by its hours relative to the failure."""
    end = None if closed_h is None else AT + closed_h * HOUR
    return DemoEpisode(AT + opened_h * HOUR, end, 2.0, unseen)


@pytest.mark.parametrize(
    ("opened_h", "closed_h", "caught", "false"),
    [
        (-10, -9, 1, 0),  # at the very start of the window
        (10, 12, 1, 0),  # at its very end
        (-11, -10.5, 0, 1),  # before it
        (11, 12, 0, 1),  # after it
        (-20, 20, 0, 0),  # was open anyway: neither
        (-20, None, 0, 0),
        (20, None, 0, 1),
    ],
)
def test_an_episode_catches_only_by_opening_in_the_window(
    opened_h: float, closed_h: float | None, caught: int, false: int
) -> None:
    verdict = judge([FAILURE], [episode(opened_h, closed_h)], REPLAYED)
    assert (verdict.caught, verdict.false) == (caught, false)


def test_the_first_episode_in_the_window_gives_the_lead() -> None:
    verdict = judge([FAILURE], [episode(-6, -5), episode(2, 3)], REPLAYED)
    assert verdict.failures[0].lead == 6 * HOUR
    assert judge([FAILURE], [episode(2, 3)], REPLAYED).failures[0].lead == -2 * HOUR
    assert judge([FAILURE], [], REPLAYED).failures[0].lead is None


def test_false_episodes_are_counted_by_week_and_by_readings() -> None:
    verdict = judge([FAILURE], [episode(20, 21), episode(30, 31)], REPLAYED)
    assert verdict.false_per_week == pytest.approx(2)
    assert verdict.false_per_10_000 == pytest.approx(10)


def test_of_false_episodes_those_with_readings_that_the_history_did_not_hold_are_told() -> None:
    episodes = [episode(20, 21), episode(30, 31, unseen=True), episode(0, 1, unseen=True)]
    verdict = judge([FAILURE], episodes, REPLAYED)
    assert (verdict.false, verdict.false_unseen) == (2, 1)


def test_time_in_episodes_counts_those_still_open_to_the_end() -> None:
    verdict = judge([FAILURE], [episode(0, 42), episode(76, None)], REPLAYED)
    assert verdict.open_share == pytest.approx((42 + 42) / 168)


def test_chance_is_what_blind_episodes_would_catch() -> None:
    assert judge([FAILURE], [], REPLAYED).caught_by_chance == 0
    one = judge([FAILURE] * 2, [episode(20, 21)], REPLAYED)
    assert one.caught_by_chance == pytest.approx(2 * 20 / 168)
    many = judge([FAILURE] * 2, [episode(20, 21)] * 1000, REPLAYED)
    assert many.caught_by_chance == pytest.approx(2)


def test_the_shipped_history_is_december_whose_faults_are_known_and_left_out() -> None:
    rows = csv_lines()[1:]
    history, future = history_and_future(rows)
    assert [*history, *future] == rows
    assert time_of(history[-1]) < HISTORY_END <= time_of(future[0])
    assert all(f.window_start < f.at < f.window_end for f in KNOWN_FAILURES)
    assert (*FAULTS_OF_HISTORY, *TO_BE_CAUGHT) == KNOWN_FAILURES
    assert len(FAULTS_OF_HISTORY) == len(TO_BE_CAUGHT) == 2
    times = np.array([time_of(row).timestamp() * NS_PER_S for row in history], np.int64)
    gone = faults_of_history().mask(np.zeros(len(times), np.int32), times, ["machine-1"])
    inside = [
        any(f.window_start <= time_of(row) <= f.window_end for f in FAULTS_OF_HISTORY)
        for row in history
    ]
    assert gone.tolist() == inside
