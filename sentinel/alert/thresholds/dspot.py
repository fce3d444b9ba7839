"""DSPOT, the drift variant of SPOT: peaks of what a score has above the mean of those before it.

The mean is of the newest DEPTH scores that were no anomalies. See `peaks` and the source there.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sentinel.alert.thresholds.following import Following
from sentinel.alert.thresholds.peaks import PeakState, first_peaks, learn
from sentinel.kernels.jit import jit
from sentinel.records import FloatArray, IndexArray, TimeArray

DEPTH = 128
DEPTH_SHARE = 1 / 4  # of a short calibration


class DriftState(NamedTuple):
    """Of each entity: that of its peaks, see `PeakState`, and what their mean is of.

    recent   (E, DEPTH) newest scores; number k stands at k % DEPTH
    normal   (E,) scores so far
    total    (E,) sum of the newest
    """

    excess: FloatArray
    kept: IndexArray
    lasting: IndexArray
    peaks: TimeArray
    seen: TimeArray
    taken: TimeArray
    margin: FloatArray
    recent: FloatArray
    normal: TimeArray
    total: FloatArray


class Dspot(Following[DriftState]):
    """The moving mean of an entity, and what rarely lies above it."""

    def __init__(
        self, calibration_scores: FloatArray, exceed_probability: float, least: float
    ) -> None:
        depth = max(1, min(DEPTH, int(DEPTH_SHARE * len(calibration_scores))))
        sums = np.concatenate([[0.0], np.cumsum(calibration_scores)])
        means = (sums[depth:-1] - sums[: -depth - 1]) / depth
        above = calibration_scores[depth:] - means
        if not len(above):
            above = np.zeros(1)
        self._quantile, peaks = first_peaks(above, exceed_probability, least)
        self._exceed_probability = exceed_probability
        recent = calibration_scores[-depth:]
        super().__init__(
            DriftState(*peaks, recent[None].copy(), np.array([depth]), np.array([recent.sum()])),
            least,
        )

    def _advance(
        self, entity: IndexArray, anomaly_score: FloatArray, threshold: FloatArray
    ) -> None:
        _dspot(
            entity, anomaly_score, self._quantile, self._exceed_probability,
            PeakState(*self.state[:-3]), *self.state[-3:], threshold,
        )  # fmt: skip


@jit
def _dspot(
    entity: IndexArray,
    score: FloatArray,
    quantile: float,
    exceed_probability: float,
    peaks: PeakState,
    recent: FloatArray,
    normal: TimeArray,
    total: FloatArray,
    threshold: FloatArray,
) -> None:
    depth = recent.shape[1]
    for n in range(len(entity)):
        e = entity[n]
        mean = total[e] / depth
        threshold[n] = mean + quantile + peaks.margin[e]
        if np.isnan(score[n]):
            continue
        if learn(peaks, e, score[n] - mean - quantile, exceed_probability):
            slot = normal[e] % depth
            total[e] += score[n] - recent[e, slot]
            recent[e, slot] = score[n]
            normal[e] += 1
