"""An LSTM layer, step by step: the twin of `windows_in_lanes.lstm_layer`.

A thread has the units j, j + unit_threads, ... of `per_thread` neighbouring windows, from w = q
per_thread on. Its cell states c and what its sums begin with stay with it for a whole layer.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda, float32

from sentinel.kernels.cell import lstm_cell
from sentinel.kernels.cuda.jit import device
from sentinel.kernels.cuda.memory import FOUR, load, load4, store, store4
from sentinel.kernels.cuda.tiling import Tiling
from sentinel.kernels.lanes import fma
from sentinel.kernels.layout import GATE_F, GATE_G, GATE_I, GATE_O, GATES
from sentinel.kernels.types import Float32Array


def product_of(tiling: Tiling) -> Any:
    """What adds a product to the sums of a thread's gates."""
    hidden, pitch, count = tiling.hidden, tiling.pitch, tiling.per_thread

    @device
    def add_product(
        acc: Float32Array,
        w: Float32Array,
        w_at: int,
        memory: Float32Array,
        x: int,
        inputs: int,
    ) -> None:
        """Sums (GATES, per_thread) += w x of one unit.

        w  (inputs, GATES, H) from w_at, the unit's own column;  x  (inputs, pitch) from the
        thread's first window on
        """
        for k in range(inputs):
            for gate in range(GATES):
                weight = load(w, w_at + (k * GATES + gate) * hidden)
                for r in range(count):
                    n = gate * count + r
                    acc[n] = fma(weight, load(memory, x + k * pitch + r), acc[n])

    @device
    def add_product_by_fours(
        acc: Float32Array,
        w: Float32Array,
        w_at: int,
        memory: Float32Array,
        x: int,
        inputs: int,
    ) -> None:
        """As `add_product`, for a number of windows that is a multiple of four."""
        for k in range(inputs):
            for r in range(0, count, FOUR):
                x0, x1, x2, x3 = load4(memory, x + k * pitch + r)
                for gate in range(GATES):
                    weight = load(w, w_at + (k * GATES + gate) * hidden)
                    n = gate * count + r
                    acc[n] = fma(weight, x0, acc[n])
                    acc[n + 1] = fma(weight, x1, acc[n + 1])
                    acc[n + 2] = fma(weight, x2, acc[n + 2])
                    acc[n + 3] = fma(weight, x3, acc[n + 3])

    return add_product if count % FOUR else add_product_by_fours


def store_of(tiling: Tiling) -> Any:
    """What puts a thread's windows of one row into shared memory."""
    count = tiling.per_thread

    @device
    def store_row(memory: Float32Array, at: int, values: Float32Array) -> None:
        """The first `per_thread` values."""
        for r in range(count):
            store(memory, at + r, values[r])

    @device
    def store_row_by_fours(memory: Float32Array, at: int, values: Float32Array) -> None:
        for r in range(0, count, FOUR):
            store4(memory, at + r, (values[r], values[r + 1], values[r + 2], values[r + 3]))

    return store_row if count % FOUR else store_row_by_fours


def beginning_of(tiling: Tiling) -> tuple[Any, Any, Any]:
    """What makes a layer ready: its weights, its states, and what its sums begin with."""
    hidden, pitch, count = tiling.hidden, tiling.pitch, tiling.per_thread
    unit_threads, threads, units = tiling.unit_threads, tiling.threads, tiling.units
    weights, staged, gates = tiling.weights, tiling.staged, GATES * tiling.per_thread
    add_product = product_of(tiling)

    @device
    def stage_weights(
        memory: Float32Array, to: int, packed: Float32Array, w: int, inputs: int
    ) -> None:
        """Copy w (inputs, GATES, H) to shared memory, where there is room for it."""
        if staged:
            for n in range(cuda.threadIdx.x, inputs * GATES * hidden, threads):
                store(memory, weights + to * GATES * hidden + n, load(packed, w + n))

    @device
    def begin(memory: Float32Array, c: Float32Array) -> None:
        """A layer begins with states of zero."""
        for n in range(units * count):
            c[n] = 0
        for n in range(cuda.threadIdx.x, hidden * pitch, threads):
            store(memory, n, np.float32(0))

    @device
    def project(
        memory: Float32Array,
        packed: Float32Array,
        bias: int,
        w_x: int,
        x: int,
        inputs: int,
        base: Float32Array,
    ) -> None:
        """What the sums of every step begin with: the bias, and the product of a constant input.

        base  (units, GATES, per_thread);  inputs  0: there is no constant input
        """
        j, w = cuda.threadIdx.x % unit_threads, cuda.threadIdx.x // unit_threads * count
        for unit in range(units):
            column = j + unit * unit_threads
            if column < hidden:
                acc = cuda.local.array(gates, float32)
                for gate in range(GATES):
                    for r in range(count):
                        acc[gate * count + r] = load(packed, bias + gate * hidden + column)
                if staged:
                    add_product(acc, memory, weights + column, memory, x + w, inputs)
                else:
                    add_product(acc, packed, w_x + column, memory, x + w, inputs)
                for n in range(gates):
                    base[unit * gates + n] = acc[n]

    return stage_weights, begin, project


def step_of(tiling: Tiling) -> Any:
    """What takes a layer one step further."""
    hidden, pitch, count = tiling.hidden, tiling.pitch, tiling.per_thread
    unit_threads, units, windows = tiling.unit_threads, tiling.units, tiling.windows
    weights, staged, gates = tiling.weights, tiling.staged, GATES * tiling.per_thread
    add_product, store_row = product_of(tiling), store_of(tiling)

    @device
    def lstm_step(
        memory: Float32Array,
        packed: Float32Array,
        w_x: int,
        x: int,
        inputs: int,
        w_h: int,
        now: int,
        base: Float32Array,
        c: Float32Array,
        scratch: Float32Array,
        to: int,
    ) -> None:
        """One step of all units and windows: outputs of slot `now` of h into the other slot.

        x   inputs of the step (inputs, pitch); inputs  0: they are in `base`
        to  where in the scratch the outputs (H, S) go, too; -1: nowhere
        """
        j, w = cuda.threadIdx.x % unit_threads, cuda.threadIdx.x // unit_threads * count
        before, after = now * hidden * pitch + w, (1 - now) * hidden * pitch + w
        for unit in range(units):
            column = j + unit * unit_threads
            if column < hidden:
                acc = cuda.local.array(gates, float32)
                for n in range(gates):
                    acc[n] = base[unit * gates + n]
                if staged:
                    at = weights + column
                    add_product(acc, memory, at, memory, x + w, inputs)
                    at += inputs * GATES * hidden
                    add_product(acc, memory, at, memory, before, hidden)
                else:
                    add_product(acc, packed, w_x + column, memory, x + w, inputs)
                    add_product(acc, packed, w_h + column, memory, before, hidden)
                for r in range(count):
                    n = unit * count + r
                    c[n], acc[r] = lstm_cell(
                        acc[GATE_I * count + r], acc[GATE_F * count + r],
                        acc[GATE_G * count + r], acc[GATE_O * count + r], c[n],
                    )  # fmt: skip
                    if to >= 0:
                        store(scratch, to + column * windows + w + r, acc[r])
                store_row(memory, after + column * pitch, acc)

    return lstm_step
