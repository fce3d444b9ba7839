"""The CPU takes over where the GPU fails amid the work: no reading is lost, and somebody is told.

A twin that fails has changed nothing that the caller sees, so that the CPU can do its call anew.
States that only the device has may be lost with it: the CPU then does more calls anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from sentinel.entities import Arrays
from sentinel.errors import DeviceError
from sentinel.model.carried import CarriedStates
from sentinel.model.parameters import Parameters
from sentinel.model.protocols import CarriesStates, ScoresWindows
from sentinel.model.ring_windows import RingWindows
from sentinel.model.scoring import WindowErrors, WindowScorer
from sentinel.records import BoolArray, Float32Array, IndexArray, TimeArray

Result = TypeVar("Result")

# Calls that are kept until the states are fetched, and readings of them; more where there are more
# states than that: to fetch them all then costs as much as it did to send the readings.
RECALLS_MAX, RECALLED_FLOATS_MIN = 1024, 1 << 20


class Fallback:
    """Whether the CPU has taken over, for good and for all that the GPU did.

    tell  is told why, once
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.tell, self.happened = tell, False

    def attempt(self, on_gpu: Callable[[], Result], on_cpu: Callable[[], Result]) -> Result:
        """The GPU's result; the CPU's where the GPU fails, or has failed before."""
        if not self.happened:
            try:
                return on_gpu()
            except DeviceError as error:
                self.happened = True
                self.tell(error.what)
        return on_cpu()


class SafeScorer:
    """Scores windows on the GPU as long as it works."""

    def __init__(self, gpu: ScoresWindows, cpu: WindowScorer, fallback: Fallback) -> None:
        self.gpu, self.cpu, self.fallback = gpu, cpu, fallback

    def load(self, parameters: Parameters) -> None:
        """Score with these parameters from now on."""
        self.cpu.load(parameters)
        self.fallback.attempt(lambda: self.gpu.load(parameters), lambda: None)

    def score(self, rows: Float32Array, starts: TimeArray, lengths: TimeArray) -> WindowErrors:
        """As `WindowScorer.score`."""
        return self.fallback.attempt(
            lambda: self.gpu.score(rows, starts, lengths),
            lambda: self.cpu.score(rows, starts, lengths),
        )

    def score_rings(self, windows: RingWindows) -> WindowErrors:
        """As `WindowScorer.score_rings`."""
        return self.fallback.attempt(
            lambda: self.gpu.score_rings(windows), lambda: self.cpu.score_rings(windows)
        )


class FetchesStates(CarriesStates, Protocol):
    """A twin whose states are elsewhere; the host's copy is that of a `CarriedStates`."""

    def fetch(self) -> None:
        """Make the host's copy whole."""
        ...

    def leave(self) -> None:
        """Make the host's copy whole, and the only one."""
        ...


class Recall(NamedTuple):
    """What a call of `advance` was given, with rows of its own."""

    rows: Float32Array
    starts: TimeArray
    slots: TimeArray
    begins: BoolArray
    steps: int


class SafeStates:
    """Carries states on the GPU as long as it works.

    cpu    has the states as of the last time that they were fetched
    since  calls since then: where the GPU fails, the CPU goes through them, and has lost nothing
    """

    def __init__(self, gpu: FetchesStates, cpu: CarriedStates, fallback: Fallback) -> None:
        self.gpu, self.cpu, self.fallback = gpu, cpu, fallback
        self.since: list[Recall] = []
        self.floats = 0

    def grow(self, entities: int) -> None:
        """Make room for so many entities, not fewer than there are."""
        self._catch_up(self.gpu.leave)
        self.cpu.grow(entities)

    def forget(self, entities: IndexArray) -> None:
        """Back to the beginning for these entities."""
        self._catch_up(self.gpu.leave)
        self.cpu.forget(entities)

    def arrays(self, entities: int) -> Arrays:
        """A copy, by name, of all that is remembered of the first so many entities."""
        self._catch_up(self.gpu.fetch)
        return self.cpu.arrays(entities)

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Remember a copy of these, as `arrays` gave them, and nothing else."""
        self._catch_up(self.gpu.leave)
        self.cpu.restore(arrays)

    def advance(
        self,
        rows: Float32Array,
        starts: TimeArray,
        slots: TimeArray,
        begins: BoolArray,
        steps: int,
    ) -> Float32Array:
        """As `CarriedStates.advance`."""

        def on_cpu() -> Float32Array:
            self._go_through()
            return self.cpu.advance(rows, starts, slots, begins, steps)

        found = self.fallback.attempt(
            lambda: self.gpu.advance(rows, starts, slots, begins, steps), on_cpu
        )
        if not self.fallback.happened:
            self._recall(rows, starts, slots, begins, steps)
        return found

    def _recall(
        self,
        rows: Float32Array,
        starts: TimeArray,
        slots: TimeArray,
        begins: BoolArray,
        steps: int,
    ) -> None:
        """Keep the call; what is kept costs at most about as much as the states themselves."""
        first, which = np.unique(starts, return_inverse=True)
        own = rows[first[:, None] + np.arange(steps)].reshape(-1, rows.shape[1])
        self.since.append(Recall(own, which * steps, slots.copy(), begins.copy(), steps))
        self.floats += own.size
        most = max(RECALLED_FLOATS_MIN, self.cpu.state.encoder.size)
        if len(self.since) >= RECALLS_MAX or self.floats > most:
            self._catch_up(self.gpu.fetch)

    def _catch_up(self, fetch: Callable[[], None]) -> None:
        """Make the CPU's states the newest."""
        self.fallback.attempt(fetch, self._go_through)
        self.since.clear()
        self.floats = 0

    def _go_through(self) -> None:
        """Let the CPU do anew what the GPU has done."""
        for call in self.since:
            self.cpu.advance(*call)
        self.since.clear()
