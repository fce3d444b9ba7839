"""Segments of a history: by entity, file and gap, by the same rules as the stream's."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.records import Readings
from sentinel.window.segments import find_segments, median_interval_ns

MAX_GAP_NS = 5


def history_of(rows: list[tuple[int, int, int, bool]]) -> Readings:
    """(entity, time, partition, empty) of each row."""
    count = len(rows)
    columns = [list(column) for column in zip(*rows, strict=True)] if rows else [[], [], [], []]
    values = np.where(np.array(columns[3], np.bool_), np.nan, 1.0)
    return Readings(
        np.array(columns[0], np.int32),
        np.array(columns[1], np.int64),
        np.array(columns[2], np.int32),
        np.arange(count, dtype=np.int64),
        np.column_stack([values, np.full(count, np.nan)]),
    )


def plain_segments(
    rows: list[tuple[int, int, int, bool]], excluded: set[int]
) -> tuple[list[tuple[int, list[int]]], dict[str, int]]:
    """(entity, rows) of each segment, and the counts of rows left out."""
    found: list[tuple[int, list[int]]] = []
    counts = {"duplicates": 0, "late": 0, "empty": 0, "excluded": 0}
    for entity in sorted({row[0] for row in rows}):
        newest: tuple[int, int] | None = None
        for number, (e, time_ns, partition, empty) in enumerate(rows):
            if e != entity:
                continue
            if empty:
                counts["empty"] += 1
            elif number in excluded:
                counts["excluded"] += 1
            elif newest is not None and time_ns == newest[0]:
                counts["duplicates"] += 1
            elif newest is not None and time_ns < newest[0]:
                counts["late"] += 1
            else:
                goes_on = (
                    newest is not None
                    and partition == newest[1]
                    and time_ns - newest[0] <= MAX_GAP_NS
                )
                if not goes_on:
                    found.append((e, []))
                found[-1][1].append(number)
                newest = time_ns, partition
    return found, counts


IS_EMPTY = st.sampled_from([False] * 5 + [True])
ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(1, 60), st.integers(0, 2), IS_EMPTY), max_size=80
)


@settings(max_examples=150, deadline=None)
@given(ROWS, st.booleans(), st.none() | st.sets(st.integers(0, 79)))
def test_segments_are_the_plain_ones_of_what_is_not_excluded(
    rows: list[tuple[int, int, int, bool]], in_time_order: bool, excluded: set[int] | None
) -> None:
    if in_time_order:
        rows = sorted(rows, key=lambda row: row[1])
    mask = None if excluded is None else np.isin(np.arange(len(rows)), list(excluded))
    segments = find_segments(history_of(rows), MAX_GAP_NS, excluded=mask)
    expected, counts = plain_segments(rows, excluded or set())
    found = [
        (int(entity), segments.rows[start:stop].tolist())
        for entity, start, stop in zip(
            segments.entity, segments.starts[:-1], segments.starts[1:], strict=True
        )
    ]
    assert found == expected
    assert counts == {name: getattr(segments, name) for name in counts}


def test_median_interval_is_taken_within_each_entity() -> None:
    entity = np.array([0, 1, 0, 1, 0, 1, 0], np.int32)
    time_ns = np.array([0, 1, 10, 11, 20, 21, 30])
    assert median_interval_ns(entity, time_ns) == 10


def test_median_interval_leaves_out_duplicates_and_late_readings() -> None:
    time_ns = np.array([0, 10, 10, 10, 10, 10, 5, 3, 13, 23])
    assert median_interval_ns(np.zeros(10, np.int32), time_ns) == 10


def test_no_reading_follows_another_without_an_interval() -> None:
    assert median_interval_ns(np.arange(5, dtype=np.int32), np.arange(5)) == 0
    assert median_interval_ns(np.empty(0, np.int32), np.empty(0, np.int64)) == 0
