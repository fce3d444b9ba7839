"""The linear companion: how far the newest readings lie from the subspace of usual ones.

Principal components of windows that hold 90% of the variance; what they leave is the error.
Source: Jackson & Mudholkar, "Control procedures for residuals associated with principal component
analysis", Technometrics 21 (1979).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sentinel.kernels.jit import jit
from sentinel.records import Float32Array, FloatArray, TimeArray

VARIANCE_KEPT = 0.9


@dataclass(frozen=True, slots=True)
class Subspace:
    """A subspace of windows of D = L F numbers: L means of `block` readings each, newest last.

    mean        (D,) float32, scaled units
    components  (R, D) float32, orthonormal
    block       readings in a mean
    judged      the error is that of so many of the newest means
    """

    mean: Float32Array
    components: Float32Array
    block: int
    judged: int

    def reach(self, channels: int) -> int:
        """Readings that an error is made of."""
        return len(self.mean) // channels * self.block


def window_rows(rows: Float32Array, newest: TimeArray, length: int, block: int) -> FloatArray:
    """Windows as rows (M, L F) of means over blocks; a missing value counts as its channel's mean.

    rows    (N, F) scaled
    newest  (M,) the row that each window ends with
    length  L, in blocks
    """
    places = newest[:, None] + np.arange(1 - length * block, 1)
    windows = np.nan_to_num(rows[places].astype(np.float64))
    blocks = windows.reshape(len(newest), length, block, rows.shape[1]).mean(axis=2)
    return np.asarray(blocks.reshape(len(newest), -1))


def fit_subspace(windows: FloatArray, block: int, judged: int) -> Subspace:
    """The subspace of windows (M, D), by their covariance."""
    mean = windows.mean(axis=0)
    centred = windows - mean
    variances, directions = np.linalg.eigh(centred.T @ centred / len(windows))
    variances, directions = np.maximum(variances[::-1], 0), directions[:, ::-1]
    share = np.cumsum(variances) / max(variances.sum(), 1e-12)
    kept = int(np.searchsorted(share, VARIANCE_KEPT)) + 1
    # A component's sign is arbitrary; one fixed, the same history gives the same bytes.
    kept = min(kept, max(len(mean) - 1, 1))
    components = directions[:, :kept].T
    largest = np.abs(components).argmax(axis=1)
    components = components * np.sign(components[np.arange(kept), largest])[:, None]
    return Subspace(
        mean.astype(np.float32),
        np.ascontiguousarray(components, np.float32),
        block,
        judged,
    )


def subspace_errors(
    subspace: Subspace, rows: Float32Array, newest: TimeArray, errors: Float32Array
) -> None:
    """Mean squared distance of each channel from the subspace.

    rows    (N, F) scaled, NaN = missing
    newest  (M,) the row of each reading
    errors  (M, F) overwritten; scaled units squared
    """
    components = subspace.components
    across = np.ascontiguousarray(components.T)
    _errors(
        rows, newest, subspace.mean, components, across, subspace.block, subspace.judged, errors
    )


@jit
def _errors(
    rows: Float32Array,
    newest: TimeArray,
    mean: Float32Array,
    components: Float32Array,
    across: Float32Array,
    block: int,
    judged: int,
    errors: Float32Array,
) -> None:
    channels = rows.shape[1]
    size, kept = across.shape
    length = size // channels
    x = np.empty(size, np.float32)
    weight = np.empty(kept, np.float32)
    for n in range(len(newest)):
        first = newest[n] + 1 - length * block
        for i in range(length):
            for f in range(channels):
                x[i * channels + f] = 0
            for row in range(first + i * block, first + (i + 1) * block):
                for f in range(channels):
                    value = rows[row, f]
                    x[i * channels + f] += value if value == value else np.float32(0)
        for d in range(size):
            x[d] = x[d] / np.float32(block) - mean[d]
        weight[:] = 0
        # Both loops run along what is contiguous, so that neither sums across lanes.
        for d in range(size):
            for r in range(kept):
                weight[r] += x[d] * across[d, r]
        first_judged = (length - judged) * channels
        for r in range(kept):
            for d in range(first_judged, size):
                x[d] -= weight[r] * components[r, d]
        for f in range(channels):
            errors[n, f] = 0
        for i in range(length - judged, length):
            for f in range(channels):
                errors[n, f] += x[i * channels + f] * x[i * channels + f] / np.float32(judged)
