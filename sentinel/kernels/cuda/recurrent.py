"""An LSTM layer of a tile of windows through all steps, forward and backward, in training.

What every step needs of its inputs is a product of matrices made before (`products`); what waits
for the step before is here. States and pre-activations are kept for the way back, units last:
z (T, B, GATES, H) and c (T, B, H), which neighbouring threads read and write side by side.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda, float32

from sentinel.kernels.cell import lstm_cell, lstm_cell_backward
from sentinel.kernels.cuda.jit import device, kernel
from sentinel.kernels.cuda.layers import beginning_of, product_of, store_of
from sentinel.kernels.cuda.memory import ALIGNMENT, FOUR, load, load4, store
from sentinel.kernels.cuda.tiling import Tiling
from sentinel.kernels.lanes import fma
from sentinel.kernels.layout import GATE_F, GATE_G, GATE_I, GATE_O, GATES
from sentinel.kernels.types import Float32Array


def forward_kernel(tiling: Tiling) -> Any:
    """The kernel for this tiling; a block for each tile of windows."""
    hidden, pitch, count = tiling.hidden, tiling.pitch, tiling.per_thread
    unit_threads, units, windows = tiling.unit_threads, tiling.units, tiling.windows
    weights, staged, gates = tiling.weights, tiling.staged, GATES * tiling.per_thread
    states = units * count
    add_product, store_row = product_of(tiling), store_of(tiling)
    stage_weights, begin, _ = beginning_of(tiling)

    @kernel(tiling.threads)
    def forward_layer(
        packed: Float32Array,
        w_h: int,
        steps: int,
        batch: int,
        reverse: int,
        base: Float32Array,
        base_step: int,
        z: Float32Array,
        c_kept: Float32Array,
        y: Float32Array,
        y_rows: int,
        first_row: int,
    ) -> None:
        """Pre-activations z (exponents), states c and outputs y (T, B, y_rows) of all steps.

        base  bias + w_x x of a step, (B, GATES, H), the next step's base_step further on; may be z
        """
        memory = cuda.shared.array(0, float32, ALIGNMENT)
        c = cuda.local.array(states, float32)
        j, w = cuda.threadIdx.x % unit_threads, cuda.threadIdx.x // unit_threads * count
        first, slab = cuda.blockIdx.x * windows + w, hidden * pitch
        stage_weights(memory, 0, packed, w_h, hidden)
        begin(memory, c)
        cuda.syncthreads()
        for step in range(steps):
            t = steps - 1 - step if reverse == 1 else step
            before, after = step % 2 * slab + w, (1 - step % 2) * slab + w
            for unit in range(units):
                column = j + unit * unit_threads
                if column < hidden:
                    # Added at the end: the way from global memory hides behind the product.
                    begin_with = cuda.local.array(gates, float32)
                    acc = cuda.local.array(gates, float32)
                    for gate in range(GATES):
                        for r in range(count):
                            at = ((first + r) * GATES + gate) * hidden + column
                            begin_with[gate * count + r] = np.float32(0)
                            if first + r < batch:
                                begin_with[gate * count + r] = load(base, t * base_step + at)
                            acc[gate * count + r] = np.float32(0)
                    if staged:
                        add_product(acc, memory, weights + column, memory, before, hidden)
                    else:
                        add_product(acc, packed, w_h + column, memory, before, hidden)
                    for n in range(gates):
                        acc[n] += begin_with[n]
                    for r in range(count):
                        n, place = unit * count + r, t * batch + first + r
                        if first + r < batch:
                            for gate in range(GATES):
                                at = (place * GATES + gate) * hidden + column
                                store(z, at, acc[gate * count + r])
                        c[n], acc[r] = lstm_cell(
                            acc[GATE_I * count + r], acc[GATE_F * count + r],
                            acc[GATE_G * count + r], acc[GATE_O * count + r], c[n],
                        )  # fmt: skip
                        if first + r < batch:
                            store(c_kept, place * hidden + column, c[n])
                            store(y, place * y_rows + first_row + column, acc[r])
                    store_row(memory, after + column * pitch, acc)
            cuda.syncthreads()

    return forward_layer


def transposed_product_of(tiling: Tiling) -> Any:
    """What makes of the gates' gradients that by one unit's outputs of the step before."""
    hidden, pitch, count = tiling.hidden, tiling.pitch, tiling.per_thread

    @device
    def add_transposed(
        acc: Float32Array, w: Float32Array, w_at: int, memory: Float32Array, dz: int
    ) -> None:
        """Sums (GATES, per_thread) += w' dz, those of every gate apart.

        w  (GATES, H, H) from w_at, the unit's own column;  dz  (GATES, H, pitch) from the thread's
        first window on
        """
        for k in range(hidden):
            for gate in range(GATES):
                row = gate * hidden + k
                weight = load(w, w_at + row * hidden)
                for r in range(count):
                    n = gate * count + r
                    acc[n] = fma(weight, load(memory, dz + row * pitch + r), acc[n])

    @device
    def add_transposed_by_fours(
        acc: Float32Array, w: Float32Array, w_at: int, memory: Float32Array, dz: int
    ) -> None:
        """As `add_transposed`, for a number of windows that is a multiple of four."""
        for k in range(hidden):
            for gate in range(GATES):
                row = gate * hidden + k
                weight = load(w, w_at + row * hidden)
                for r in range(0, count, FOUR):
                    d0, d1, d2, d3 = load4(memory, dz + row * pitch + r)
                    n = gate * count + r
                    acc[n] = fma(weight, d0, acc[n])
                    acc[n + 1] = fma(weight, d1, acc[n + 1])
                    acc[n + 2] = fma(weight, d2, acc[n + 2])
                    acc[n + 3] = fma(weight, d3, acc[n + 3])

    return add_transposed if count % FOUR else add_transposed_by_fours


def cell_of(tiling: Tiling) -> Any:
    """What takes one unit of a thread's windows back over one step."""
    hidden, pitch, count = tiling.hidden, tiling.pitch, tiling.per_thread

    @device
    def cells_backward(
        dh: Float32Array,
        dc: Float32Array,
        unit: int,
        z: Float32Array,
        c_kept: Float32Array,
        place: int,
        back: int,
        left: int,
        column: int,
        memory: Float32Array,
        dz: int,
    ) -> None:
        """Pre-activations z become their gradients, there and in the slab dz; dc that of c before.

        dh     (per_thread) gradient by the outputs
        place  of the first window at this step;  back  from there to the step before; 0: none was
        left   so many of the windows are there
        """
        for r in range(count):
            n = unit * count + r
            dz_i, dz_f, dz_g, dz_o = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
            if r < left:
                at, c_at = (place + r) * GATES * hidden + column, (place + r) * hidden + column
                c_before = np.float32(0)
                if back != 0:
                    c_before = load(c_kept, c_at + back * hidden)
                dz_i, dz_f, dz_g, dz_o, dc[n] = lstm_cell_backward(
                    dh[r], dc[n], load(z, at + GATE_I * hidden), load(z, at + GATE_F * hidden),
                    load(z, at + GATE_G * hidden), load(z, at + GATE_O * hidden), c_before,
                    load(c_kept, c_at),
                )  # fmt: skip
                store(z, at + GATE_I * hidden, dz_i)
                store(z, at + GATE_F * hidden, dz_f)
                store(z, at + GATE_G * hidden, dz_g)
                store(z, at + GATE_O * hidden, dz_o)
            to = dz + column * pitch + r
            store(memory, to + GATE_I * hidden * pitch, dz_i)
            store(memory, to + GATE_F * hidden * pitch, dz_f)
            store(memory, to + GATE_G * hidden * pitch, dz_g)
            store(memory, to + GATE_O * hidden * pitch, dz_o)

    return cells_backward


