"""A history made ready: cut into segments, and its rows scaled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sentinel.fitting.settings import FitSettings
from sentinel.records import NS_PER_S, BoolArray, Float32Array, Readings, TimeArray
from sentinel.window.scaling import CHUNK_ROWS, Scaling, ValueRange, fit_scaling, value_range
from sentinel.window.segments import Segments, find_segments, median_interval_ns

GAP_INTERVALS = 10  # a gap is so many median sampling intervals, unless max_gap is given

# Makes an array that is as long as the history, a memory map where that is larger than memory.
Allocate = Callable[[tuple[int, ...], DTypeLike], NDArray[Any]]


@dataclass(frozen=True, slots=True)
class History:
    """A history, cut."""

    readings: Readings
    channels: Sequence[str]
    segments: Segments
    interval_ns: int
    max_gap_ns: int
    allocate: Allocate

    def rows_of(self, ranges: TimeArray) -> TimeArray:
        """The rows (M,) of the readings in these ranges (R, 2) of `segments.rows`."""
        rows = self.allocate((int(np.diff(ranges, axis=1).sum()),), np.int64)
        end = 0
        for first, stop in ranges.tolist():
            begin, end = end, end + stop - first
            rows[begin:end] = self.segments.rows[first:stop]
        return rows

    def scaling_of(self, rows: TimeArray, settings: FitSettings) -> Scaling:
        """The scaling of these rows."""
        return fit_scaling(self.readings.values, rows, settings.scaling)

    def range_of(self, rows: TimeArray) -> ValueRange:
        """The range of these rows."""
        return value_range(self.readings.values, rows)

    def scaled(self, scaling: Scaling) -> Float32Array:
        """All rows of the segments (M, F), in their order."""
        places = self.segments.rows
        rows = self.allocate((len(places), len(self.channels)), np.float32)
        for start in range(0, len(rows), CHUNK_ROWS):
            some = places[start : start + CHUNK_ROWS]
            rows[start : start + len(some)] = scaling.apply(self.readings.values[some])
        return rows

    def summary(self, trained: ValueRange) -> dict[str, Any]:
        """What is to be said about the history.  trained  the range of the rows that train"""
        return {
            "rows": len(self.readings),
            "rows_used": len(self.segments.rows),
            "rows_duplicate": self.segments.duplicates,
            "rows_late": self.segments.late,
            "rows_empty": self.segments.empty,
            "rows_excluded": self.segments.excluded,
            "entities": len(np.unique(self.segments.entity)),
            "segments": len(self.segments.entity),
            "channels": len(self.channels),
            "channels_constant": [
                name for name, still in zip(self.channels, trained.constant(), strict=True) if still
            ],
            "interval_s": self.interval_ns / NS_PER_S,
        }


def cut(
    readings: Readings,
    channels: Sequence[str],
    settings: FitSettings,
    allocate: Allocate,
    excluded: BoolArray | None = None,
) -> History:
    """Cut a history into segments, without the rows that are excluded."""
    interval_ns = median_interval_ns(readings.entity, readings.time_ns)
    max_gap_ns = settings.max_gap_ns or GAP_INTERVALS * interval_ns
    segments = find_segments(readings, max_gap_ns, allocate, excluded)
    return History(readings, channels, segments, interval_ns, max_gap_ns, allocate)
