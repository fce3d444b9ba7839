"""Score windows: the twin of the kernels of `sentinel.kernels.score_windows`."""

from __future__ import annotations

from functools import cache
from typing import Any

from numba import cuda, float32, int32

from sentinel.kernels import plan as col
from sentinel.kernels import shape as of
from sentinel.kernels.cuda.dense import errors_of
from sentinel.kernels.cuda.jit import device, kernel
from sentinel.kernels.cuda.layers import beginning_of, step_of
from sentinel.kernels.cuda.memory import ALIGNMENT, load, store
from sentinel.kernels.cuda.readings import inputs_of, windows_of
from sentinel.kernels.cuda.tiling import Tiling
from sentinel.kernels.layout import GATES
from sentinel.kernels.types import Float32Array, TimeArray

# Slabs of outputs in the scratch: a layer reads one and writes the other.
SLABS = 2


def scratch_size(tiling: Tiling, steps: int) -> int:
    """Floats that a block needs of the scratch: (SLABS, T, encoded, S)."""
    return SLABS * steps * tiling.encoded * tiling.windows


def slabs_of(tiling: Tiling) -> Any:
    """What says which slab a layer reads and writes."""
    slab = tiling.encoded * tiling.windows

    @device
    def slabs(numbers: TimeArray, layer: int, layers: int) -> tuple[int, int]:
        """Where in the scratch the inputs of a layer stand, and where its outputs go; -1: nowhere.

        Nobody reads the outputs of the last layers of the encoder and of the decoder: their states
        are the latent one, and the dense layer takes each output while it is in shared memory.
        """
        steps, directions = numbers[of.STEPS], numbers[of.DIRECTIONS]
        encoder = numbers[of.ENCODER_LAYERS]
        level = layer // directions
        if layer >= encoder:
            level = encoder // directions + layer - encoder
        base, size = cuda.blockIdx.x * SLABS * steps * slab, steps * slab
        target = base + level % SLABS * size
        if level == encoder // directions - 1 or layer == layers - 1:
            target = -1
        return base + (level + 1) % SLABS * size, target

    return slabs


def begin_layer_of(tiling: Tiling) -> Any:
    """What makes a layer ready for its first step."""
    latent, hidden = tiling.latent, tiling.hidden
    stage_weights, begin, project = beginning_of(tiling)

    @device
    def begin_layer(
        memory: Float32Array,
        plan: TimeArray,
        layer: int,
        packed: Float32Array,
        base: Float32Array,
        c: Float32Array,
    ) -> Any:
        """States of zero, weights and `base`; the number of inputs that every step brings."""
        inputs, w_x = plan[layer, col.INPUTS], plan[layer, col.W_X]
        constant = 0
        if plan[layer, col.REPEATED] == 1:
            constant, inputs = inputs, 0
            stage_weights(memory, 0, packed, w_x, constant)
            cuda.syncthreads()
        project(memory, packed, plan[layer, col.BIAS], w_x, latent, constant, base)
        cuda.syncthreads()
        stage_weights(memory, 0, packed, w_x, inputs)
        stage_weights(memory, inputs, packed, plan[layer, col.W_H], hidden)
        begin(memory, c)
        return inputs

    return begin_layer


def encoded_of(tiling: Tiling) -> Any:
    """What keeps the last outputs of a direction of the encoder."""
    threads, hidden, pitch, latent = (
        tiling.threads, tiling.hidden, tiling.pitch, tiling.latent,
    )  # fmt: skip

    @device
    def copy_latent(memory: Float32Array, h: int, first_row: int) -> None:
        for n in range(cuda.threadIdx.x, hidden * pitch, threads):
            store(memory, latent + first_row * pitch + n, load(memory, h + n))

    return copy_latent


@cache
def score_kernel(tiling: Tiling) -> Any:
    """The kernel for this tiling, to be launched with blocks of `tiling.threads`."""
    windows, encoded, slab = tiling.windows, tiling.encoded, tiling.hidden * tiling.pitch
    inputs_at, input_slab = tiling.inputs, tiling.input_rows * tiling.pitch
    sums, states = tiling.units * GATES * tiling.per_thread, tiling.units * tiling.per_thread
    lstm_step, begin_layer, copy_latent = (
        step_of(tiling), begin_layer_of(tiling), encoded_of(tiling),
    )  # fmt: skip
    place_windows, add_errors, slabs = windows_of(tiling), errors_of(tiling), slabs_of(tiling)
    stage_readings, stage_outputs = inputs_of(tiling)
    marks = windows + 1

    @kernel(tiling.threads)
    def score_windows(
        plan: TimeArray,
        numbers: TimeArray,
        packed: Float32Array,
        scratch: Float32Array,
        rows: Float32Array,
        starts: TimeArray,
        lengths: TimeArray,
        errors: Float32Array,
        expected: Float32Array,
    ) -> None:
        """Rows (N F,), starts, lengths (B,) to errors (B, SPANS, F), expected (B, F)."""
        memory = cuda.shared.array(0, float32, ALIGNMENT)
        # The simulator tells shared arrays apart by their lines.
        places = cuda.shared.array(marks, int32)
        paddings = cuda.shared.array(windows, int32)
        base, c = cuda.local.array(sums, float32), cuda.local.array(states, float32)
        steps, encoder, layers = numbers[of.STEPS], numbers[of.ENCODER_LAYERS], len(plan)
        first = cuda.blockIdx.x * windows
        while first < len(starts):
            place_windows(starts, lengths, first, steps, places, paddings)
            cuda.syncthreads()
            for layer in range(layers):
                source, target = slabs(numbers, layer, layers)
                row = plan[layer, col.FIRST_ROW]
                inputs = begin_layer(memory, plan, layer, packed, base, c)
                now = 0
                for step in range(-1, steps):
                    t = steps - 1 - step if plan[layer, col.REVERSE] == 1 else step
                    if step >= 0:
                        to = target + (t * encoded + row) * windows if target >= 0 else -1
                        lstm_step(
                            memory, packed, plan[layer, col.W_X], inputs_at + now * input_slab,
                            inputs, plan[layer, col.W_H], now, base, c, scratch, to,
                        )  # fmt: skip
                        now = 1 - now
                    if step < steps - 1:
                        ahead = t - 1 if plan[layer, col.REVERSE] == 1 else t + 1
                        if layer < numbers[of.DIRECTIONS]:
                            at = inputs_at + now * input_slab
                            stage_readings(memory, at, rows, places, paddings, ahead)
                        elif inputs > 0:
                            at = inputs_at + now * input_slab
                            begin = source + ahead * encoded * windows
                            stage_outputs(memory, at, scratch, begin, inputs)
                    cuda.syncthreads()
                    if step >= 0 and layer == layers - 1:
                        add_errors(
                            memory, now * slab, packed, numbers[of.OUTPUT_W],
                            numbers[of.OUTPUT_BIAS], rows, places, paddings, t, steps, first,
                            errors, expected,
                        )  # fmt: skip
                if layer >= encoder - numbers[of.DIRECTIONS] and layer < encoder:
                    copy_latent(memory, now * slab, row)
                cuda.syncthreads()
            first += cuda.gridDim.x * windows

    return score_windows
