"""The threshold of a model that judges every reading, from its scores of held-out readings.

Their tail is extrapolated, and a machine drifts: 12 is far above what is usual. Where enough was
held out, it says more than an extrapolation does: a usual stretch is as high as the highest of N
others with probability 1 / (N + 1), whatever scores are distributed like (split conformal
prediction: Vovk, Gammerman & Shafer, *Algorithmic Learning in a Random World*, 2005; for anomalies
Laxhammar & Falkman, 2010). From 19 stretches on, that is one in twenty at most.
"""

from __future__ import annotations

import numpy as np

from sentinel.alert.rules import SMOOTHED_THRESHOLD
from sentinel.records import BoolArray, FloatArray
from sentinel.score.kinds import SCALES

STRETCHES_MIN = 19
# No lower: what one usual reading in 400 reaches, if the tail beyond a tenth is exponential.
THRESHOLD_MIN = 6.0
# Readings that the slowest running mean of a score remembers.
MEMORY = round(2 / min(SCALES)) - 1


def held_out_threshold(scores: FloatArray, begins: BoolArray, window_length: int) -> float:
    """The highest of the held-out scores, between 6 and 12; 12 where too few were held out.

    scores  (M,) of held-out readings, one run after the other
    begins  (M,) a run begins
    """
    runs = np.diff(np.flatnonzero(np.append(begins, True)))
    stretches = int((runs // max(window_length, MEMORY)).sum())
    if stretches < STRETCHES_MIN:
        return SMOOTHED_THRESHOLD
    return float(np.clip(scores.max(), THRESHOLD_MIN, SMOOTHED_THRESHOLD))
