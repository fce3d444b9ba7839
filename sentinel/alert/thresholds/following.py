"""What rules share that follow the stream: state as arrays over entities, all begun alike."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from sentinel.entities import EntityArrays, State
from sentinel.records import FloatArray, IndexArray


class Following(EntityArrays[State], ABC):
    """A threshold for each entity; `state` is all that it remembers.

    start  what an entity begins with, (1, ...) arrays
    least  no threshold is below it
    """

    def __init__(self, start: State, least: float) -> None:
        super().__init__(start)
        self._least = least

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
