"""The peaks over a high quantile of each entity, and the threshold beyond which one is too rare.

SPOT: a score x at the threshold z or above is an anomaly and teaches nothing; a smaller one over
the quantile t is a peak, whose excess x - t refines z; every other one only counts. With n scores,
N of them peaks, and P(X > z) = q:  z = t + the excess that a share q n / N of the peaks exceed.

Source: Siffer, Fouque, Termier and Largouet, "Anomaly detection in streams with extreme value
theory", KDD 2017. They keep all excesses; here the newest stay, and beside them up to LASTING of
the calibration for good. Those hold z up: as anomalies teach nothing, what is learned is cut off at
z, and z sinks, in the original too. (Gaussian noise, q = 1e-3, true z 3.09: after 40,000 scores
2.86 in the original, 2.95 here, 2.46 with the newest alone.) t is lower than theirs where
calibration is so short that few peaks would begin.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sentinel.alert.thresholds.pareto import fit_pareto, tail_quantile
from sentinel.kernels.jit import shared
from sentinel.records import FloatArray, IndexArray, TimeArray

PEAKS = 200
LASTING = 100
PEAK_SHARE = 0.02  # of the calibration scores
PEAKS_LEAST = 10
LEAST_OF_QUANTILE = 0.05  # scores without any excess: one of this share of the quantile


class PeakState(NamedTuple):
    """Of each entity.

    excess   (E, PEAKS) excesses: those that last, then a ring of the newest
    kept     (E,) how many there are, and
    lasting  (E,) how many of them last
    peaks    (E,) peaks so far, those of the calibration scores too
    seen     (E,) scores so far, of the calibration too; anomalies do not count
    taken    (E,) peaks that were put into the ring so far
    margin   (E,) z - t
    """

    excess: FloatArray
    kept: IndexArray
    lasting: IndexArray
    peaks: TimeArray
    seen: TimeArray
    taken: TimeArray
    margin: FloatArray


def first_peaks(
    scores: FloatArray, exceed_probability: float, least: float
) -> tuple[float, PeakState]:
    """The quantile t of the calibration scores (M,), and the state that an entity begins with."""
    share = min(0.5, max(PEAK_SHARE, PEAKS_LEAST / len(scores)))
    quantile = float(np.quantile(scores, 1 - share))
    found = scores[scores > quantile] - quantile
    if not len(found):
        found = np.array([max(LEAST_OF_QUANTILE * abs(quantile), least)])
    newest = found[-PEAKS:]
    older, lasting = newest[:-LASTING], newest[-LASTING:]
    excess = np.zeros((1, PEAKS))
    excess[0, : len(newest)] = np.concatenate([lasting, older])
    shape, scale = fit_pareto(excess[0, : len(newest)])
    margin = tail_quantile(shape, scale, exceed_probability * len(scores) / len(found))
    return quantile, PeakState(
        excess,
        np.array([len(newest)], np.int32),
        np.array([len(lasting)], np.int32),
        np.array([len(found)]),
        np.array([len(scores)]),
        np.array([len(older)]),
        np.array([margin]),
    )


@shared
def learn(state: PeakState, e: int, above: float, exceed_probability: float) -> bool:
    """Take a score that lies so far above t (below: negative); whether it is no anomaly."""
    excess, kept, lasting, peaks, seen, taken, margin = state
    if above >= margin[e] and above > 0:
        return False
    seen[e] += 1
    if above > 0:
        excess[e, lasting[e] + taken[e] % (PEAKS - lasting[e])] = above
        taken[e] += 1
        peaks[e] += 1
        kept[e] = min(kept[e] + 1, PEAKS)
        shape, scale = fit_pareto(excess[e, : kept[e]])
        margin[e] = tail_quantile(shape, scale, exceed_probability * seen[e] / peaks[e])
    return True
