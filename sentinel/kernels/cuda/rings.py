"""Rings of readings in the device's memory: new rows to their places, old ones to the front.

Launched with any number of threads and blocks.
"""

from __future__ import annotations

from numba import cuda

from sentinel.kernels.cuda.jit import kernel
from sentinel.kernels.cuda.memory import load, store
from sentinel.kernels.types import Float32Array, TimeArray

THREADS = 256


@kernel(THREADS)
def place_rows(rows: Float32Array, channels: int, staged: Float32Array, places: TimeArray) -> None:
    """Rows (R F,) at the places (N,) become the staged ones (N F,); no place is there twice."""
    n = cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x
    while n < len(places) * channels:
        store(rows, places[n // channels] * channels + n % channels, load(staged, n))
        n += cuda.gridDim.x * cuda.blockDim.x


@kernel(THREADS)
def move_rows(rows: Float32Array, channels: int, moves: TimeArray) -> None:
    """Move stretches of rows (R F,) to the front, where they may overlap what they were.

    moves  (M 3,) first row before, first row after, which is less, and number of rows
    """
    block = cuda.blockIdx.x
    while 3 * block < len(moves):
        source, target = moves[3 * block] * channels, moves[3 * block + 1] * channels
        size = moves[3 * block + 2] * channels
        for begin in range(0, size, cuda.blockDim.x):
            n = begin + cuda.threadIdx.x
            value = load(rows, source + min(n, size - 1))
            # What is written now may be what a neighbour has only just read.
            cuda.syncthreads()
            if n < size:
                store(rows, target + n, value)
        block += cuda.gridDim.x
