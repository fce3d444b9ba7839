"""Median plus so many standard deviations, the deviation by the median absolute deviation (MAD).

Both are followed, so that a reading costs O(1): the median moves towards each score by STEP x MAD,
the MAD grows or shrinks by a factor 1 +- STEP. A score moves them by its side alone, never by its
size, so an anomaly weighs no more than any other reading. For normal scores both forget as a window
of about two thousand readings does.

Sources: Tierney, "A space-efficient recursive procedure for estimating a quantile of an unknown
distribution", SIAM J. Sci. Stat. Comput. 4(4), 1983 (steps towards a quantile by sign); Yazidi and
Hammer, "Multiplicative update methods for incremental quantile estimation", IEEE Trans. Cybernetics
49(3), 2019 (by a factor); Leys et al., "Detecting outliers", J. Exp. Soc. Psychology 49(4), 2013
(the rule itself).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sentinel.alert.thresholds.following import Following
from sentinel.kernels.jit import jit
from sentinel.records import FloatArray, IndexArray

STEP = 1 / 512
DEVIATIONS_PER_MAD = 1.4826  # of a normal distribution: 1 / its 75% quantile
# A machine at rest must not make a wonder of its first noise.
LEAST_SHARE = 1 / 8  # of the calibration scores' MAD
LEAST_OF_MEDIAN = 0.05  # the least MAD that calibration scores are taken to have


class MadState(NamedTuple):
    """median, deviation  (E,) of each entity's scores; the deviation is the MAD."""

    median: FloatArray
    deviation: FloatArray


class Mad(Following[MadState]):
    """median + count x 1.4826 MAD, followed for each entity."""

    def __init__(self, calibration_scores: FloatArray, count: float, least: float) -> None:
        median = float(np.median(calibration_scores))
        deviation = float(np.median(np.abs(calibration_scores - median)))
        deviation = max(deviation, LEAST_OF_MEDIAN * abs(median), least)
        super().__init__(MadState(np.array([median]), np.array([deviation])), least)
        self._factor = float(count * DEVIATIONS_PER_MAD)
        self._least_deviation = LEAST_SHARE * deviation

    def _advance(
        self, entity: IndexArray, anomaly_score: FloatArray, threshold: FloatArray
    ) -> None:
        _follow(entity, anomaly_score, self._factor, self._least_deviation, self.state, threshold)


@jit
def _follow(
    entity: IndexArray,
    score: FloatArray,
    factor: float,
    least_deviation: float,
    state: MadState,
    threshold: FloatArray,
) -> None:
    median, deviation = state
    for n in range(len(entity)):
        e = entity[n]
        threshold[n] = median[e] + factor * deviation[e]
        if np.isnan(score[n]):
            continue
        away = score[n] - median[e]
        outside = np.sign(abs(away) - deviation[e])
        median[e] += STEP * deviation[e] * np.sign(away)
        deviation[e] = max(least_deviation, deviation[e] * (1 + STEP * outside))
