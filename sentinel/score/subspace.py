"""The linear companion: how far the newest readings lie from the subspace of usual ones.

Principal components of windows that hold 90% of the variance; what they leave is the error.
Source: Jackson & Mudholkar, "Control procedures for residuals associated with principal component
analysis", Technometrics 21 (1979). A window far from the middle counts with a bounded length, or a
few of them would take the components: Raymaekers & Rousseeuw, "A generalized spatial sign
covariance matrix", Journal of Multivariate Analysis 171 (2019). The middle is the mean: scaled
readings are clipped, and a median of each number is no window that ever was.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sentinel.kernels.jit import jit, lean
from sentinel.kernels.products import add_matrix_product, panels, product_rows
from sentinel.kernels.tiles import Tile, width_of
from sentinel.records import Float32Array, FloatArray, TimeArray

VARIANCE_KEPT = 0.9
# Quantile of the windows' distances from the middle beyond which none counts as farther.
NEAR_SHARE = 0.75


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
    """The subspace of windows (M, D), by the covariance of what counts of them."""
    middle = windows.mean(axis=0)
    away = windows - middle
    distance = np.linalg.norm(away, axis=1, keepdims=True)
    near = np.quantile(distance, NEAR_SHARE) / np.maximum(distance, 1e-12)
    counted = middle + away * np.minimum(near, 1)
    mean = counted.mean(axis=0)
    centred = counted - mean
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


class SubspaceMeter:
    """Measures the distance from a subspace, by the tile of a variant of the kernels."""

    def __init__(self, subspace: Subspace, tile: Tile) -> None:
        self._across = panels(subspace.components.T, tile.width)
        self._components = panels(subspace.components, tile.width)
        self._kept, self._tile, self._subspace = len(subspace.components), tile, subspace

    def errors(self, rows: Float32Array, newest: TimeArray, errors: Float32Array) -> None:
        """Mean squared distance of each channel from the subspace.

        rows    (N, F) scaled, NaN = missing: counts as the channel's mean
        newest  (M,) the row of each reading
        errors  (M, F) overwritten; scaled units squared
        """
        subspace = self._subspace
        _errors(
            self._tile, rows, newest, subspace.mean, self._across, self._components, self._kept,
            subspace.block, subspace.judged, errors,
        )  # fmt: skip


@jit
def _errors(
    tile: type[Tile],
    rows: Float32Array,
    newest: TimeArray,
    mean: Float32Array,
    across: Float32Array,
    components: Float32Array,
    kept: int,
    block: int,
    judged: int,
    errors: Float32Array,
) -> None:
    channels, size = rows.shape[1], len(mean)
    length, kept_room, room = size // channels, len(across) // size, len(components) // kept
    together = product_rows(tile)
    # Columns before the first judged one are not needed, as far as whole tiles go.
    first_judged = (length - judged) * channels
    from_column = first_judged // width_of(tile) * width_of(tile)
    x = np.zeros(together * room, np.float32)
    weight = np.empty(together * kept_room, np.float32)
    for first in range(0, len(newest), together):
        count = min(together, len(newest) - first)
        for b in range(count):
            oldest = newest[first + b] + 1 - length * block
            _blocks(rows, oldest, block, mean, x, b * room)
        weight[:] = 0
        add_matrix_product(tile, x, room, size, across, kept_room, 0, weight)
        for n in range(len(weight)):
            weight[n] = -weight[n]
        add_matrix_product(tile, weight, kept_room, kept, components, room, from_column, x)
        for b in range(count):
            for f in range(channels):
                errors[first + b, f] = 0
            for d in range(b * room + first_judged, b * room + size, channels):
                for f in range(channels):
                    errors[first + b, f] += x[d + f] * x[d + f]
            for f in range(channels):
                errors[first + b, f] /= np.float32(judged)


@lean
def _blocks(
    rows: Float32Array, oldest: int, block: int, mean: Float32Array, x: Float32Array, at: int
) -> None:
    """Means (L F,) of blocks of rows from the oldest on, less the usual ones, from x[at] on."""
    # What lies side by side in memory is one run: an index without a sign lets lanes add it.
    flat, channels, size = rows.reshape(-1), rows.shape[1], len(mean)
    run = size if block == 1 else channels
    for first in range(0, size, run):
        for i in range(run):
            x[np.uint64(at + first + i)] = 0
        for row in range(oldest, oldest + block):
            for i in range(run):
                value = flat[np.uint64(row * channels + i)]
                x[np.uint64(at + first + i)] += value if value == value else np.float32(0)
        oldest += block
    for i in range(size):
        x[np.uint64(at + i)] = x[np.uint64(at + i)] / np.float32(block) - mean[i]
