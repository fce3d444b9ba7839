"""Masked squared errors of a reconstruction, its loss and the gradient of the loss."""

from __future__ import annotations

import numpy as np

from sentinel.kernels.jit import jit
from sentinel.kernels.types import Float32Array, FloatArray


@jit
def channel_errors(
    x: Float32Array, x_hat: Float32Array, mask: Float32Array, first: int, out: Float32Array
) -> None:
    """Mean squared error of each channel of each window over the steps first..T-1.

    x, x_hat, mask  (T, F, B), scaled units
    first           0: the whole window; T - 1: the newest reading alone
    out             (F, B) scaled units squared; NaN where the channel has no value in these steps
    """
    steps, channels, windows = x.shape
    count = np.empty(windows, np.float32)
    for f in range(channels):
        for b in range(windows):
            out[f, b] = 0
            count[b] = 0
        for t in range(first, steps):
            for b in range(windows):
                d = (x_hat[t, f, b] - x[t, f, b]) * mask[t, f, b]
                out[f, b] += d * d
                count[b] += mask[t, f, b]
        for b in range(windows):
            out[f, b] = out[f, b] / count[b]


@jit
def squared_error_gradient(
    x: Float32Array, x_hat: Float32Array, mask: Float32Array, scale: float, dx_hat: Float32Array
) -> float:
    """Sum of the masked squared errors, and the gradient of scale times that sum.

    x, x_hat, mask  (T, F, B)
    scale           1 / number of unmasked values of the whole minibatch: then it is the mean
    dx_hat          (T, F, B), overwritten: 2 scale (x_hat - x) mask
    """
    steps, channels, windows = x.shape
    total = 0.0
    twice = np.float32(2 * scale)
    for t in range(steps):
        for f in range(channels):
            for b in range(windows):
                d = (x_hat[t, f, b] - x[t, f, b]) * mask[t, f, b]
                total += np.float64(d) * np.float64(d)
                dx_hat[t, f, b] = twice * d
    return total


@jit
def normalised_error(errors: Float32Array, error_scale: FloatArray, out: FloatArray) -> None:
    """Mean over the channels of error / error_scale: 1 where a window is as odd as usual.

    errors       (F, B), NaN = the channel has no value in the window: left out of the mean
    error_scale  (F,) what is usual for each channel
    out          (B,) float64; NaN where no channel has a value
    The sum runs over the channels in order, so that its bits do not depend on B.
    """
    channels, windows = errors.shape
    for b in range(windows):
        total, count = 0.0, 0
        for f in range(channels):
            if not np.isnan(errors[f, b]):
                total += errors[f, b] / error_scale[f]
                count += 1
        out[b] = total / count if count > 0 else np.nan
