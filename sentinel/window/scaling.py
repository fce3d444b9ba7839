"""Scaling of each channel, fitted on the training part only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from sentinel.kernels.windows import scale_rows
from sentinel.records import BoolArray, Float32Array, FloatArray, TimeArray

ScalingMethod = Literal["standard", "min-max", "robust"]

CHUNK_ROWS = 65_536
SAMPLE_VALUES_MAX = 4_000_000
# Relative to its level, what a channel of rounded doubles may seem to move while it stands still.
CONSTANT = 1e-9


class ValueRange(NamedTuple):
    """Lowest and highest value of each channel, (F,) raw units; NaN where it has none."""

    lowest: FloatArray
    highest: FloatArray

    def constant(self) -> BoolArray:
        """Which channels (F,) stand still, as `fit_scaling` has it, or are not there."""
        low, high = self
        return np.asarray(~(high - low > CONSTANT * np.abs(low + high)))


@dataclass(frozen=True, slots=True)
class Scaling:
    """scaled = (raw - centre) / spread, clipped to +-10.  centre, spread (F,), raw units."""

    method: ScalingMethod
    centre: FloatArray
    spread: FloatArray

    def apply(self, values: FloatArray) -> Float32Array:
        """Raw values (N, F) to scaled float32; NaN stays NaN."""
        out = np.empty(values.shape, np.float32)
        scale_rows(values, self.centre, self.spread, out)
        return out

    def invert(self, scaled: Float32Array) -> FloatArray:
        """Scaled values (..., F) back to raw units (clipping cannot be undone)."""
        return np.asarray(scaled, np.float64) * self.spread + self.centre


def fit_scaling(values: FloatArray, rows: TimeArray, method: ScalingMethod) -> Scaling:
    """The scaling of the given rows of a history.

    values  (N, F) raw, may be a memory map; rows  (M,) the rows of the training part
    A channel that is constant there (spread within 1e-9 of its level) gets spread 1, so that it
    weighs nothing while it stands still and shows when it starts to move; one without any value
    gets centre 0.
    robust takes its quartiles from evenly spaced rows, of at most four million values together.
    """
    if method == "standard":
        centre, spread = _moments(values, rows)
    elif method == "min-max":
        low, high = value_range(values, rows)
        centre, spread = (low + high) / 2, (high - low) / 2
    else:
        sample = values[rows[:: len(rows) * values.shape[1] // SAMPLE_VALUES_MAX + 1]]
        empty = np.isnan(sample).all(axis=0)
        quarters = np.nanquantile(np.where(empty, 0.0, sample), (0.25, 0.5, 0.75), axis=0)
        # 1.349 quartile ranges are one standard deviation of a normal distribution.
        centre, spread = quarters[1], (quarters[2] - quarters[0]) / 1.349
    centre = np.where(np.isfinite(centre), centre, 0.0)
    usable = np.isfinite(spread) & (spread > CONSTANT * np.abs(centre))
    return Scaling(method, centre, np.where(usable, spread, 1.0))


def value_range(values: FloatArray, rows: TimeArray) -> ValueRange:
    """The range of the given rows of a history; values, rows  as of `fit_scaling`"""
    low = np.full(values.shape[1], np.inf)
    high = np.full(values.shape[1], -np.inf)
    for chunk in _chunks(values, rows):
        low = np.fmin(low, np.fmin.reduce(chunk, axis=0))
        high = np.fmax(high, np.fmax.reduce(chunk, axis=0))
    empty = low > high
    return ValueRange(np.where(empty, np.nan, low), np.where(empty, np.nan, high))


def _chunks(values: FloatArray, rows: TimeArray) -> Iterator[FloatArray]:
    for start in range(0, len(rows), CHUNK_ROWS):
        yield values[rows[start : start + CHUNK_ROWS]]


def _moments(values: FloatArray, rows: TimeArray) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation by merging chunks (Chan, Golub & LeVeque 1983)."""
    channels = values.shape[1]
    count, mean, squares = np.zeros(channels), np.zeros(channels), np.zeros(channels)
    for chunk in _chunks(values, rows):
        there = np.isfinite(chunk)
        n = there.sum(axis=0)
        safe = np.maximum(n, 1)
        chunk_mean = np.where(there, chunk, 0.0).sum(axis=0) / safe
        chunk_squares = (np.where(there, chunk - chunk_mean, 0.0) ** 2).sum(axis=0)
        both = np.maximum(count + n, 1)
        delta = chunk_mean - mean
        squares += chunk_squares + delta**2 * count * n / both
        mean += delta * n / both
        count += n
    return mean, np.sqrt(squares / np.maximum(count, 1))
