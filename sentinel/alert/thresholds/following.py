"""What rules share that follow the stream: state as arrays over entities, all begun alike."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from sentinel.records import FloatArray, IndexArray

State = TypeVar("State", bound=tuple[NDArray[Any], ...])


class Following(ABC, Generic[State]):
    """A threshold for each entity; `state` is all that it remembers, (E, ...) arrays.

    start  what an entity begins with, (1, ...) arrays
    least  no threshold is below it
    """

    def __init__(self, start: State, least: float) -> None:
        self._start = start
        self._least = least
        self.state: State = _same_kind(start, [array[:0].copy() for array in start])

    def grow(self, entities: int) -> None:
        """Make room for so many entities, not fewer than there are."""
        room = [np.repeat(array, entities, axis=0) for array in self._start]
        for new, old in zip(room, self.state, strict=True):
            new[: len(old)] = old
        self.state = _same_kind(self._start, room)

    def forget(self, entities: IndexArray) -> None:
        """Back to the beginning for these entities."""
        for array, start in zip(self.state, self._start, strict=True):
            array[entities] = start[0]

    def advance(self, entity: IndexArray, anomaly_score: FloatArray) -> FloatArray:
        """The threshold (N,) of each score, from those before it.

        anomaly_score  (N,), in order; NaN: the reading has no score of its own
        """
        threshold = np.empty(len(entity), np.float64)
        self._advance(entity, anomaly_score, threshold)
        return np.maximum(threshold, self._least, out=threshold)

    @abstractmethod
    def _advance(
        self, entity: IndexArray, anomaly_score: FloatArray, threshold: FloatArray
    ) -> None:
        """Fill `threshold` (N,), in one compiled call."""


def _same_kind(kind: State, arrays: list[NDArray[Any]]) -> State:
    made: State = type(kind)(*arrays)
    return made