def backward_kernel(tiling: Tiling) -> Any:
    """The kernel for this tiling; a block for each tile of windows.

    Its slabs of shared memory are of 4H rows: they take the place of h and of the inputs.
    """
    hidden, pitch, count = tiling.hidden, tiling.pitch, tiling.per_thread
    unit_threads, units, windows = tiling.unit_threads, tiling.units, tiling.windows
    weights, staged, gates = tiling.weights, tiling.staged, GATES * tiling.per_thread
    states = units * count
    add_transposed, cells_backward = transposed_product_of(tiling), cell_of(tiling)
    stage_weights, _, _ = beginning_of(tiling)

    @kernel(tiling.threads)
    def backward_layer(
        parameters: Float32Array,
        w_h: int,
        steps: int,
        batch: int,
        reverse: int,
        dy: Float32Array,
        y_rows: int,
        first_row: int,
        z: Float32Array,
        c_kept: Float32Array,
    ) -> None:
        """From the gradient by the outputs of all steps, dy (T, B, y_rows), to that by z, in z.

        w_h  (GATES, H, H) in the parameters
        """
        memory = cuda.shared.array(0, float32, ALIGNMENT)
        dc = cuda.local.array(states, float32)
        j, w = cuda.threadIdx.x % unit_threads, cuda.threadIdx.x // unit_threads * count
        first, slab = cuda.blockIdx.x * windows + w, GATES * hidden * pitch
        stage_weights(memory, 0, parameters, w_h, hidden)
        for n in range(states):
            dc[n] = np.float32(0)
        cuda.syncthreads()
        for step in range(steps - 1, -1, -1):
            t = steps - 1 - step if reverse == 1 else step
            back = (batch if reverse == 1 else -batch) if step > 0 else 0
            later, now = step % 2 * slab + w, (1 - step % 2) * slab + w
            for unit in range(units):
                column = j + unit * unit_threads
                if column < hidden:
                    acc = cuda.local.array(gates, float32)
                    for n in range(gates):
                        acc[n] = np.float32(0)
                    if step < steps - 1:
                        if staged:
                            add_transposed(acc, memory, weights + column, memory, later)
                        else:
                            add_transposed(acc, parameters, w_h + column, memory, later)
                    for r in range(count):
                        dh = (acc[r] + acc[count + r]) + (acc[2 * count + r] + acc[3 * count + r])
                        if first + r < batch:
                            at = (t * batch + first + r) * y_rows + first_row + column
                            dh += load(dy, at)
                        acc[r] = dh
                    cells_backward(
                        acc, dc, unit, z, c_kept, t * batch + first, back, batch - first, column,
                        memory, now,
                    )  # fmt: skip
            cuda.syncthreads()

    return backward_layer
