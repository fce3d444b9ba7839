"""States of entities, carried on by the device: the twin of `model.carried`.

They stay on the device. The host's copy is made whole for a snapshot, and where their number
changes or some are forgotten; then they are sent once more. Of a call only rows and places cross
the bus, and what comes of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numba import cuda
from numpy.typing import NDArray

from sentinel.entities import Arrays, EntityArrays
from sentinel.errors import ModelError
from sentinel.kernels.cuda.score_windows import scratch_size
from sentinel.kernels.cuda.states import advance_kernel
from sentinel.model.architecture import Architecture
from sentinel.model.carried import EncoderState
from sentinel.model.cuda.failures import device_failures
from sentinel.model.cuda.launching import Launcher, Mirror, Model, gather_rows
from sentinel.model.cuda.scoring import plan_for
from sentinel.model.cuda.tilings import tiling_of
from sentinel.model.device import CudaBackend
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import as_kernels_take
from sentinel.model.waves import STEPS
from sentinel.records import BoolArray, Float32Array, IndexArray, TimeArray


class CudaCarriedStates:
    """States of E entities, advanced by the device. Not for concurrent calls.

    home   the host's copy; while `ahead`, the device's is newer
    steps  how many readings a call may advance by
    """

    @device_failures()
    def __init__(
        self,
        parameters: Parameters,
        home: EntityArrays[EncoderState],
        backend: CudaBackend,
        steps: Sequence[int] = STEPS,
    ) -> None:
        architecture = parameters.architecture
        if architecture.bidirectional:
            raise ModelError("a bidirectional encoder has no state to carry")
        self.channels = architecture.channels
        forecasts = architecture.horizons * architecture.channels
        self.width = forecasts if architecture.forecast else architecture.hidden
        # Made once: to forget the device's states takes nothing of it, and cannot fail.
        self.nothing = cuda.device_array(0, np.float32)
        self.home, self.states, self.ahead = home, self.nothing, False
        self.models = {count: Model(plan_for(architecture, count)) for count in steps}
        for model in self.models.values():
            model.load(parameters.flat)
        self.stream = cuda.stream()
        self.rows, self.outputs = (Mirror(np.float32, self.stream) for _ in range(2))
        self.starts, self.lengths, self.slots, self.begins = (
            Mirror(np.int64, self.stream) for _ in range(4)
        )
        self._reserve(0, 0)
        self.scratch = self.nothing
        self.many, self.few = (
            self._launcher(architecture, backend, max(steps), few=few) for few in (False, True)
        )
        self.scratch = cuda.device_array(max(self.many.scratch, self.few.scratch), np.float32)
        self.busy = backend.multiprocessors * self.many.tiling.windows

    def _launcher(
        self, architecture: Architecture, backend: CudaBackend, steps: int, *, few: bool
    ) -> Launcher:
        tiling = tiling_of(architecture, backend.shared_bytes, few=few, carried=True)
        scratch = scratch_size(tiling, steps) if architecture.encoder_layers > 1 else 0
        kernel, arguments = advance_kernel(tiling), self._arguments(0, 0, steps)
        return Launcher(kernel, tiling, backend, scratch, arguments)

    def grow(self, entities: int) -> None:
        """Make room for so many entities, not fewer than there are."""
        self.leave()
        self.home.grow(entities)

    def forget(self, entities: IndexArray) -> None:
        """Back to the beginning for these entities."""
        self.leave()
        self.home.forget(entities)

    def arrays(self, entities: int) -> Arrays:
        """A copy, by name, of all that is remembered of the first so many entities."""
        self.fetch()
        return self.home.arrays(entities)

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Remember a copy of these, as `arrays` gave them, and nothing else."""
        self.home.restore(arrays)
        self._forsake()

    @device_failures()
    def fetch(self) -> None:
        """Make the host's copy whole; where that fails, it is what it was."""
        if self.ahead:
            # Not into the old one: half of it might arrive.
            found = np.empty_like(self.home.state.encoder)
            self.states.copy_to_host(found.reshape(-1))
            self.home.state, self.ahead = EncoderState(found), False

    def leave(self) -> None:
        """Make the host's copy whole, and the only one."""
        self.fetch()
        self._forsake()

    def _forsake(self) -> None:
        self.states, self.ahead = self.nothing, False

    @device_failures()
    def advance(
        self,
        rows: Float32Array,
        starts: TimeArray,
        slots: TimeArray,
        begins: BoolArray,
        steps: int,
    ) -> Float32Array:
        """As `CarriedStates.advance`."""
        flat, starts, slots = as_kernels_take(rows, starts, slots)
        count, lengths = len(starts), np.full(len(starts), steps)
        if not count:
            return np.empty((0, steps, self.width), np.float32)
        if not len(self.states):
            self.states = cuda.to_device(self.home.state.encoder.reshape(-1))
        self._reserve(count, steps)
        for mirror, numbers in (
            (self.lengths, lengths), (self.slots, slots), (self.begins, begins)
        ):  # fmt: skip
            mirror.host[:count] = numbers
        gathered = gather_rows(
            flat, starts, lengths, np.argsort(starts, kind="stable"), self.channels,
            self.rows.host, self.starts.host,
        )  # fmt: skip
        launch, arguments = self.few, self._arguments(count, gathered, steps)
        if count > self.busy:
            launch = self.many
        self.ahead = True
        launch(count, self.stream, *arguments)
        outputs = self.outputs.down(count * steps * self.width)
        self.stream.synchronize()
        return np.array(outputs).reshape(count, steps, self.width)

    def _reserve(self, count: int, steps: int) -> None:
        self.rows.room(count * steps * self.channels)
        self.outputs.room(count * steps * self.width)
        for mirror in (self.starts, self.lengths, self.slots, self.begins):
            mirror.room(count)

    def _arguments(self, count: int, rows: int, steps: int) -> tuple[object, ...]:
        """What the kernel is called with; the copies that it needs go before it on the stream."""
        model, outputs = self.models[steps], self.outputs.device[: count * steps * self.width]
        return (
            model.table, model.numbers, model.packed, self.scratch,
            self.rows.up(rows * self.channels), self.starts.up(count), self.lengths.up(count),
            self.slots.up(count), self.begins.up(count), self.states,
            outputs.reshape(count, steps, self.width),
        )  # fmt: skip
