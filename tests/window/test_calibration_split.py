"""The split that calibrates: no row that is fitted is ever judged, and no row is lost."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.errors import DataError
from sentinel.records import Readings, TimeArray
from sentinel.window.segments import Segments, find_segments
from sentinel.window.split import (
    CALIBRATION_SHARE,
    CALIBRATION_WINDOWS_MIN,
    TRAIN_WINDOWS_MIN,
    Part,
    calibration_split,
    calibration_window_length,
)

MAX_GAP_NS = 10
STRETCHES = st.lists(st.lists(st.integers(1, 90), min_size=1, max_size=4), min_size=1, max_size=6)
LENGTHS = st.integers(4, 20)


def segments_of(*entities: list[int]) -> Segments:
    """Each entity's stretches of so many rows, a gap between two of them."""
    entity, time_ns, now = [], [], 1
    for e, stretches in enumerate(entities):
        for rows in stretches:
            entity += [e] * rows
            time_ns += range(now, now + rows)
            now += rows + MAX_GAP_NS + 1
    count = len(entity)
    return find_segments(
        Readings(
            np.array(entity, np.int32), np.array(time_ns, np.int64), np.zeros(count, np.int32),
            np.arange(count, dtype=np.int64), np.ones((count, 1)),
        ),
        MAX_GAP_NS,
    )  # fmt: skip


def fitted_rows(part: Part) -> set[int]:
    """All rows that a window of the part reaches."""
    found: set[int] = set()
    for number in range(len(part.starts)):
        windows = int(part.runs[number + 1] - part.runs[number])
        first = int(part.starts[number])
        found.update(range(first, first + windows - 1 + int(part.lengths[number])))
    return found


def calibrating_rows(held_out: TimeArray) -> set[int]:
    return {row for _, first, stop in held_out.tolist() for row in range(first, stop)}


@settings(max_examples=200, deadline=None)
@given(STRETCHES, LENGTHS)
def test_no_row_that_calibrates_is_fitted(entities: list[list[int]], window_length: int) -> None:
    segments = segments_of(*entities)
    try:
        part, held_out = calibration_split(segments, window_length)
    except DataError:
        return
    fitted, calibrating = fitted_rows(part), calibrating_rows(held_out)
    ranges = {row for first, stop in part.ranges.tolist() for row in range(first, stop)}
    assert fitted <= ranges
    assert not ranges & calibrating
    # Every usable row has its part.
    assert ranges | calibrating == set(range(len(segments.rows)))
    assert part.windows >= TRAIN_WINDOWS_MIN
    assert (np.diff(held_out.ravel()) >= 0).all()


@settings(max_examples=200, deadline=None)
@given(STRETCHES, LENGTHS)
def test_a_calibrating_stretch_looks_back_at_its_own_entity_only(
    entities: list[list[int]], window_length: int
) -> None:
    segments = segments_of(*entities)
    try:
        _, held_out = calibration_split(segments, window_length)
    except DataError:
        return
    of_row = np.repeat(segments.entity, np.diff(segments.starts))
    for context, first, stop in held_out.tolist():
        assert context <= first < stop
        assert len(set(of_row[context:stop].tolist())) == 1
        assert stop == len(of_row) or of_row[stop] != of_row[stop - 1]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(80, 3000), min_size=1, max_size=4), LENGTHS)
def test_the_newest_fifth_calibrates_at_the_least_a_window_and_some_readings(
    rows: list[int], window_length: int
) -> None:
    part, held_out = calibration_split(segments_of(*([count] for count in rows)), window_length)
    least = window_length + CALIBRATION_WINDOWS_MIN
    long_enough = []
    for number, count in enumerate(rows):
        newest = max(round(CALIBRATION_SHARE * count), least)
        if count - newest >= window_length + TRAIN_WINDOWS_MIN - 1:
            begin = sum(rows[:number])
            long_enough.append([begin, begin + count - newest, begin + count])
    if long_enough:
        assert held_out.tolist() == long_enough
    assert part.windows >= TRAIN_WINDOWS_MIN


def test_an_entity_too_short_to_be_cut_fits_whole_beside_a_long_one() -> None:
    part, held_out = calibration_split(segments_of([40], [400], [12]), 16)
    assert part.ranges.tolist() == [[0, 40], [40, 360], [440, 452]]
    assert part.lengths.tolist() == [16, 16, 12]
    assert held_out.tolist() == [[40, 360, 440]]


def test_where_all_are_short_the_first_ones_fit_and_the_last_ones_calibrate() -> None:
    part, held_out = calibration_split(segments_of(*[[30]] * 10), 16)
    assert part.ranges.tolist() == [[30 * n, 30 * n + 30] for n in range(8)]
    assert held_out.tolist() == [[30 * n, 30 * n, 30 * n + 30] for n in (8, 9)]


@pytest.mark.parametrize("window_length", [4, 16, 64])
def test_as_few_rows_as_the_refusal_asks_for_are_enough_and_one_less_is_not(
    window_length: int,
) -> None:
    with pytest.raises(DataError) as caught:
        calibration_split(segments_of([20]), window_length)
    found = re.match(r"(\d+) rows of one entity without a gap are enough", caught.value.hint)
    assert found
    enough = int(found[1])
    part, held_out = calibration_split(segments_of([enough]), window_length)
    assert part.windows == TRAIN_WINDOWS_MIN
    assert held_out.tolist() == [[0, enough - window_length - CALIBRATION_WINDOWS_MIN, enough]]
    with pytest.raises(DataError, match=f"too short: {enough - 1} usable rows"):
        calibration_split(segments_of([enough - 1]), window_length)


def test_the_refusal_says_what_there_is_and_what_to_do() -> None:
    with pytest.raises(DataError) as caught:
        calibration_split(segments_of([20, 10], [10]), 8)
    assert "40 usable rows in 3 stretches without a gap" in caught.value.what
    assert "windows of 8 readings to fit, where at least 32 are needed" in caught.value.what
    assert "with --window-length 4" in caught.value.hint


def test_no_rows_are_refused_too() -> None:
    with pytest.raises(DataError, match="0 usable rows"):
        calibration_split(find_segments(Readings.empty(1), MAX_GAP_NS), 8)


@pytest.mark.parametrize("entities", [[[3]] * 60, [[4]] * 60, [[9]] * 200, [[7] * 100]])
def test_where_no_stretch_holds_a_full_window_a_history_is_refused_before_it_trains(
    entities: list[list[int]],
) -> None:
    """Padded windows alone would train for hours, for nothing to judge with."""
    with pytest.raises(DataError, match="too short"):
        calibration_split(segments_of(*entities), 16)


@pytest.mark.parametrize(
    ("rows", "length"), [(0, 4), (19, 4), (20, 4), (25, 5), (319, 63), (320, 64), (10**6, 64)]
)
def test_a_window_is_a_fifth_of_the_longest_entity_from_4_to_64(rows: int, length: int) -> None:
    assert calibration_window_length(rows) == length
