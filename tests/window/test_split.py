"""The split of a history: no reading in two parts, no window over an edge, no empty part."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.errors import DataError
from sentinel.model.windows import WindowSet
from sentinel.records import Readings
from sentinel.window.segments import Segments, find_segments
from sentinel.window.split import (
    HELD_OUT_SHARE,
    HELD_OUT_WINDOWS_MIN,
    TRAIN_WINDOWS_MIN,
    WINDOW_LENGTH_MAX,
    WINDOW_LENGTH_MIN,
    Part,
    Split,
    auto_window_length,
    longest_entity,
    rows_min,
    split,
)

MAX_GAP_NS = 10
LEAST = (TRAIN_WINDOWS_MIN, HELD_OUT_WINDOWS_MIN, HELD_OUT_WINDOWS_MIN)


def history_of(stretches: list[tuple[int, int, int]]) -> Readings:
    """(entity, partition, rows) of stretches, each a gap after the one before."""
    entity, partition, time_ns = [], [], []
    now = 1
    for e, p, rows in stretches:
        entity += [e] * rows
        partition += [p] * rows
        time_ns += range(now, now + rows)
        now += rows + MAX_GAP_NS + 1
    count = len(entity)
    return Readings(
        np.array(entity, np.int32), np.array(time_ns, np.int64), np.array(partition, np.int32),
        np.arange(count, dtype=np.int64), np.arange(2.0 * count).reshape(count, 2),
    )  # fmt: skip


def segments_of(*rows: int) -> Segments:
    """One segment of so many rows for each of as many entities."""
    return find_segments(history_of([(e, 0, count) for e, count in enumerate(rows)]), MAX_GAP_NS)


def parts_of(made: Split) -> list[Part]:
    return [made.train, made.validation, made.test]


def rows_of(part: Part) -> list[int]:
    return [row for first, stop in part.ranges.tolist() for row in range(first, stop)]


def windows_of(part: Part, window_stride: int = 1) -> list[tuple[int, int]]:
    """(first row, rows) of every window."""
    counts = np.diff(part.runs).tolist()
    return [
        (start + number * window_stride, length)
        for start, length, count in zip(
            part.starts.tolist(), part.lengths.tolist(), counts, strict=True
        )
        for number in range(count)
    ]


STRETCHES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(1, 150)), min_size=1, max_size=8
)


@settings(max_examples=150, deadline=None)
@given(STRETCHES, st.integers(4, 12), st.integers(1, 3))
def test_no_window_crosses_an_edge_and_no_reading_is_in_two_parts(
    stretches: list[tuple[int, int, int]], window_length: int, window_stride: int
) -> None:
    history = history_of(stretches)
    segments = find_segments(history, MAX_GAP_NS)
    try:
        made = split(segments, window_length, window_stride)
    except DataError:
        return
    taken: set[int] = set()
    for part in parts_of(made):
        rows = set(rows_of(part))
        assert len(rows) == part.rows
        assert not rows & taken
        taken |= rows
        assert len(windows_of(part)) == part.windows > 0
        for start, length in windows_of(part, window_stride):
            assert WINDOW_LENGTH_MIN <= length <= window_length
            assert set(range(start, start + length)) <= rows
            of_history = segments.rows[start : start + length]
            assert len(set(history.entity[of_history].tolist())) == 1
            assert len(set(history.partition[of_history].tolist())) == 1
            assert (np.diff(history.time_ns[of_history]) == 1).all()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(4, 200), min_size=1, max_size=6), st.integers(4, 16))
def test_parts_of_an_entity_follow_each_other_in_time(rows: list[int], window_length: int) -> None:
    segments = segments_of(*rows)
    try:
        made = split(segments, window_length, 1)
    except DataError:
        return
    row_entity = np.repeat(segments.entity, np.diff(segments.starts))
    for entity in range(len(rows)):
        of_parts = [[row for row in rows_of(part) if row_entity[row] == entity]
                    for part in parts_of(made)]  # fmt: skip
        whole = np.concatenate(of_parts)
        assert (np.diff(whole) > 0).all()
        if sum(map(bool, of_parts)) > 1:
            for before, after in pairwise(of_parts):
                assert after[0] - before[-1] - 1 == window_length - 1
            assert sum(map(len, of_parts)) == rows[entity] - 2 * (window_length - 1)
        else:
            assert len(whole) in (0, rows[entity])


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 8))
def test_auto_window_length_leaves_every_part_enough_windows(more: int, window_stride: int) -> None:
    rows = rows_min(WINDOW_LENGTH_MIN, window_stride) + more
    segments = segments_of(rows)
    window_length = auto_window_length(longest_entity(segments), window_stride)
    assert WINDOW_LENGTH_MIN <= window_length <= WINDOW_LENGTH_MAX
    made = split(segments, window_length, window_stride)
    assert made.train.windows >= TRAIN_WINDOWS_MIN
    assert made.validation.windows >= HELD_OUT_WINDOWS_MIN
    assert made.test.windows >= HELD_OUT_WINDOWS_MIN
    assert sum(part.rows for part in parts_of(made)) == rows - 2 * (window_length - 1)


def test_auto_window_length_is_an_eighth_up_to_64() -> None:
    assert [auto_window_length(rows) for rows in (0, 79, 100, 186, 511, 512, 9_999)] == [
        4, 4, 8, 23, 63, 64, 64,
    ]  # fmt: skip


def test_a_long_entity_is_cut_by_seventy_fifteen_fifteen() -> None:
    made = split(segments_of(1_000), 20, 1)
    assert [part.ranges.tolist() for part in parts_of(made)] == [
        [[0, 674]], [[693, 837]], [[856, 1_000]],
    ]  # fmt: skip
    assert [part.windows for part in parts_of(made)] == [655, 125, 125]


def test_stride_thins_the_windows_out() -> None:
    made = split(segments_of(1_000), 20, 7)
    for part in parts_of(made):
        starts = [start for start, _ in windows_of(part, 7)]
        assert set(np.diff(starts).tolist()) == {7}
        assert part.rows - 20 - 7 < starts[-1] - starts[0] <= part.rows - 20


def test_an_entity_too_short_for_parts_of_its_own_trains() -> None:
    made = split(segments_of(400, 20), 10, 1)
    assert rows_of(made.train) == [*range(268), *range(400, 420)]


def test_a_piece_shorter_than_a_window_makes_one_of_all_its_rows() -> None:
    made = split(segments_of(300, 6), 10, 1)
    assert windows_of(made.train)[-1] == (300, 6)
    rows = np.zeros((306, 2), np.float32)
    windows = WindowSet(rows, made.train.starts, made.train.lengths, 10, made.train.runs)
    starts, lengths = windows.places(np.array([len(windows) - 1]))
    assert (starts.tolist(), lengths.tolist()) == ([300], [6])


@settings(max_examples=60, deadline=None)
@given(STRETCHES, st.integers(4, 12), st.integers(1, 4))
def test_windows_are_found_by_their_number(
    stretches: list[tuple[int, int, int]], window_length: int, window_stride: int
) -> None:
    segments = find_segments(history_of(stretches), MAX_GAP_NS)
    try:
        part = split(segments, window_length, window_stride).train
    except DataError:
        return
    rows = np.zeros((len(segments.rows), 1), np.float32)
    windows = WindowSet(rows, part.starts, part.lengths, window_length, part.runs, window_stride)
    starts, lengths = windows.places(np.arange(len(windows))[::-1])
    found = list(zip(starts.tolist(), lengths.tolist(), strict=True))
    assert found == windows_of(part, window_stride)[::-1]


def test_a_piece_below_the_shortest_window_makes_none() -> None:
    made = split(segments_of(300, 3), 10, 1)
    assert max(windows_of(made.train)) == (188, 10)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 78), min_size=3, max_size=12))
def test_short_entities_are_dealt_out_whole(rows: list[int]) -> None:
    """Each part gets some, the order of the entities is kept, and too few windows are refused."""
    segments = segments_of(*rows)
    try:
        made = split(segments, 4, 1)
    except DataError:
        assert sum(max(0, count - 3) for count in rows) < 12 * 75  # a part of a long history
        return
    held_by = [{bisect(segments, row) for row in rows_of(part)} for part in parts_of(made)]
    for before, after in pairwise(held_by):
        assert max(before) < min(after)
    assert all(part.windows >= least for part, least in zip(parts_of(made), LEAST, strict=True))


def bisect(segments: Segments, row: int) -> int:
    return int(np.searchsorted(segments.starts, row, side="right")) - 1


def test_many_short_entities_are_dealt_out_by_rows() -> None:
    made = split(segments_of(*[20] * 100), 16, 1)
    shares = [part.rows / 2_000 for part in parts_of(made)]
    assert shares == pytest.approx(
        [1 - 2 * HELD_OUT_SHARE, HELD_OUT_SHARE, HELD_OUT_SHARE], abs=0.02
    )


ENOUGH = "where at least 32, 16 and 16 are needed; 79 rows of one entity without a gap are enough"


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ((), "0 usable rows in 0 stretches without a gap make 0 windows of 4 readings to train, "
         "0 to validate and 0 to test"),
        ((1,), "1 usable row in 1 stretch without a gap make 0 windows of 4 readings to train, "
         "0 to validate and 0 to test"),
        ((78,), "78 usable rows in 1 stretch without a gap make 75 windows of 4 readings to train, "
         "0 to validate and 0 to test"),
        ((5, 4, 4), "13 usable rows in 3 stretches without a gap make 2 windows of 4 readings to "
         "train, 1 to validate and 1 to test"),
    ],
)  # fmt: skip
def test_a_history_that_is_too_short_is_refused_with_what_was_found_and_the_minimum(
    rows: tuple[int, ...], found: str
) -> None:
    segments = segments_of(*rows)
    with pytest.raises(DataError) as caught:
        split(segments, auto_window_length(longest_entity(segments)), 1)
    assert str(caught.value) == f"the history is too short: {found}, {ENOUGH}"


def test_the_minimum_of_a_chosen_window_is_named_and_enough() -> None:
    with pytest.raises(DataError, match=r"220 rows of one .*, 79 with --window-length 4 --window"):
        split(segments_of(219), 20, 2)
    made = split(segments_of(220), 20, 2)
    assert [part.windows for part in parts_of(made)] == [32, 16, 16]


def test_a_history_in_pieces_is_told_of_max_gap() -> None:
    segments = find_segments(history_of([(0, 0, 3)] * 100), MAX_GAP_NS)
    with pytest.raises(DataError, match=r"in 100 stretches .* a larger --max-gap makes fewer"):
        split(segments, 20, 1)
