"""Into shared memory: rows of readings, outputs of the layer before, weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda

from sentinel.kernels.cuda.jit import device
from sentinel.kernels.cuda.memory import load, store
from sentinel.kernels.cuda.tiling import Tiling
from sentinel.kernels.lanes import masked, not_less
from sentinel.kernels.types import Float32Array, TimeArray


def windows_of(tiling: Tiling) -> Any:
    """What finds the windows of a tile."""
    windows = tiling.windows

    @device
    def place_windows(
        starts: TimeArray, lengths: TimeArray, first: int, steps: int, places: Any, paddings: Any
    ) -> None:
        """Of windows first, first + 1, ...: the row of step 0, and the steps without a row.

        places    (S + 1,) shared; a place may lie before the first row where there is padding; the
                  last one is a zero that `stage_readings` wants
        paddings  (S,) shared
        """
        if cuda.threadIdx.x == 0:
            places[windows] = 0
        b = cuda.threadIdx.x
        while b < windows:
            place, padding = 0, steps
            if first + b < len(starts):
                padding = steps - lengths[first + b]
                place = starts[first + b] - padding
            places[b], paddings[b] = place, padding
            b += cuda.blockDim.x

    return place_windows


def inputs_of(tiling: Tiling) -> tuple[Any, Any]:
    """What stages the inputs of a step: the first layer's, and those of the layers after it."""
    windows, pitch, threads, channels = (
        tiling.windows, tiling.pitch, tiling.threads, tiling.channels,
    )  # fmt: skip

    @device
    def stage_readings(
        memory: Float32Array, at: int, rows: Float32Array, places: Any, paddings: Any, t: int
    ) -> None:
        """Step t of the tile's windows; 0 where a value is missing, or the whole row."""
        # What a thread stages is the same at every step. A compiler that could tell would keep it
        # in registers, and spill for it; it cannot know that what it reads here is always zero.
        for n in range(cuda.threadIdx.x + places[windows], channels * windows, threads):
            b, f = n // channels, n % channels
            value = np.float32(0)
            if t >= paddings[b]:
                value = load(rows, (places[b] + t) * channels + f)
                value = masked(value, not_less(value, value))
            store(memory, at + f * pitch + b, value)

    @device
    def stage_outputs(
        memory: Float32Array, at: int, scratch: Float32Array, source: int, count: int
    ) -> None:
        """So many rows of S windows that a layer left in the scratch."""
        for n in range(cuda.threadIdx.x, count * windows, threads):
            store(memory, at + n // windows * pitch + n % windows, load(scratch, source + n))

    return stage_readings, stage_outputs
