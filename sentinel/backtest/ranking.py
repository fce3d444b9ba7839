"""AUC-PR: what a score is worth without a threshold, reading by reading."""

from __future__ import annotations

import numpy as np

from sentinel.records import BoolArray, FloatArray


def average_precision(labelled: BoolArray, anomaly_score: FloatArray) -> float:
    """Area under the curve of precision over recall, as a sum of steps.

    labelled, anomaly_score  (N,) in any order; scores finite, larger = more anomalous
    NaN where all readings are labelled, or none.
    Source: sklearn.metrics.average_precision_score; readings of one score are flagged together.
    """
    positives = int(labelled.sum())
    if positives in (0, len(labelled)):
        return float("nan")
    order = np.argsort(-anomaly_score, kind="stable")
    last_of_score = np.flatnonzero(np.diff(anomaly_score[order], append=-np.inf))
    hits = np.cumsum(labelled[order])[last_of_score]
    precision = hits / (last_of_score + 1)
    return float(np.sum(np.diff(hits, prepend=0) * precision) / positives)
