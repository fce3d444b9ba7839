"""A history cut into segments: stretches of one entity and file without a gap, in time order.

A reading that is excluded is one that never came: where many are, there is a gap.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sentinel.kernels.jit import jit, shared
from sentinel.kernels.windows import has_value
from sentinel.records import BoolArray, FloatArray, IndexArray, Readings, TimeArray

SAMPLE_MAX = 1_000_000

# What a row is to the rows of its entity before it.
GOES_ON, BEGINS, DUPLICATE, LATE, EMPTY, EXCLUDED = 0, 1, 2, 3, 4, 5

AllocateIndices = Callable[[tuple[int], type[np.int64]], TimeArray]


@dataclass(frozen=True, slots=True)
class Segments:
    """The usable rows of a history, ordered by entity and, within it, by arrival.

    rows        (M,) int64, rows of the history; may be a memory map
    starts      (S + 1,) where each segment begins in `rows`, and M
    entity      (S,) entity of each segment
    duplicates, late, empty   rows left out: same time, older time, no value at all
    excluded    rows left out on demand
    """

    rows: TimeArray
    starts: TimeArray
    entity: IndexArray
    duplicates: int
    late: int
    empty: int
    excluded: int


def median_interval_ns(entity: IndexArray, time_ns: TimeArray) -> int:
    """Median time between two readings of one entity that follow each other; 0 where none do."""
    order = np.argsort(entity[:SAMPLE_MAX], kind="stable")
    steps = np.diff(time_ns[:SAMPLE_MAX][order])
    steps = steps[(np.diff(entity[:SAMPLE_MAX][order]) == 0) & (steps > 0)]
    return int(np.median(steps)) if len(steps) else 0


def find_segments(
    history: Readings,
    max_gap_ns: int,
    allocate: AllocateIndices = np.empty,
    excluded: BoolArray | None = None,
) -> Segments:
    """Cut a history. The same rules as the stream's: older and equal times are dropped.

    max_gap_ns  a longer time between two readings starts a new segment
    allocate    makes the only array that is as long as the history: (shape, dtype) -> array
    excluded    (N,) rows to leave out; None: none
    """
    entities = int(history.entity.max()) + 1 if len(history) else 0
    excluded = np.zeros(0, np.bool_) if excluded is None else excluded
    columns = (
        history.entity, history.time_ns, history.partition, history.values, excluded, max_gap_ns
    )  # fmt: skip
    rows, segments, left_out = (np.zeros(count, np.int64) for count in (entities, entities, 6))
    _count(*columns, _nothing_yet(entities), rows, segments, left_out)
    kept = allocate((int(rows.sum()),), np.int64)
    starts = np.full(int(segments.sum()) + 1, len(kept))
    # From counts to places: each entity's rows stand behind those of the entities before it.
    next_row, next_segment = np.cumsum(rows) - rows, np.cumsum(segments) - segments
    _place(*columns, _nothing_yet(entities), next_row, next_segment, kept, starts)
    of_segment = np.repeat(np.arange(entities, dtype=np.int32), segments)
    counts = (int(left_out[what]) for what in (DUPLICATE, LATE, EMPTY, EXCLUDED))
    return Segments(kept, starts, of_segment, *counts)


def _nothing_yet(entities: int) -> TimeArray:
    """(E,) the newest usable row of each entity; -1: none yet."""
    return np.full(entities, -1)


@shared
def _judged(
    time_ns: TimeArray,
    partition: IndexArray,
    values: FloatArray,
    excluded: BoolArray,
    max_gap_ns: int,
    last: int,
    row: int,
) -> int:
    """What a row is, where `last` is the entity's newest usable row before it, or -1."""
    if not has_value(values, row):
        return EMPTY
    if len(excluded) and excluded[row]:
        return EXCLUDED
    step_ns = time_ns[row] - time_ns[last] if last >= 0 else 1
    if step_ns <= 0:
        return DUPLICATE if step_ns == 0 else LATE
    goes_on = last >= 0 and partition[row] == partition[last] and step_ns <= max_gap_ns
    return GOES_ON if goes_on else BEGINS


@jit
def _count(
    entity: IndexArray,
    time_ns: TimeArray,
    partition: IndexArray,
    values: FloatArray,
    excluded: BoolArray,
    max_gap_ns: int,
    last: TimeArray,
    rows: TimeArray,
    segments: TimeArray,
    left_out: TimeArray,
) -> None:
    """Count the usable rows and the segments of each entity, and what is left out, by its kind."""
    for row in range(len(entity)):
        e = entity[row]
        kind = _judged(time_ns, partition, values, excluded, max_gap_ns, last[e], row)
        if kind > BEGINS:
            left_out[kind] += 1
        else:
            rows[e] += 1
            segments[e] += kind == BEGINS
            last[e] = row


@jit
def _place(
    entity: IndexArray,
    time_ns: TimeArray,
    partition: IndexArray,
    values: FloatArray,
    excluded: BoolArray,
    max_gap_ns: int,
    last: TimeArray,
    next_row: TimeArray,
    next_segment: TimeArray,
    kept: TimeArray,
    starts: TimeArray,
) -> None:
    """Put every usable row and the beginning of every segment into its place."""
    for row in range(len(entity)):
        e = entity[row]
        kind = _judged(time_ns, partition, values, excluded, max_gap_ns, last[e], row)
        if kind == BEGINS:
            starts[next_segment[e]] = next_row[e]
            next_segment[e] += 1
        if kind <= BEGINS:
            kept[next_row[e]] = row
            next_row[e] += 1
            last[e] = row
