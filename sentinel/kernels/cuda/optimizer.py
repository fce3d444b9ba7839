"""From parts of a gradient to the next parameters: the twin of `kernels.optimizer`.

Parameters, moments and packed weights stay on the device. A thread takes one parameter after
another.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import cuda, float64

from sentinel.kernels.cuda.jit import device, kernel
from sentinel.kernels.cuda.losses import block_sum_of
from sentinel.kernels.cuda.memory import load, store
from sentinel.kernels.optimizer import adam, clip_factor, rmsprop
from sentinel.kernels.types import Float32Array, FloatArray, TimeArray


def pack_kernel(threads: int) -> Any:
    """The kernel that packs parameters as the others read them."""

    @kernel(threads)
    def pack(
        parameters: Float32Array, index: TimeArray, factors: Float32Array, packed: Float32Array
    ) -> None:
        """Packed values (P',): the parameter of each index times its factor; index -1: 0."""
        for n in range(cuda.grid(1), len(packed), cuda.gridsize(1)):
            value = np.float32(0)
            if index[n] >= 0:
                value = load(parameters, index[n]) * load(factors, n)
            store(packed, n, value)

    return pack


def sum_parts_kernel(threads: int) -> Any:
    """The kernel that adds up the parts of a gradient."""
    block_sum = block_sum_of(threads)

    @kernel(threads)
    def sum_parts(
        parts: Float32Array,
        count: int,
        add: int,
        gradient: Float32Array,
        squares: FloatArray,
        to: int,
    ) -> None:
        """The gradient (P,) of its parts (count, P), in their order.

        add      1: to what it was
        squares  each block's sum of squares of what the gradient is then, from `to` on
        """
        own = cuda.shared.array(threads, float64)
        size, square = len(gradient), 0.0
        for n in range(cuda.grid(1), size, cuda.gridsize(1)):
            total = load(gradient, n) if add == 1 else np.float32(0)
            for part in range(count):
                total += load(parts, part * size + n)
            store(gradient, n, total)
            square += float(total) * float(total)
        square = block_sum(own, square)
        if cuda.threadIdx.x == 0:
            squares[to + cuda.blockIdx.x] = square

    return sum_parts


@device
def clip_of(squares: FloatArray, at: int, limit: float) -> Any:
    """The factor that clips a gradient, of its sums of squares by as many blocks as there are."""
    total = 0.0
    for n in range(cuda.gridDim.x):
        total += squares[at + n]
    return np.float32(clip_factor(math.sqrt(total), limit))


def step_kernels(threads: int) -> tuple[Any, Any]:
    """The kernels of Adam (and AdamW) and of RMSprop."""

    @kernel(threads)
    def adam_step(
        parameters: Float32Array,
        gradient: Float32Array,
        m: Float32Array,
        v: Float32Array,
        squares: FloatArray,
        at: int,
        limit: float,
        rate: np.float32,
        correction: np.float32,
        left: np.float32,
    ) -> None:
        """As `kernels.optimizer.adam_step`, the gradient clipped to a norm of at most `limit`."""
        clip = clip_of(squares, at, limit)
        for n in range(cuda.grid(1), len(parameters), cuda.gridsize(1)):
            parameter, new_m, new_v = adam(
                load(parameters, n), load(gradient, n) * clip, load(m, n), load(v, n),
                rate, correction, left,
            )  # fmt: skip
            store(parameters, n, parameter)
            store(m, n, new_m)
            store(v, n, new_v)

    @kernel(threads)
    def rmsprop_step(
        parameters: Float32Array,
        gradient: Float32Array,
        v: Float32Array,
        squares: FloatArray,
        at: int,
        limit: float,
        rate: np.float32,
    ) -> None:
        """As `kernels.optimizer.rmsprop_step`, the gradient clipped as above."""
        clip = clip_of(squares, at, limit)
        for n in range(cuda.grid(1), len(parameters), cuda.gridsize(1)):
            parameter, new_v = rmsprop(
                load(parameters, n), load(gradient, n) * clip, load(v, n), rate
            )
            store(parameters, n, parameter)
            store(v, n, new_v)

    return adam_step, rmsprop_step
