"""Rows of readings: scaled, and counted."""

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
def count_ahead(
    rows: Float32Array,
    starts: TimeArray,
    lengths: TimeArray,
    channels: int,
    steps: int,
    burn_in: int,
    horizons: int,
) -> tuple[int, int]:
    """How many values forecasts are compared with: the next ones, and all of `horizons` steps.

    rows     (N F,); starts, lengths  (B,) first row and number of rows of each window of T steps
    burn_in  the first of these from which the forecasts count
    """
    following, ahead = 0, 0
    for b in range(len(starts)):
        for i in range(lengths[b]):
            # A value is compared with the forecasts of the steps before it, from `burn_in` on.
            before = min(steps - lengths[b] + i - burn_in, horizons)
            for f in range(channels):
                if before > 0 and not np.isnan(rows[(starts[b] + i) * channels + f]):
                    following += 1
                    ahead += before
    return following, ahead


@jit
def count_values(
    rows: Float32Array, starts: TimeArray, lengths: TimeArray, counts: TimeArray
) -> None:
    """How many values of each channel of each window are not missing.

    rows    (N F,); starts, lengths  (B,) first row and number of rows of each window
    counts  (B, F), added to
    """
    windows, channels = counts.shape
    for b in range(windows):
        for n in range(starts[b] * channels, (starts[b] + lengths[b]) * channels):
            if not np.isnan(rows[n]):
                counts[b, (n - starts[b] * channels) % channels] += 1
