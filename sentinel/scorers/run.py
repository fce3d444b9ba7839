"""What a scorer is given, readings that the rings took in one go, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from sentinel.entities import Part
from sentinel.model.ring_windows import RingWindows
from sentinel.records import Float32Array, FloatArray, Readings, TimeArray
from sentinel.window.rings import Filled, Outcome, Rings


@dataclass(frozen=True, slots=True)
class Run:
    """Readings [start, taken.stop) of a batch, in the rings.

    outcome  of the whole batch
    """

    readings: Readings
    start: int
    taken: Filled
    outcome: Outcome
    rings: Rings

    @property
    def here(self) -> slice:
        """The run's rows of the batch."""
        return slice(self.start, self.taken.stop)

    @property
    def rows(self) -> Float32Array:
        """All rings' rows (R, F) scaled: where `outcome.place` and `taken.places` point."""
        return self.rings.rows

    @property
    def windows(self) -> RingWindows:
        """The windows of the stride that the run completes."""
        rings = self.rings
        return RingWindows(
            rings.slabs, rings.state.end, rings.calls, self.outcome.place[self.here],
            self.taken.windows - self.start, self.taken.places,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class RunScores:
    """Scores of M readings of a run.

    row            (M,) of the batch, each once; in any order
    anomaly_score  (M,)
    shares         (M, F) what part of it each channel makes up
    expected       (M, F) float32, scaled units: what the model took for usual
    """

    row: TimeArray
    anomaly_score: FloatArray
    shares: Float32Array
    expected: Float32Array


class Scorer(Part, Protocol):
    """One way to score."""

    def score(self, run: Run) -> RunScores:
        """Score the readings of a run that have a score of their own."""
        ...
