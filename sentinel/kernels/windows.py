"""Windows out of rows of readings: scaled, masked, windows last."""

from __future__ import annotations

import numpy as np

from sentinel.kernels.jit import jit, shared
from sentinel.kernels.types import Float32Array, FloatArray, Scalar, TimeArray

# Scaled values beyond this say "far off" already; larger ones would only swamp the other channels.
CLIP = 10.0


@shared
def scale(value: Scalar, centre: Scalar, spread: Scalar) -> Scalar:
    """(value - centre) / spread, clipped to +-CLIP; NaN stays NaN."""
    z = (value - centre) / spread
    z = CLIP if z > CLIP else z
    return -CLIP if z < -CLIP else z


@shared
def has_value(values: FloatArray, n: int) -> bool:
    """Whether row n of values (N, F) holds anything but NaN."""
    for f in range(values.shape[1]):  # noqa: SIM110 (Numba compiles no generator)
        if not np.isnan(values[n, f]):
            return True
    return False


@jit
def scale_rows(
    values: FloatArray, centre: FloatArray, spread: FloatArray, out: Float32Array
) -> None:
    """Rows in raw units to scaled units.  values, out (N, F); centre, spread (F,)."""
    for n in range(values.shape[0]):
        for f in range(values.shape[1]):
            out[n, f] = np.float32(scale(values[n, f], centre[f], spread[f]))


@jit
def gather(
    rows: Float32Array,
    starts: TimeArray,
    lengths: TimeArray,
    x: Float32Array,
    mask: Float32Array,
) -> None:
    """Windows of consecutive scaled rows; a missing value becomes 0 and is masked.

    rows     (N, F) scaled; NaN = missing
    starts   (B,) first row of each window
    lengths  (B,) rows of each window; fewer than T are padded on the left and masked
    x, mask  (T, F, B), overwritten
    """
    steps, channels, windows = x.shape
    for b in range(windows):
        padding = steps - lengths[b]
        for t in range(steps):
            for f in range(channels):
                x[t, f, b] = 0
                mask[t, f, b] = 0
                if t >= padding:
                    value = rows[starts[b] + t - padding, f]
                    if not np.isnan(value):
                        x[t, f, b] = value
                        mask[t, f, b] = 1
