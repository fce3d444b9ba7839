"""The threshold of a model that judges every reading, from its scores of held-out readings.

Their tail is extrapolated, and a machine drifts: 12 is far above what is usual. Where enough was
held out, it says more than an extrapolation does: of N + 1 usual stretches, each is as likely as
the others to be among the k highest, whatever scores are distributed like (split conformal
prediction: Vovk, Gammerman & Shafer, *Algorithmic Learning in a Random World*, 2005; for anomalies
Laxhammar & Falkman, 2010). Not their maximum: one odd stretch of the history would set it alone.
"""

from __future__ import annotations

import numpy as np

from sentinel.alert.rules import SMOOTHED_THRESHOLD
from sentinel.records import BoolArray, FloatArray, TimeArray
from sentinel.score.kinds import SCALES

# Usual stretches that reach the threshold.
REACHED_SHARE = 0.1
# No lower: what one usual reading in 400 reaches, if the tail beyond a tenth is exponential. At a
# level that healthy machines do reach, each of them would spend its whole budget on nothing.
THRESHOLD_MIN = 6.0
# Readings that the slowest running mean of a score remembers.
MEMORY = round(2 / min(SCALES)) - 1


def held_out_threshold(scores: FloatArray, begins: BoolArray, window_length: int) -> float:
    """What one usual stretch in ten reaches, between 6 and 12; 12 where too few were held out.

    scores  (M,) of held-out readings, one run after the other
    begins  (M,) a run begins
    """
    peaks = _stretch_peaks(scores, np.flatnonzero(begins), max(window_length, MEMORY))
    # A coming stretch is among the k highest of N + 1 with probability k / (N + 1).
    highest = int(REACHED_SHARE * (len(peaks) + 1))
    if highest < 1:
        return SMOOTHED_THRESHOLD
    return float(np.clip(np.sort(peaks)[-highest], THRESHOLD_MIN, SMOOTHED_THRESHOLD))


def _stretch_peaks(scores: FloatArray, runs: TimeArray, length: int) -> FloatArray:
    """The highest score of each stretch of this length; none spans two runs.  runs (R,) begins"""
    ends = np.append(runs[1:], len(scores))
    firsts = [np.arange(run, end - length + 1, length) for run, end in zip(runs, ends, strict=True)]
    places = np.concatenate(firsts)[:, None] + np.arange(length)
    return np.asarray(scores[places].max(axis=1))
