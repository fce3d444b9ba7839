"""Windows to errors on the device: the twin of `model.scoring`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda

from sentinel.kernels.cuda.score_windows import score_kernel, scratch_size
from sentinel.kernels.slabs import SPANS
from sentinel.model.architecture import Architecture
from sentinel.model.cuda.failures import device_failures
from sentinel.model.cuda.launching import CHUNK_BYTES, Launcher, Mirror, Model, gather_rows
from sentinel.model.cuda.rings import DeviceRings
from sentinel.model.cuda.tilings import tiling_of
from sentinel.model.device import CudaBackend
from sentinel.model.packing import Grain
from sentinel.model.parameters import Parameters
from sentinel.model.plan import Plan, plan_scoring
from sentinel.model.prepared import as_kernels_take
from sentinel.model.ring_windows import RingWindows
from sentinel.model.scoring import WindowErrors
from sentinel.records import Float32Array, TimeArray

SLOTS = 2
# Tiles that a multiprocessor works on side by side, where a launch leaves none of them idle.
TILES_AT_ONCE = 2


def plan_for(architecture: Architecture, steps: int) -> Plan:
    """The plan of a model: weights (K, GATES, H), so that neighbouring threads read neighbours."""
    return plan_scoring(architecture, steps, Grain(architecture.hidden, architecture.channels, 1))


class CudaWindowScorer:
    """Scores windows; the bits of each do not depend on the others. Not for concurrent calls.

    steps  T
    """

    @device_failures()
    def __init__(self, parameters: Parameters, steps: int, backend: CudaBackend) -> None:
        architecture = parameters.architecture
        self.channels, self.steps = architecture.channels, steps
        self.model = Model(plan_for(architecture, steps))
        self.chunk = max(1, CHUNK_BYTES // (4 * steps * self.channels))
        deep = max(architecture.encoder_layers, architecture.decoder_layers) > 1
        self.many, self.few = (
            self._launcher(architecture, backend, deep, few=few) for few in (False, True)
        )
        self.slots = [self.slot() for _ in range(SLOTS)]
        self.rings = DeviceRings(self.channels)
        self.rings.compile(self.slots[0])
        self.busy = backend.multiprocessors * self.many.tiling.windows
        self.enough = TILES_AT_ONCE * self.busy
        self.load(parameters)

    def _launcher(
        self, architecture: Architecture, backend: CudaBackend, deep: bool, *, few: bool
    ) -> Launcher:
        tiling = tiling_of(architecture, backend.shared_bytes, few=few)
        scratch = scratch_size(tiling, self.steps) if deep else 0
        slot = Slot(self.channels)
        arguments = self._arguments(slot, slot.rows.device, 0)
        return Launcher(score_kernel(tiling), tiling, backend, scratch, arguments)

    def slot(self) -> Slot:
        """A new one, for `launch`."""
        return Slot(self.channels, max(self.many.scratch, self.few.scratch))

    @device_failures()
    def load(self, parameters: Parameters) -> None:
        """Score with these parameters from now on."""
        self.model.load(parameters.flat)

    @device_failures()
    def score(self, rows: Float32Array, starts: TimeArray, lengths: TimeArray) -> WindowErrors:
        """As `WindowScorer.score`."""
        flat, starts, lengths = as_kernels_take(rows, starts, lengths)
        found = self._begin(len(starts))
        for number, first in enumerate(range(0, len(starts), self.chunk)):
            part = slice(first, min(first + self.chunk, len(starts)))
            slot = self.slots[number % SLOTS]
            slot.collect(found)
            self._submit(slot, part, flat, starts[part], lengths[part])
        for slot in self.slots:
            slot.collect(found)
        return found

    @device_failures()
    def score_rings(self, windows: RingWindows) -> WindowErrors:
        """As `WindowScorer.score_rings`; rows that the device has seen stay where they are."""
        found = self._begin(len(windows.starts))
        for number, (places, part) in enumerate(self.rings.chunks(windows, self.enough)):
            slot = self.slots[number % SLOTS]
            slot.collect(found)
            self.rings.bring(slot, places)
            starts = windows.starts[part]
            if len(starts):
                slot.reserve(len(starts), self.channels)
                self._score(slot, part, self.rings.rows, starts, self.steps)
        for slot in self.slots:
            slot.collect(found)
        return found

    def _begin(self, count: int) -> WindowErrors:
        """Room for what a call finds; what a call before left unread, as it failed, is dropped."""
        for slot in self.slots:
            slot.drop()
        return WindowErrors(
            np.empty((count, SPANS, self.channels), np.float32),
            np.empty((count, self.channels), np.float32),
        )

    def _submit(
        self, slot: Slot, part: slice, flat: Float32Array, starts: TimeArray, lengths: TimeArray
    ) -> None:
        slot.reserve(len(starts), self.channels, int(lengths.sum()))
        places = np.empty_like(starts)
        rows = gather_rows(
            flat, starts, lengths, np.argsort(starts, kind="stable"), self.channels,
            slot.rows.host, places,
        )  # fmt: skip
        self._score(slot, part, slot.rows.up(rows * self.channels), places, lengths)

    def _score(
        self, slot: Slot, part: slice, rows: Any, starts: TimeArray, lengths: TimeArray | int
    ) -> None:
        """Let windows of rows on the device be scored, and their errors come back."""
        count = len(starts)
        slot.starts.host[:count], slot.lengths.host[:count] = starts, lengths
        slot.starts.up(count)
        slot.lengths.up(count)
        self.launch(slot, rows, count)
        slot.errors.down(count * SPANS * self.channels)
        slot.expected.down(count * self.channels)
        slot.part = part

    def launch(self, slot: Slot, rows: Any, count: int) -> None:
        """Score the first windows of a slot, once its stream has come to it.

        rows  (N F,) on the device; so is all that the slot has, before and after
        """
        launch = self.many if count > self.busy else self.few
        launch(count, slot.stream, *self._arguments(slot, rows, count))

    def _arguments(self, slot: Slot, rows: Any, count: int) -> tuple[Any, ...]:
        errors, channels = slot.errors.device[: count * SPANS * self.channels], self.channels
        return (
            self.model.table, self.model.numbers, self.model.packed, slot.scratch, rows,
            slot.starts.device[:count], slot.lengths.device[:count],
            errors.reshape(count, SPANS, channels),
            slot.expected.device[: count * channels].reshape(count, channels),
        )  # fmt: skip


class Slot:
    """A stream, and what one launch on it reads and writes.

    part     the windows that it works on, of those of the call; None: nothing
    scratch  floats that a launch wants, on the device alone
    """

    def __init__(self, channels: int, scratch: int = 0) -> None:
        self.stream = cuda.stream()
        self.part: slice | None = None
        self.scratch = cuda.device_array(scratch, np.float32)
        self.rows, self.errors, self.expected = (
            Mirror(np.float32, self.stream) for _ in range(3)
        )  # fmt: skip
        self.starts, self.lengths, self.places, self.moves = (
            Mirror(np.int64, self.stream) for _ in range(4)
        )
        self.reserve(0, channels)
        self.places.room(0)
        self.moves.room(0)

    def reserve(self, count: int, channels: int, rows: int = 0) -> None:
        """Room for so many windows, and for so many rows."""
        self.rows.room(rows * channels)
        self.starts.room(count)
        self.lengths.room(count)
        self.errors.room(count * SPANS * channels)
        self.expected.room(count * channels)

    def drop(self) -> None:
        """Forget what it works on."""
        if self.part is not None:
            self.stream.synchronize()
            self.part = None

    def collect(self, found: WindowErrors) -> None:
        """Wait for what this slot works on, and hand out what it finds."""
        self.stream.synchronize()
        if self.part is None:
            return
        for out, mirror in ((found.errors, self.errors), (found.expected, self.expected)):
            part = out[self.part]
            part[...] = mirror.host[: part.size].reshape(part.shape)
        self.part = None
