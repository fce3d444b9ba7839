"""SPOT: the peaks over a quantile of the calibration scores, of each entity. See `peaks`."""

from __future__ import annotations

import numpy as np

from sentinel.alert.thresholds.following import Following
from sentinel.alert.thresholds.peaks import PeakState, first_peaks, learn
from sentinel.kernels.jit import jit
from sentinel.records import FloatArray, IndexArray


class Pot(Following[PeakState]):
    """What a share `exceed_probability` of normal scores exceed, by the tail of each entity."""

    def __init__(
        self, calibration_scores: FloatArray, exceed_probability: float, least: float
    ) -> None:
        self._quantile, start = first_peaks(calibration_scores, exceed_probability, least)
        self._exceed_probability = exceed_probability
        super().__init__(start, least)

    def _advance(
        self, entity: IndexArray, anomaly_score: FloatArray, threshold: FloatArray
    ) -> None:
        _pot(entity, anomaly_score, self._quantile, self._exceed_probability, self.state, threshold)


@jit
def _pot(
    entity: IndexArray,
    score: FloatArray,
    quantile: float,
    exceed_probability: float,
    state: PeakState,
    threshold: FloatArray,
) -> None:
    for n in range(len(entity)):
        e = entity[n]
        threshold[n] = quantile + state.margin[e]
        if not np.isnan(score[n]):
            learn(state, e, score[n] - quantile, exceed_probability)
