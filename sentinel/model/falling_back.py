"""The CPU takes over where the GPU fails amid the work: no reading is lost, and somebody is told.

A twin that fails has changed nothing that the caller sees, so that the CPU can do its call anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sentinel.errors import DeviceError
from sentinel.model.carrying import StateCarrier
from sentinel.model.parameters import Parameters
from sentinel.model.protocols import CarriesStates, ScoresWindows
from sentinel.model.ring_windows import RingWindows
from sentinel.model.scoring import WindowErrors, WindowScorer
from sentinel.records import Float32Array, TimeArray

Result = TypeVar("Result")


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


class SafeCarrier:
    """Carries states on the GPU as long as it works."""

    def __init__(self, gpu: CarriesStates, cpu: StateCarrier, fallback: Fallback) -> None:
        self.gpu, self.cpu, self.fallback = gpu, cpu, fallback

    def advance(
        self, states: Float32Array, rows: Float32Array, starts: TimeArray, entities: TimeArray
    ) -> Float32Array:
        """As `StateCarrier.advance`."""
        return self.fallback.attempt(
            lambda: self.gpu.advance(states, rows, starts, entities),
            lambda: self.cpu.advance(states, rows, starts, entities),
        )
