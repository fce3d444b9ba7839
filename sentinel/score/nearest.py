"""The nearest companion: the newest readings against the most similar ones of the history.

One nearest neighbour by Euclid's distance over all channels; see Ramaswamy, Rastogi & Shim,
"Efficient algorithms for mining outliers from large data sets", SIGMOD 2000.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sentinel.kernels.jit import jit
from sentinel.records import Float32Array, TimeArray

REACH = 8  # readings that are compared
SAMPLES_MAX = 1000


@dataclass(frozen=True, slots=True)
class Nearest:
    """Windows of the history to compare with.

    across  (D, M) float32: the M windows' D = reach x F numbers, oldest reading first
    half    (M,) float32: half of each one's squared length
    """

    across: Float32Array
    half: Float32Array


def fit_nearest(windows: Float32Array) -> Nearest:
    """Keep these windows (M, D)."""
    across = np.ascontiguousarray(windows.T, np.float32)
    half = 0.5 * (windows.astype(np.float64) ** 2).sum(axis=1)
    return Nearest(across, half.astype(np.float32))


def nearest_errors(
    nearest: Nearest, rows: Float32Array, newest: TimeArray, errors: Float32Array
) -> None:
    """Mean squared difference of each channel to the nearest window.

    rows    (N, F) scaled, NaN = missing: compared as 0
    newest  (M,) the row of each reading
    errors  (M, F) overwritten; scaled units squared
    """
    _errors(rows, newest, nearest.across, nearest.half, errors)


@jit
def _errors(
    rows: Float32Array,
    newest: TimeArray,
    across: Float32Array,
    half: Float32Array,
    errors: Float32Array,
) -> None:
    channels = rows.shape[1]
    size, samples = across.shape
    reach = size // channels
    x = np.empty(size, np.float32)
    # (x - s)^2 is least where x s - s^2 / 2 is largest: one multiplication for each number.
    closeness = np.empty(samples, np.float32)
    for n in range(len(newest)):
        for i in range(reach):
            for f in range(channels):
                value = rows[newest[n] + 1 - reach + i, f]
                x[i * channels + f] = value if value == value else np.float32(0)
        for m in range(samples):
            closeness[m] = -half[m]
        for d in range(size):
            for m in range(samples):
                closeness[m] += x[d] * across[d, m]
        best = 0
        for m in range(samples):
            if closeness[m] > closeness[best]:
                best = m
        for f in range(channels):
            total = np.float32(0)
            for i in range(reach):
                step = x[i * channels + f] - across[i * channels + f, best]
                total += step * step
            errors[n, f] = total / np.float32(reach)
