"""Stretches of the readings for figures, however long: lowest and highest value per bucket.

Readings are passed by once; what is kept is bounded by the buckets, not by the input.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from sentinel.records import FloatArray, IndexArray, Readings, TimeArray

# Readings, and what was expected of each (N, F): raw units, NaN where nothing was.
Explained: TypeAlias = tuple[Readings, FloatArray]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Readings of one entity that a figure is to show.

    rows      (n,) of the input, ascending, at least one
    time_ns   (n,) their times
    ratio     (n,) their score ratios
    channels  (k,) columns of `Readings.values`
    """

    rows: TimeArray
    time_ns: TimeArray
    ratio: FloatArray
    channels: Sequence[int]


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A stretch in B buckets of readings that follow on each other; a short one has one in each.

    time_ns    (B,) of the first reading
    ratio      (B,) highest
    low, high  (B, k) of each channel; NaN where no reading has a value
    expected   (2, B, k) lowest and highest of what was expected of it; NaN where nothing was
    """

    time_ns: TimeArray
    ratio: FloatArray
    low: FloatArray
    high: FloatArray
    expected: FloatArray


def gather(
    stretches: Sequence[Stretch], batches: Iterable[Explained], buckets_max: int
) -> list[Excerpt]:
    """The excerpts of all stretches from one pass over the input's batches, in their order."""
    pending = [_Pending(stretch, buckets_max) for stretch in stretches]
    first_row = 0
    for readings, expected in batches:
        for one in pending:
            one.take(readings.values, expected, first_row)
        first_row += len(readings)
    return [one.excerpt() for one in pending]


class _Pending:
    """An excerpt that is being filled."""

    def __init__(self, stretch: Stretch, buckets_max: int) -> None:
        count = len(stretch.rows)
        buckets = min(count, buckets_max)
        self._stretch = stretch
        self._bucket: IndexArray = (np.arange(count) * buckets // count).astype(np.int32)
        self._low = np.full((buckets, len(stretch.channels)), np.nan)
        self._high = self._low.copy()
        self._expected = np.stack([self._low, self._low])

    def take(self, values: FloatArray, expected: FloatArray, first_row: int) -> None:
        """Look for the stretch's rows in a batch that begins at `first_row` of the input."""
        rows = self._stretch.rows
        begin, end = np.searchsorted(rows, [first_row, first_row + len(values)])
        if begin == end:
            return
        bucket, places = self._bucket[begin:end], rows[begin:end] - first_row
        for columns, low, high in (
            (values, self._low, self._high),
            (expected, *self._expected),
        ):
            here = columns[places][:, self._stretch.channels]
            np.fmin.at(low, bucket, here)
            np.fmax.at(high, bucket, here)

    def excerpt(self) -> Excerpt:
        """What was found."""
        starts = np.flatnonzero(np.diff(self._bucket, prepend=-1))
        ratio = np.fmax.reduceat(self._stretch.ratio, starts)
        return Excerpt(self._stretch.time_ns[starts], ratio, self._low, self._high, self._expected)
