"""States of entities, carried on by the device: the twin of `model.carrying`.

The states stay with the CPU, which also sets them back to zero; those of a call cross the bus.
"""

from __future__ import annotations

import numpy as np
from numba import cuda

from sentinel.errors import ModelError
from sentinel.kernels.cuda.score_windows import scratch_size
from sentinel.kernels.cuda.states import advance_kernel
from sentinel.model.architecture import Architecture
from sentinel.model.cuda.failures import device_failures
from sentinel.model.cuda.launching import Launcher, Mirror, Model, gather_rows
from sentinel.model.cuda.scoring import plan_for
from sentinel.model.cuda.tilings import tiling_of
from sentinel.model.device import CudaBackend
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import as_kernels_take
from sentinel.records import Float32Array, TimeArray


class CudaStateCarrier:
    """Carries the encoder's states (h, c) of entities on, some readings at a call.

    steps   readings that every entity of a call is advanced by
    Not for concurrent calls.
    """

    @device_failures()
    def __init__(self, parameters: Parameters, steps: int, backend: CudaBackend) -> None:
        architecture = parameters.architecture
        if architecture.bidirectional:
            raise ModelError("a bidirectional encoder has no state to carry")
        self.steps, self.channels = steps, architecture.channels
        forecasts = architecture.horizons * architecture.channels
        self.width = forecasts if architecture.forecast else architecture.hidden
        self.model = Model(plan_for(architecture, steps))
        self.model.load(parameters.flat)
        self.stream = cuda.stream()
        self.rows, self.states, self.outputs = (Mirror(np.float32, self.stream) for _ in range(3))
        self.starts, self.lengths = (Mirror(np.int64, self.stream) for _ in range(2))
        self._reserve(0, 0)
        self.scratch = Mirror(np.float32, self.stream)
        self.scratch.room(0)
        self.many, self.few = (self._launcher(architecture, backend, few=f) for f in (False, True))
        self.scratch.room(max(self.many.scratch, self.few.scratch))
        self.busy = backend.multiprocessors * self.many.tiling.windows

    def _launcher(self, architecture: Architecture, backend: CudaBackend, *, few: bool) -> Launcher:
        tiling = tiling_of(architecture, backend.shared_bytes, few=few, carried=True)
        scratch = scratch_size(tiling, self.steps) if architecture.encoder_layers > 1 else 0
        kernel, arguments = advance_kernel(tiling), self._arguments(0, 0, 0)
        return Launcher(kernel, tiling, backend.multiprocessors, scratch, arguments)

    @device_failures()
    def advance(
        self, states: Float32Array, rows: Float32Array, starts: TimeArray, entities: TimeArray
    ) -> Float32Array:
        """As `StateCarrier.advance`."""
        flat, starts, entities = as_kernels_take(rows, starts, entities)
        count, lengths = len(starts), np.full(len(starts), self.steps)
        if not count:
            return np.empty((0, self.steps, self.width), np.float32)
        chosen = states[entities]
        self._reserve(count, chosen.size)
        self.lengths.host[:count] = lengths
        self.states.host[: chosen.size] = chosen.reshape(-1)
        gathered = gather_rows(
            flat, starts, lengths, np.argsort(starts, kind="stable"), self.channels,
            self.rows.host, self.starts.host,
        )  # fmt: skip
        launch = self.many if count > self.busy else self.few
        launch(count, self.stream, *self._arguments(count, gathered, chosen.size))
        outputs = self.outputs.down(count * self.steps * self.width)
        advanced = self.states.down(chosen.size)
        self.stream.synchronize()
        states[entities] = advanced.reshape(chosen.shape)
        return np.array(outputs).reshape(count, self.steps, self.width)

    def _reserve(self, count: int, states: int) -> None:
        self.rows.room(count * self.steps * self.channels)
        self.states.room(states)
        self.outputs.room(count * self.steps * self.width)
        self.starts.room(count)
        self.lengths.room(count)

    def _arguments(self, count: int, rows: int, states: int) -> tuple[object, ...]:
        """What the kernel is called with; the copies that it needs go before it on the stream."""
        outputs = self.outputs.device[: count * self.steps * self.width]
        return (
            self.model.table, self.model.numbers, self.model.packed, self.scratch.device,
            self.rows.up(rows * self.channels), self.starts.up(count), self.lengths.up(count),
            self.states.up(states), outputs.reshape(count, self.steps, self.width),
        )  # fmt: skip
