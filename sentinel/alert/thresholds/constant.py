"""One threshold for all readings of all entities: the model's own, or a quantile of its scores."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentinel.records import FloatArray, IndexArray


class Constant:
    """The same threshold whatever comes; there is nothing to remember."""

    state: tuple[NDArray[Any], ...] = ()

    def __init__(self, value: float) -> None:
        self.value = value

    def grow(self, entities: int) -> None:
        """Every entity has it already."""

    def forget(self, entities: IndexArray) -> None:
        """It knows of no entity."""

    def advance(self, entity: IndexArray, anomaly_score: FloatArray) -> FloatArray:
        """The threshold (N,) of each score."""
        return np.full(len(entity), self.value)


def quantile(calibration_scores: FloatArray, exceed_probability: float) -> float:
    """The score that this share of the calibration scores exceed.

    Where there are fewer scores than 1 / share it is near the highest of them: no more is known.
    """
    return float(np.quantile(calibration_scores, 1 - exceed_probability))
