"""One threshold for all readings of all entities: the model's own, or a quantile of its scores."""

from __future__ import annotations

import numpy as np

from sentinel.entities import Parts
from sentinel.records import FloatArray, IndexArray


class Constant(Parts):
    """The same threshold whatever comes; there is nothing to remember."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def advance(self, entity: IndexArray, anomaly_score: FloatArray) -> FloatArray:
        """The threshold (N,) of each score."""
        return np.full(len(entity), self.value)


def quantile(calibration_scores: FloatArray, exceed_probability: float) -> float:
    """The score that this share of the calibration scores exceed.

    Where there are fewer scores than 1 / share it is near the highest of them: no more is known.
    """
    return float(np.quantile(calibration_scores, 1 - exceed_probability))
