"""States that travel, (h, c) of many entities: the twin of `sentinel.kernels.states`."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numba import cuda, float32, int32

from sentinel.kernels import plan as col
from sentinel.kernels import shape as of
from sentinel.kernels.cuda.dense import forecasts_of
from sentinel.kernels.cuda.jit import device, kernel
from sentinel.kernels.cuda.layers import step_of
from sentinel.kernels.cuda.memory import ALIGNMENT, load, store
from sentinel.kernels.cuda.readings import inputs_of, windows_of
from sentinel.kernels.cuda.score_windows import begin_layer_of, slabs_of
from sentinel.kernels.cuda.tiling import Tiling
from sentinel.kernels.layout import GATES
from sentinel.kernels.states import STATES, C, H
from sentinel.kernels.types import Float32Array, TimeArray


def states_of(tiling: Tiling) -> tuple[Any, Any]:
    """What reads a layer's states of the tile's entities, and what writes them."""
    hidden, pitch, threads, windows = (
        tiling.hidden, tiling.pitch, tiling.threads, tiling.windows,
    )  # fmt: skip
    unit_threads, units, count = tiling.unit_threads, tiling.units, tiling.per_thread

    @device
    def read_states(
        memory: Float32Array, c: Float32Array, states: Float32Array, slots: TimeArray,
        begins: TimeArray, layer: int, layers: int, first: int, places: Any,
    ) -> None:  # fmt: skip
        """Outputs into slot 0 of h, cell states to their threads, where they stay zero at first.

        states         (S, layers, STATES, H)
        slots, begins  (B,) which of them; 1: it begins with zeros
        """
        # As in `stage_readings`: nothing of it is to be kept through all steps.
        thread = cuda.threadIdx.x + places[windows]
        for n in range(thread, hidden * windows, threads):
            j, b = n % hidden, n // hidden
            h = np.float32(0)
            if first + b < len(slots) and begins[first + b] == 0:
                h = load(states, ((slots[first + b] * layers + layer) * STATES + H) * hidden + j)
            store(memory, j * pitch + b, h)
        column, w = thread % unit_threads, thread // unit_threads * count
        for unit in range(units):
            for r in range(count):
                j, b = column + unit * unit_threads, first + w + r
                if j < hidden and b < len(slots) and begins[b] == 0:
                    at = ((slots[b] * layers + layer) * STATES + C) * hidden + j
                    c[unit * count + r] = load(states, at)

    @device
    def write_states(
        memory: Float32Array, h: int, c: Float32Array, states: Float32Array, slots: TimeArray,
        layer: int, layers: int, first: int, places: Any,
    ) -> None:  # fmt: skip
        """The other way, the outputs from where they stand at the end."""
        thread = cuda.threadIdx.x + places[windows]
        for n in range(thread, hidden * windows, threads):
            j, b = n % hidden, n // hidden
            if first + b < len(slots):
                at = ((slots[first + b] * layers + layer) * STATES + H) * hidden + j
                store(states, at, load(memory, h + j * pitch + b))
        column, w = thread % unit_threads, thread // unit_threads * count
        for unit in range(units):
            for r in range(count):
                j, b = column + unit * unit_threads, first + w + r
                if j < hidden and b < len(slots):
                    at = ((slots[b] * layers + layer) * STATES + C) * hidden + j
                    store(states, at, c[unit * count + r])

    return read_states, write_states


@cache
def advance_kernel(tiling: Tiling) -> Any:
    """The kernel for this tiling, to be launched with blocks of `tiling.threads`."""
    windows, encoded, slab = tiling.windows, tiling.encoded, tiling.hidden * tiling.pitch
    inputs_at, input_slab = tiling.inputs, tiling.input_rows * tiling.pitch
    sums, cells = tiling.units * GATES * tiling.per_thread, tiling.units * tiling.per_thread
    lstm_step, begin_layer, slabs = step_of(tiling), begin_layer_of(tiling), slabs_of(tiling)
    place_windows, (read_states, write_states) = windows_of(tiling), states_of(tiling)
    (stage_readings, stage_outputs), (forecast, hand_out) = inputs_of(tiling), forecasts_of(tiling)
    marks = windows + 1

    @kernel(tiling.threads)
    def advance(
        plan: TimeArray,
        numbers: TimeArray,
        packed: Float32Array,
        scratch: Float32Array,
        rows: Float32Array,
        starts: TimeArray,
        lengths: TimeArray,
        slots: TimeArray,
        begins: TimeArray,
        states: Float32Array,
        outputs: Float32Array,
    ) -> None:
        """B of the states (S layers STATES H,), each advanced by T readings.

        slots, begins  (B,) which of the states; 1: it begins with zeros
        outputs  (B, T, horizons F) forecasts of the next readings, or (B, T, H) of the last layer
                 where the model has no forecasting head
        """
        memory = cuda.shared.array(0, float32, ALIGNMENT)
        # The simulator tells shared arrays apart by their lines.
        places = cuda.shared.array(marks, int32)
        paddings = cuda.shared.array(windows, int32)
        base, c = cuda.local.array(sums, float32), cuda.local.array(cells, float32)
        steps, layers, entities = numbers[of.STEPS], numbers[of.ENCODER_LAYERS], len(starts)
        first = cuda.blockIdx.x * windows
        while first < entities:
            place_windows(starts, lengths, first, steps, places, paddings)
            cuda.syncthreads()
            for layer in range(layers):
                source, target = slabs(numbers, layer, len(plan))
                inputs = begin_layer(memory, plan, layer, packed, base, c)
                cuda.syncthreads()
                read_states(memory, c, states, slots, begins, layer, layers, first, places)
                now = 0
                for step in range(-1, steps):
                    if step >= 0:
                        to = target + step * encoded * windows if target >= 0 else -1
                        lstm_step(
                            memory, packed, plan[layer, col.W_X], inputs_at + now * input_slab,
                            inputs, plan[layer, col.W_H], now, base, c, scratch, to,
                        )  # fmt: skip
                        now = 1 - now
                    if step < steps - 1:
                        at = inputs_at + now * input_slab
                        if layer == 0:
                            stage_readings(memory, at, rows, places, paddings, step + 1)
                        else:
                            begin = source + (step + 1) * encoded * windows
                            stage_outputs(memory, at, scratch, begin, inputs)
                    cuda.syncthreads()
                    if step >= 0 and layer == layers - 1:
                        if numbers[of.FORECAST] >= 0:
                            forecast(
                                memory, now * slab, packed, numbers[of.FORECAST_W],
                                numbers[of.FORECAST_BIAS], step, first, outputs, places,
                            )  # fmt: skip
                        else:
                            hand_out(memory, now * slab, step, first, outputs, places)
                write_states(memory, now * slab, c, states, slots, layer, layers, first, places)
                cuda.syncthreads()
            first += cuda.gridDim.x * windows

    return advance
