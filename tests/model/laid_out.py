"""Windows (T, F, B) as rows of readings, the form in which the scorer and the learner read them."""

from __future__ import annotations

import numpy as np

from sentinel.model.prepared import Backend
from sentinel.records import TimeArray
from sentinel.runtime.kernels import cpu_features, runnable
from tests.kernels.samples import Float32Array

# Every variant that this machine can run, on one thread.
BACKENDS = {variant.name: Backend(variant) for variant in runnable(cpu_features())}


def laid_out(
    x: Float32Array, mask: Float32Array | None = None
) -> tuple[Float32Array, TimeArray, TimeArray]:
    """Rows (B T, F), NaN where masked, one window after another; first rows; numbers of rows."""
    steps, channels, windows = x.shape
    values = x if mask is None else np.where(mask == 1, x, np.float32(np.nan))
    rows = np.ascontiguousarray(values.transpose(2, 0, 1)).reshape(-1, channels)
    return rows, np.arange(windows) * steps, np.full(windows, steps)


def padded_on_the_left(
    steps: int, channels: int, lengths: TimeArray, seed: int
) -> tuple[tuple[Float32Array, TimeArray, TimeArray], tuple[Float32Array, TimeArray, TimeArray]]:
    """Windows shorter than T among infinities, and the same ones as whole windows without values.

    An infinity stands wherever a window that reached too far would read: before the first row,
    between the windows, after the last row.
    """
    rng = np.random.default_rng(seed)
    around = np.full((steps + 2 * steps * len(lengths), channels), np.inf, np.float32)
    whole = np.full((steps * len(lengths), channels), np.nan, np.float32)
    rows, starts = around[steps:-steps], np.zeros(len(lengths), np.int64)
    end = 0
    for b, length in enumerate(lengths.tolist()):
        starts[b] = end
        values = rng.standard_normal((length, channels)).astype(np.float32)
        rows[end : end + length] = whole[(b + 1) * steps - length : (b + 1) * steps] = values
        end += length + 1  # one infinity between
    rows = rows[: end - 1]
    places = np.arange(len(lengths)) * steps, np.full(len(lengths), steps)
    return (rows, starts, lengths), (whole, *places)
