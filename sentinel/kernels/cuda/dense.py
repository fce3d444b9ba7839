"""A dense layer's output of one step, and what becomes of it: errors, or forecasts.

A thread has one channel of some neighbouring windows, the same ones at every step.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import cuda, float32

from sentinel.kernels.cuda.jit import device
from sentinel.kernels.cuda.memory import load, store
from sentinel.kernels.cuda.tiling import Tiling
from sentinel.kernels.lanes import fma
from sentinel.kernels.slabs import NEWEST, QUARTER, WHOLE
from sentinel.kernels.types import Float32Array


def dense_of(tiling: Tiling, count: int) -> Any:
    """What computes one channel of `count` windows."""
    hidden, channels, pitch = tiling.hidden, tiling.channels, tiling.pitch

    @device
    def dense_layer(
        memory: Float32Array, h: int, packed: Float32Array, w: int, bias: int, f: int, out: Any
    ) -> None:
        """A channel, to out (count,): bias + w h.  w (H, F); h (H, pitch) from the first window."""
        for r in range(count):
            out[r] = load(packed, bias + f)
        for k in range(hidden):
            weight = load(packed, w + k * channels + f)
            for r in range(count):
                out[r] = fma(weight, load(memory, h + k * pitch + r), out[r])

    return dense_layer


def errors_of(tiling: Tiling) -> Any:
    """What compares a step with its readings: the twin of `slabs.window_errors`."""
    count = math.gcd(tiling.per_thread, 4)
    groups, threads, channels, pitch = (
        tiling.windows // count, tiling.threads, tiling.channels, tiling.pitch,
    )  # fmt: skip
    totals = tiling.latent
    late_totals = totals + channels * pitch
    dense_layer, share = dense_of(tiling, count), share_of(tiling)

    @device
    def add_errors(
        memory: Float32Array,
        h: int,
        packed: Float32Array,
        w: int,
        bias: int,
        rows: Float32Array,
        places: Any,
        paddings: Any,
        t: int,
        steps: int,
        first: int,
        errors: Float32Array,
        expected: Float32Array,
    ) -> None:
        """Squared errors of step t to the totals; at the last step, everything to the caller."""
        for n in range(cuda.threadIdx.x, channels * groups, threads):
            f, begin = n // groups, n % groups * count
            out = cuda.local.array(count, float32)
            dense_layer(memory, h + begin, packed, w, bias, f, out)
            for r in range(count):
                b = begin + r
                total, late = totals + f * pitch + b, late_totals + f * pitch + b
                if t == 0:
                    store(memory, total, np.float32(0))
                    store(memory, late, np.float32(0))
                value, mask = np.float32(0), np.float32(0)
                if t >= paddings[b]:
                    read = load(rows, (places[b] + t) * channels + f)
                    if not math.isnan(read):
                        value, mask = read, np.float32(1)
                d = (out[r] - value) * mask
                store(memory, total, load(memory, total) + d * d)
                if t >= steps - (steps + 3) // 4:
                    store(memory, late, load(memory, late) + d * d)
                if t == steps - 1 and first + b < len(errors):
                    whole_count, late_count = share(rows, places[b], paddings[b], steps, f)
                    nan = np.float32(math.nan)
                    errors[first + b, WHOLE, f] = (
                        load(memory, total) / whole_count if whole_count > 0 else nan
                    )
                    errors[first + b, QUARTER, f] = (
                        load(memory, late) / late_count if late_count > 0 else nan
                    )
                    errors[first + b, NEWEST, f] = d * d if mask > 0 else nan
                    expected[first + b, f] = out[r]

    return add_errors


def share_of(tiling: Tiling) -> Any:
    """What counts the values of a window's channel: of all steps, and of the last quarter."""
    channels = tiling.channels

    @device
    def share(
        rows: Float32Array, place: int, padding: int, steps: int, f: int
    ) -> tuple[np.float32, np.float32]:
        whole, late = np.float32(0), np.float32(0)
        for t in range(padding, steps):
            if not math.isnan(load(rows, (place + t) * channels + f)):
                whole += np.float32(1)
                if t >= steps - (steps + 3) // 4:
                    late += np.float32(1)
        return whole, late

    return share


def forecasts_of(tiling: Tiling) -> Any:
    """What forecasts the reading after a step, or hands out the step's outputs."""
    count = math.gcd(tiling.per_thread, 4)
    groups, threads, channels = tiling.windows // count, tiling.threads, tiling.channels
    windows, hidden, pitch = tiling.windows, tiling.hidden, tiling.pitch
    dense_layer = dense_of(tiling, count)

    @device
    def forecast(
        memory: Float32Array,
        h: int,
        packed: Float32Array,
        w: int,
        bias: int,
        t: int,
        first: int,
        outputs: Float32Array,
        places: Any,
    ) -> None:
        """Outputs (B, T, horizons F) of step t by the forecasting head, block by block."""
        # As in `stage_readings`: nothing of it is to be kept from step to step.
        for n in range(cuda.threadIdx.x + places[windows], outputs.shape[2] * groups, threads):
            row, begin = n // groups, n % groups * count
            block, f = row // channels, row % channels
            out = cuda.local.array(count, float32)
            dense_layer(
                memory, h + begin, packed, w + block * hidden * channels, bias + block * channels,
                f, out,
            )  # fmt: skip
            for r in range(count):
                if first + begin + r < len(outputs):
                    outputs[first + begin + r, t, row] = out[r]

    @device
    def hand_out(
        memory: Float32Array, h: int, t: int, first: int, outputs: Float32Array, places: Any
    ) -> None:
        """Outputs (B, T, H) of step t: the layer's own."""
        for n in range(cuda.threadIdx.x + places[windows], hidden * windows, threads):
            j, b = n % hidden, n // hidden
            if first + b < len(outputs):
                outputs[first + b, t, j] = load(memory, h + j * pitch + b)

    return forecast, hand_out
