"""From the errors of channels to one number for a window."""

from __future__ import annotations

import numpy as np

from sentinel.kernels.jit import jit
from sentinel.kernels.types import Float32Array, FloatArray


@jit
def normalised_error(errors: Float32Array, error_scale: FloatArray, out: FloatArray) -> None:
    """Mean over the channels of error / error_scale: 1 where a window is as odd as usual.

    errors       (B, F), NaN = the channel has no value in the window: left out of the mean
    error_scale  (F,) what is usual for each channel
    out          (B,) float64; NaN where no channel has a value
    """
    windows, channels = errors.shape
    for b in range(windows):
        total, count = 0.0, 0
        for f in range(channels):
            if not np.isnan(errors[b, f]):
                total += errors[b, f] / error_scale[f]
                count += 1
        out[b] = total / count if count > 0 else np.nan
