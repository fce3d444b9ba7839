"""A minibatch's readings as inputs, and what a model makes of them as errors and their gradients.

A thread takes one value after another: the twin of what `slabs.windows_across` and
`gradient.loss_gradient` do for a tile. Targets are read from the rows, without noise.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import cuda, float64

from sentinel.kernels.cuda.draws import normal
from sentinel.kernels.cuda.jit import device, kernel
from sentinel.kernels.cuda.memory import load, store
from sentinel.kernels.types import Float32Array, FloatArray, TimeArray


@device
def reading(
    rows: Float32Array, starts: TimeArray, lengths: TimeArray, steps: int, channels: int, b: int,
    t: int, f: int,
) -> Any:  # fmt: skip
    """The value of a channel of window b at step t; NaN: missing, or padding on the left."""
    row = t - steps + lengths[b]
    if row < 0:
        return np.float32(math.nan)
    return load(rows, (starts[b] + row) * channels + f)


def block_sum_of(threads: int) -> Any:
    """What adds up a number of each thread, in one order; threads: a power of two."""

    @device
    def block_sum(parts: FloatArray, value: float) -> Any:
        """The sum, for every thread.  parts (threads,) shared."""
        me, half = cuda.threadIdx.x, threads // 2
        cuda.syncthreads()
        parts[me] = value
        cuda.syncthreads()
        while half > 0:
            if me < half:
                parts[me] += parts[me + half]
            cuda.syncthreads()
            half //= 2
        return parts[0]

    return block_sum


@device
def keep(sums: FloatArray, at: int, value: float, add: int) -> None:
    """A block's sum, where the caller finds it; add  1: to what is there."""
    sums[at] = sums[at] + value if add == 1 else value


def inputs_kernel(threads: int) -> Any:
    """The kernel that lays out windows."""

    @kernel(threads)
    def lay_out(
        rows: Float32Array,
        starts: TimeArray,
        lengths: TimeArray,
        first: int,
        batch: int,
        steps: int,
        channels: int,
        noise: np.float32,
        key_low: int,
        key_high: int,
        x: Float32Array,
    ) -> None:
        """Windows first, first + 1, ... into x (T, B, F), 0 where a value is missing.

        noise  standard deviation of what is added to each value that is there
        """
        for n in range(cuda.grid(1), steps * batch * channels, cuda.gridsize(1)):
            f, b, t = n % channels, n // channels % batch, n // (channels * batch)
            value = reading(rows, starts, lengths, steps, channels, first + b, t, f)
            if math.isnan(value):
                value = np.float32(0)
            elif noise > 0:
                value += noise * normal(f, first + b, t, key_low, key_high)
            store(x, n, value)

    return lay_out


def rebuilt_loss_kernel(threads: int) -> Any:
    """The kernel of what is rebuilt: outputs become gradients of their squared errors."""
    block_sum = block_sum_of(threads)

    @kernel(threads)
    def rebuilt_loss(
        rows: Float32Array,
        starts: TimeArray,
        lengths: TimeArray,
        first: int,
        batch: int,
        steps: int,
        channels: int,
        scale: float,
        x_hat: Float32Array,
        errors: FloatArray,
        to: int,
        add: int,
    ) -> None:
        """x_hat (T, B, F) becomes 2 scale (x_hat - x) where x is known, else 0.

        errors  each block's sum of squares from `to` on;  add  1: to what is there
        """
        parts = cuda.shared.array(threads, float64)
        total, twice = 0.0, np.float32(2 * scale)
        for n in range(cuda.grid(1), steps * batch * channels, cuda.gridsize(1)):
            f, b, t = n % channels, n // channels % batch, n // (channels * batch)
            value = reading(rows, starts, lengths, steps, channels, first + b, t, f)
            d = np.float32(0) if math.isnan(value) else load(x_hat, n) - value
            total += float(d) * float(d)
            store(x_hat, n, d * twice)
        total = block_sum(parts, total)
        if cuda.threadIdx.x == 0:
            keep(errors, to + cuda.blockIdx.x, total, add)

    return rebuilt_loss


def forecast_loss_kernel(threads: int) -> Any:
    """The kernel of what is forecast: outputs become gradients of their squared errors."""
    block_sum = block_sum_of(threads)

    @kernel(threads)
    def forecast_loss(
        rows: Float32Array,
        starts: TimeArray,
        lengths: TimeArray,
        first: int,
        batch: int,
        steps: int,
        channels: int,
        horizons: int,
        burn_in: int,
        next_scale: float,
        ahead_scale: float,
        forecast: Float32Array,
        errors: FloatArray,
        to: int,
        add: int,
    ) -> None:
        """As `rebuilt_loss`, of forecasts (T, B, horizons, F): the first are of step t + 1.

        Neither the first `burn_in` steps, which have seen too little, nor the last have a target.
        errors  of the next reading's forecasts, and as many blocks further on of all
        """
        parts = cuda.shared.array(threads, float64)
        following, ahead = 0.0, 0.0
        width = horizons * channels
        for n in range(cuda.grid(1), steps * batch * width, cuda.gridsize(1)):
            f, b, t = n % channels, n // width % batch, n // (width * batch)
            horizon, d = n // channels % horizons, np.float32(0)
            later = t + 1 + horizon
            if t >= burn_in and later < steps:
                value = reading(rows, starts, lengths, steps, channels, first + b, later, f)
                if not math.isnan(value):
                    d = load(forecast, n) - value
            square, scale = float(d) * float(d), ahead_scale
            ahead += square
            if horizon == 0:
                following += square
                scale += next_scale
            store(forecast, n, d * np.float32(2 * scale))
        following = block_sum(parts, following)
        ahead = block_sum(parts, ahead)
        if cuda.threadIdx.x == 0:
            keep(errors, to + cuda.blockIdx.x, following, add)
            keep(errors, to + cuda.gridDim.x + cuda.blockIdx.x, ahead, add)

    return forecast_loss
