"""A history cut into segments: stretches of one entity and file without a gap, in time order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sentinel.kernels.jit import jit
from sentinel.kernels.windows import has_value
from sentinel.records import FloatArray, IndexArray, Readings, TimeArray

SAMPLE_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Segments:
    """The usable rows of a history, ordered by entity and, within it, by arrival.

    rows        (M,) int64, rows of the history
    starts      (S + 1,) where each segment begins in `rows`, and M
    entity      (S,) entity of each segment
    duplicates, late, empty   rows left out: same time, older time, no value at all
    """

    rows: TimeArray
    starts: TimeArray
    entity: IndexArray
    duplicates: int
    late: int
    empty: int


def median_interval_ns(entity: IndexArray, time_ns: TimeArray) -> int:
    """Median time between two readings of one entity that follow each other; 0 where none do."""
    order = np.argsort(entity[:SAMPLE_MAX], kind="stable")
    steps = np.diff(time_ns[:SAMPLE_MAX][order])
    steps = steps[(np.diff(entity[:SAMPLE_MAX][order]) == 0) & (steps > 0)]
    return int(np.median(steps)) if len(steps) else 0


def find_segments(history: Readings, max_gap_ns: int) -> Segments:
    """Cut a history. The same rules as the stream's: older and equal times are dropped.

    max_gap_ns  a longer time between two readings starts a new segment
    """
    order = np.argsort(history.entity, kind="stable")
    kept = np.empty(len(order), np.int64)
    starts = np.empty(len(order) + 1, np.int64)
    segments, rows, duplicates, late, empty = _cut(
        order, history.entity, history.time_ns, history.partition, history.values,
        max_gap_ns, kept, starts,
    )  # fmt: skip
    kept = kept[:rows].copy()
    starts = starts[: segments + 1].copy()
    return Segments(kept, starts, history.entity[kept[starts[:-1]]], duplicates, late, empty)


@jit
def _cut(
    order: TimeArray,
    entity: IndexArray,
    time_ns: TimeArray,
    partition: IndexArray,
    values: FloatArray,
    max_gap_ns: int,
    kept: TimeArray,
    starts: TimeArray,
) -> tuple[int, int, int, int, int]:
    segments, rows, duplicates, late, empty = 0, 0, 0, 0, 0
    last = -1
    for n in range(len(order)):
        row = order[n]
        if not has_value(values, row):
            empty += 1
            continue
        if last < 0 or entity[row] != entity[last]:
            new = True
        elif time_ns[row] == time_ns[last]:
            duplicates += 1
            continue
        elif time_ns[row] < time_ns[last]:
            late += 1
            continue
        else:
            new = partition[row] != partition[last] or time_ns[row] - time_ns[last] > max_gap_ns
        if new:
            starts[segments] = rows
            segments += 1
        kept[rows] = row
        rows += 1
        last = row
    starts[segments] = rows
    return segments, rows, duplicates, late, empty
