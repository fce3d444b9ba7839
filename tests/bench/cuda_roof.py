"""How fast the GPU's floating-point units are at best: multiply and add, in registers alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import cuda, float32

from sentinel.kernels.cuda.jit import kernel
from sentinel.kernels.lanes import fma
from sentinel.kernels.types import Float32Array

# Sums that a thread has, enough to hide the latency of its units (4 cycles), and as many threads as
# a multiprocessor holds.
SUMS, THREADS, THREADS_RESIDENT = 16, 256, 2048
# Terms of a sum, so many of them without a loop.
TERMS, UNROLLED = 1 << 14, 8


def fma_kernel(threads: int) -> Any:
    """A launch of blocks (256 threads) over values (blocks x threads,): each one's sum of sums."""

    @kernel(threads)
    def scale_and_shift(values: Float32Array, terms: int) -> None:
        acc = cuda.local.array(SUMS, float32)
        at = cuda.blockIdx.x * threads + cuda.threadIdx.x
        # All different, and no product is the same twice: none can be saved.
        for n in range(SUMS):
            acc[n] = values[at] + np.float32(n)
        for _ in range(terms // UNROLLED):
            for n in range(UNROLLED * SUMS):
                acc[n % SUMS] = fma(acc[n % SUMS], np.float32(0.5), np.float32(1))
        total = np.float32(0)
        for n in range(SUMS):
            total += acc[n]
        values[at] = total

    return scale_and_shift


def fma_loop(multiprocessors: int) -> tuple[Callable[[], None], int]:
    """What to time on the whole device, and its floating-point operations."""
    blocks = multiprocessors * max(1, THREADS_RESIDENT // THREADS)
    values = cuda.to_device(np.zeros(blocks * THREADS, np.float32))
    compiled, terms = fma_kernel(THREADS), TERMS
    return lambda: compiled[blocks, THREADS](values, terms), 2 * terms * SUMS * blocks * THREADS
