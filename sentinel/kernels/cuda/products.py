"""Products of matrices, a tile of the result for each block: what no step waits for in training.

Of slabs of values (terms, rows), where a term is one window at one step. A thread has a square of
four by four sums in registers; both factors come through shared memory, some depth at a time. Every
sum has one order, whatever the launch: no atomics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import cuda, float32

from sentinel.kernels.cuda.jit import device, kernel
from sentinel.kernels.cuda.memory import ALIGNMENT, FOUR, load, load4, store
from sentinel.kernels.lanes import fma
from sentinel.kernels.types import Float32Array

# Sums of a thread.
SQUARE = 16


@dataclass(frozen=True, slots=True)
class Blocking:
    """rows, columns  of the result that a block has; depth  of the factors that it holds at a time.

    All are multiples of four.
    """

    rows: int = 64
    columns: int = 64
    depth: int = 16

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return self.rows * self.columns // SQUARE

    def grid(self, rows: int, columns: int) -> tuple[int, int]:
        """Blocks for a result of this size."""
        return -(-rows // self.rows), -(-columns // self.columns)


def squares_of(blocking: Blocking) -> tuple[Any, int, int]:
    """What adds to a thread's square, and how far apart the rows of both factors stand."""
    depth, columns = blocking.depth, blocking.columns
    left_pitch, right_pitch = blocking.rows + FOUR, columns + FOUR

    @device
    def add_square(
        acc: Float32Array, left: Float32Array, row: int, right: Float32Array, column: int
    ) -> None:
        """Sums (4, 4) += products of left (depth, rows) and right (depth, columns)."""
        for k in range(depth):
            rows = load4(left, k * left_pitch + row)
            c0, c1, c2, c3 = load4(right, k * right_pitch + column)
            for i in range(FOUR):
                acc[FOUR * i] = fma(rows[i], c0, acc[FOUR * i])
                acc[FOUR * i + 1] = fma(rows[i], c1, acc[FOUR * i + 1])
                acc[FOUR * i + 2] = fma(rows[i], c2, acc[FOUR * i + 2])
                acc[FOUR * i + 3] = fma(rows[i], c3, acc[FOUR * i + 3])

    return add_square, left_pitch, right_pitch


