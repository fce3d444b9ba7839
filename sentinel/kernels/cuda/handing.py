"""What layers hand each other in training: dropped values, the latent state, and gradients back.

A thread takes one value after another.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda

from sentinel.kernels.cuda.draws import drop_factor
from sentinel.kernels.cuda.jit import kernel
from sentinel.kernels.cuda.memory import load, store
from sentinel.kernels.types import Float32Array


def drop_kernel(threads: int) -> Any:
    """The kernel of dropout, forward and backward."""

    @kernel(threads)
    def drop(
        source: Float32Array,
        steps: int,
        batch: int,
        rows: int,
        first: int,
        boundary: int,
        left: np.float32,
        key_low: int,
        key_high: int,
        dropped: Float32Array,
    ) -> None:
        """What is left of values, or of gradients, (T, B, rows) of windows first, first + 1, ...

        left  the share of them; dropped  may be the source
        """
        for n in range(cuda.grid(1), steps * batch * rows, cuda.gridsize(1)):
            row, b, t = n % rows, n // rows % batch, n // (rows * batch)
            factor = drop_factor(row, first + b, t, boundary, left, key_low, key_high)
            store(dropped, n, load(source, n) * factor)

    return drop


def latent_kernels(threads: int) -> tuple[Any, Any]:
    """The kernels between encoder and decoder, forward and backward."""

    @kernel(threads)
    def copy_latent(
        y: Float32Array, steps: int, batch: int, encoded: int, hidden: int, latent: Float32Array
    ) -> None:
        """The encoder's final outputs, of y (T, B, encoded), into the latent state (B, encoded)."""
        for n in range(cuda.grid(1), batch * encoded, cuda.gridsize(1)):
            # The backward direction ends at the first reading.
            t = steps - 1 if n % encoded < hidden else 0
            store(latent, n, load(y, t * batch * encoded + n))

    @kernel(threads)
    def latent_backward(
        dlatent: Float32Array,
        steps: int,
        batch: int,
        encoded: int,
        hidden: int,
        add: int,
        dy: Float32Array,
    ) -> None:
        """To dy (T, B, encoded): dlatent (B, encoded) at the final outputs, elsewhere 0.

        add  1: added to what dy was
        """
        size = batch * encoded
        for n in range(cuda.grid(1), steps * size, cuda.gridsize(1)):
            value = load(dy, n) if add == 1 else np.float32(0)
            if n // size == (steps - 1 if n % encoded < hidden else 0):
                value += load(dlatent, n % size)
            store(dy, n, value)

    return copy_latent, latent_backward


def sum_steps_kernel(threads: int) -> Any:
    """The kernel for an input that is the same at all steps."""

    @kernel(threads)
    def sum_steps(values: Float32Array, steps: int, size: int, out: Float32Array) -> None:
        """The sum of values (T, size) over the steps, to out (size,)."""
        for n in range(cuda.grid(1), size, cuda.gridsize(1)):
            total = np.float32(0)
            for t in range(steps):
                total += load(values, t * size + n)
            store(out, n, total)

    return sum_steps
