"""Thresholds from the scores of held-out normal windows."""

from __future__ import annotations

import numpy as np

from sentinel.records import FloatArray

TAIL_SHARE = 0.1


def tail_threshold(scores: FloatArray, exceed_probability: float) -> float:
    """The score that normal windows exceed with the given probability, by an exponential tail.

    The excesses over the 90% quantile u are taken as exponential with their mean b:
    threshold = u + b ln(0.1 / p). Peaks over threshold with shape 0; Siffer et al., "Anomaly
    Detection in Streams with Extreme Value Theory", KDD 2017, section 3.

    scores  (N,) of held-out windows; NaN are left out. A floor of 5% of u keeps a history whose
            scores hardly vary from a threshold right above its own maximum.
    """
    finite = scores[np.isfinite(scores)]
    u = float(np.quantile(finite, 1 - TAIL_SHARE))
    excess = finite[finite > u] - u
    b = float(excess.mean()) if len(excess) else 0.0
    return u + max(b, 0.05 * u) * float(np.log(TAIL_SHARE / exceed_probability))
