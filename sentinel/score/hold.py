"""The score of a reading that has no window of its own."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sentinel.kernels.jit import jit
from sentinel.records import FloatArray, IndexArray


class LastScores(NamedTuple):
    """The last finite score (E,) of each entity; NaN: none yet."""

    score: FloatArray


@jit
def hold_last(entity: IndexArray, anomaly_score: FloatArray, last_score: FloatArray) -> None:
    """A reading without a finite score repeats its entity's last finite one; NaN before the first.

    entity, anomaly_score  (N,), in order; anomaly_score is filled in
    last_score             (E,) carried from batch to batch
    """
    for n in range(len(entity)):
        if np.isnan(anomaly_score[n]):
            anomaly_score[n] = last_score[entity[n]]
        else:
            last_score[entity[n]] = anomaly_score[n]
