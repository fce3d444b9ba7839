"""The nearest companion: the newest readings against the most similar ones of the history.

One nearest neighbour by Euclid's distance over all channels; see Ramaswamy, Rastogi & Shim,
"Efficient algorithms for mining outliers from large data sets", SIGMOD 2000.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sentinel.kernels.jit import jit, lean
from sentinel.kernels.plan import padded
from sentinel.kernels.products import panels
from sentinel.kernels.tiles import Tile, add_product, rows_of, store_tile, width_of, zero_tile
from sentinel.records import Float32Array, IndexArray, TimeArray

REACH = 8  # readings that are compared
SAMPLES_MAX = 1000
FAR = 1e30


@dataclass(frozen=True, slots=True)
class Nearest:
    """Windows of the history to compare with.

    across  (D, M) float32: the M windows' D = reach x F numbers, oldest reading first
    half    (M,) float32: half of each one's squared length
    """

    across: Float32Array
    half: Float32Array

    def reach(self, channels: int) -> int:
        """Readings that are compared."""
        return len(self.across) // channels


def fit_nearest(windows: Float32Array) -> Nearest:
    """Keep these windows (M, D)."""
    across = np.ascontiguousarray(windows.T, np.float32)
    half = 0.5 * (windows.astype(np.float64) ** 2).sum(axis=1)
    return Nearest(across, half.astype(np.float32))


class NearestMeter:
    """Measures against the nearest window, by the tile of a variant of the kernels."""

    def __init__(self, nearest: Nearest, tile: Tile) -> None:
        samples = len(nearest.half)
        # What fills the last tile is nearest to nothing.
        self._half = np.full(padded(samples, tile.width), FAR, np.float32)
        self._half[:samples] = nearest.half
        self._across, self._tile = panels(nearest.across, tile.width), tile

    def errors(self, rows: Float32Array, newest: TimeArray, errors: Float32Array) -> None:
        """Mean squared difference of each channel to the nearest window.

        rows    (N, F) scaled, NaN = missing: compared as 0
        newest  (M,) the row of each reading
        errors  (M, F) overwritten; scaled units squared
        """
        _errors(self._tile, rows, newest, self._across, self._half, errors)


@jit
def _errors(
    tile: type[Tile],
    rows: Float32Array,
    newest: TimeArray,
    across: Float32Array,
    half: Float32Array,
    errors: Float32Array,
) -> None:
    channels, samples = rows.shape[1], len(half)
    size, width = len(across) // samples, width_of(tile)
    reach, together = size // channels, rows_of(tile)
    x = np.zeros(together * size, np.float32)
    best, top = np.empty(together * width, np.int32), np.empty(together * width, np.float32)
    found = np.empty(together * width, np.float32)
    for first in range(0, len(newest), together):
        count = min(together, len(newest) - first)
        for b in range(count):
            oldest = newest[first + b] + 1 - reach
            for i in range(reach):
                for f in range(channels):
                    value = rows[oldest + i, f]
                    x[b * size + i * channels + f] = value if value == value else np.float32(0)
        best[:], top[:] = 0, -np.inf
        for m in range(0, samples, width):
            acc = add_product(zero_tile(tile), x, 0, size, 1, across, m * size, width, size)
            store_tile(found, 0, width, acc)
            _keep_best(together, width, m, half, found, top, best)
        for b in range(count):
            sample = _best(top, best, b * width, width)
            at = sample // width * width * size + sample % width
            for f in range(channels):
                total = np.float32(0)
                for d in range(f, size, channels):
                    step = x[b * size + d] - across[at + d * width]
                    total += step * step
                errors[first + b, f] = total / np.float32(reach)


@lean
def _keep_best(
    together: int,
    width: int,
    m: int,
    half: Float32Array,
    found: Float32Array,
    top: Float32Array,
    best: IndexArray,
) -> None:
    """The closest sample so far of every row and lane, after those from m on.

    (x - s)^2 is least where x s - s^2 / 2 is largest: one multiplication for each number.
    """
    for b in range(together):
        for lane in range(width):
            at = np.uint64(b * width + lane)
            closeness = found[at] - half[np.uint64(m + lane)]
            closer = closeness > top[at]
            top[at] = closeness if closer else top[at]
            best[at] = np.int32(m) if closer else best[at]


@lean
def _best(top: Float32Array, best: IndexArray, first: int, width: int) -> int:
    """The closest sample of a row; of several, the first."""
    sample, closest = int(best[first]), top[first]
    for lane in range(1, width):
        at = first + lane
        if top[at] > closest or (top[at] == closest and best[at] + lane < sample):
            sample, closest = best[at] + lane, top[at]
    return sample