def multiply_kernel(blocking: Blocking) -> Any:
    """The kernel that multiplies terms by weights; blocks: (terms, columns) of `blocking.grid`."""
    rows, columns, depth, threads = (
        blocking.rows, blocking.columns, blocking.depth, blocking.threads,
    )  # fmt: skip
    add_square, left_pitch, right_pitch = squares_of(blocking)
    left_size, right_size = depth * left_pitch, depth * right_pitch
    across = columns // FOUR

    @kernel(threads)
    def multiply(
        x: Float32Array,
        terms: int,
        inputs: int,
        weights: Float32Array,
        w: int,
        outputs: int,
        width: int,
        bias: int,
        add: int,
        out: Float32Array,
    ) -> None:
        """To out (N, M): bias + x w.  x (N, K); w (K, M), bias (M,) from there on in `weights`.

        width  w stands in blocks of so many columns, one block (K, width) after another
        bias   -1: there is none;  add  1: added to what out was
        """
        left = cuda.shared.array(left_size, float32, ALIGNMENT)
        # The simulator tells shared arrays apart by their lines.
        right = cuda.shared.array(right_size, float32, ALIGNMENT)
        acc = cuda.local.array(SQUARE, float32)
        first, begin = cuda.blockIdx.x * rows, cuda.blockIdx.y * columns
        row, column = cuda.threadIdx.x // across * FOUR, cuda.threadIdx.x % across * FOUR
        for n in range(SQUARE):
            acc[n] = np.float32(0)
        for early in range(0, inputs, depth):
            for n in range(cuda.threadIdx.x, rows * depth, threads):
                term, k = first + n // depth, early + n % depth
                value = np.float32(0)
                if term < terms and k < inputs:
                    value = load(x, term * inputs + k)
                store(left, n % depth * left_pitch + n // depth, value)
            for n in range(cuda.threadIdx.x, columns * depth, threads):
                c, k = begin + n % columns, early + n // columns
                value = np.float32(0)
                if c < outputs and k < inputs:
                    value = load(weights, w + (c // width * inputs + k) * width + c % width)
                store(right, n // columns * right_pitch + n % columns, value)
            cuda.syncthreads()
            add_square(acc, left, row, right, column)
            cuda.syncthreads()
        for i in range(FOUR):
            for j in range(FOUR):
                term, c = first + row + i, begin + column + j
                if term < terms and c < outputs:
                    value, at = acc[FOUR * i + j], term * outputs + c
                    if bias >= 0:
                        value += load(weights, bias + c)
                    if add == 1:
                        value += load(out, at)
                    store(out, at, value)

    return multiply


def sum_products_kernel(blocking: Blocking) -> Any:
    """The kernel of weights' gradients; blocks: (rows, columns, slices) of the terms."""
    rows, columns, depth, threads = (
        blocking.rows, blocking.columns, blocking.depth, blocking.threads,
    )  # fmt: skip
    add_square, left_pitch, right_pitch = squares_of(blocking)
    left_size, right_size = depth * left_pitch, depth * right_pitch
    across = columns // FOUR

    @kernel(threads)
    def sum_products(
        dz: Float32Array,
        dz_at: int,
        dz_rows: int,
        x: Float32Array,
        x_at: int,
        x_rows: int,
        inputs: int,
        terms: int,
        parts: Float32Array,
        size: int,
        to: int,
        bias: int,
    ) -> None:
        """Sums over a slice of the terms of dz[row] x[k], to the slice's part of the gradient.

        dz     (terms, dz_rows) from dz_at;  x  (terms, x_rows) from x_at, the first K of each
        parts  (slices, P), P = size; there w from `to` (dz_rows, K), its bias from `bias`; -1: none
        """
        left = cuda.shared.array(left_size, float32, ALIGNMENT)
        # The simulator tells shared arrays apart by their lines.
        right = cuda.shared.array(right_size, float32, ALIGNMENT)
        acc = cuda.local.array(SQUARE, float32)
        first, begin = cuda.blockIdx.x * rows, cuda.blockIdx.y * columns
        row, column = cuda.threadIdx.x // across * FOUR, cuda.threadIdx.x % across * FOUR
        share = (terms + cuda.gridDim.z - 1) // cuda.gridDim.z
        stop = min((cuda.blockIdx.z + 1) * share, terms)
        for n in range(SQUARE):
            acc[n] = np.float32(0)
        for early in range(cuda.blockIdx.z * share, stop, depth):
            for n in range(cuda.threadIdx.x, rows * depth, threads):
                term, r = early + n // rows, first + n % rows
                value = np.float32(0)
                if term < stop and r < dz_rows:
                    value = load(dz, dz_at + term * dz_rows + r)
                store(left, n // rows * left_pitch + n % rows, value)
            for n in range(cuda.threadIdx.x, columns * depth, threads):
                term, k = early + n // columns, begin + n % columns
                # Beyond the inputs stands one that is always 1: its weight is the bias.
                value = np.float32(1) if k == inputs else np.float32(0)
                if term < stop and k < inputs:
                    value = load(x, x_at + term * x_rows + k)
                store(right, n // columns * right_pitch + n % columns, value)
            cuda.syncthreads()
            add_square(acc, left, row, right, column)
            cuda.syncthreads()
        part = cuda.blockIdx.z * size
        for i in range(FOUR):
            for j in range(FOUR):
                r, k = first + row + i, begin + column + j
                if r < dz_rows and k < inputs:
                    store(parts, part + to + r * inputs + k, acc[FOUR * i + j])
                if r < dz_rows and k == inputs and bias >= 0:
                    store(parts, part + bias + r, acc[FOUR * i + j])

    return sum_products
