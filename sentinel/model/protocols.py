"""What a model is asked for, by the CPU's classes and by their twins on a GPU."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from sentinel.entities import Part
from sentinel.model.learning import Loss
from sentinel.model.parameters import Parameters
from sentinel.model.ring_windows import RingWindows
from sentinel.model.scoring import WindowErrors
from sentinel.records import BoolArray, Float32Array, TimeArray


class ScoresWindows(Protocol):
    """`WindowScorer` or its twin."""

    def load(self, parameters: Parameters) -> None:
        """Score with these parameters from now on."""
        ...

    def score(self, rows: Float32Array, starts: TimeArray, lengths: TimeArray) -> WindowErrors:
        """Score windows of consecutive rows."""
        ...

    def score_rings(self, windows: RingWindows) -> WindowErrors:
        """Score full windows of a stream, T rows each; a scorer follows the rings of one."""
        ...


class CarriesStates(Part, Protocol):
    """`CarriedStates` or its twin."""

    def advance(
        self,
        rows: Float32Array,
        starts: TimeArray,
        slots: TimeArray,
        begins: BoolArray,
        steps: int,
    ) -> Float32Array:
        """Advance some states, each by its next readings."""
        ...


class TrainsParameters(Protocol):
    """`Trainer` or its twin."""

    def __enter__(self) -> TrainsParameters: ...

    def __exit__(self, *_: object) -> None: ...

    def step(
        self,
        rows: Float32Array,
        starts: TimeArray,
        lengths: TimeArray,
        rng: np.random.Generator,
        learning_rate: float,
    ) -> tuple[Loss, float]:
        """Train on one minibatch; the loss before the step, and its gradient's norm."""
        ...

    def parameters(self) -> Parameters:
        """As they are now; the next step may change what was handed out."""
        ...
