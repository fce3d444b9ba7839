"""The nearest companion: the newest readings against the most similar ones of the history.

One nearest neighbour by Euclid's distance over all channels; see Ramaswamy, Rastogi & Shim,
"Efficient algorithms for mining outliers from large data sets", SIGMOD 2000.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sentinel.kernels.jit import jit
from sentinel.kernels.products import add_matrix_product, product_rows
from sentinel.kernels.tiles import Tile
from sentinel.records import Float32Array, TimeArray

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
        size, samples = nearest.across.shape
        room = -(-samples // tile.width) * tile.width
        across = np.zeros((size, room), np.float32)
        across[:, :samples] = nearest.across
        # What fills the last tile is nearest to nothing.
        half = np.full(room, FAR, np.float32)
        half[:samples] = nearest.half
        self._across, self._half, self._tile = across.reshape(-1), half, tile

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
    size = len(across) // samples
    reach, together = size // channels, product_rows(tile)
    x = np.zeros(together * size, np.float32)
    # (x - s)^2 is least where x s - s^2 / 2 is largest: one multiplication for each number.
    closeness = np.empty(together * samples, np.float32)
    for first in range(0, len(newest), together):
        count = min(together, len(newest) - first)
        for b in range(count):
            for i in range(reach):
                for f in range(channels):
                    value = rows[newest[first + b] + 1 - reach + i, f]
                    x[b * size + i * channels + f] = value if value == value else np.float32(0)
        for b in range(together):
            for m in range(samples):
                closeness[b * samples + m] = -half[m]
        add_matrix_product(tile, x, size, size, across, samples, 0, closeness)
        for b in range(count):
            best, top = 0, closeness[b * samples]
            for m in range(1, samples):
                if closeness[b * samples + m] > top:
                    best, top = m, closeness[b * samples + m]
            for f in range(channels):
                total = np.float32(0)
                for at in range(f, size, channels):
                    step = x[b * size + at] - across[at * samples + best]
                    total += step * step
                errors[first + b, f] = total / np.float32(reach)
