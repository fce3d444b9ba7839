"""VUS-PR: the area under precision over recall, averaged over how far a label's edges reach.

Nobody labels to the reading. So an event gets a buffer on either side in which a flagged reading
counts in part, the less the further out; the area is averaged over all widths of that buffer, so
that none has to be chosen.

Sources: Paparrizos et al., "Volume Under the Surface: A New Accuracy Evaluation Measure for
Time-Series Anomaly Detection", VLDB 2022. Liu and Paparrizos, "The Elephant in the Room: Towards A
Reliable Time-Series Anomaly Detection Benchmark" (TSB-AD), NeurIPS 2024, which ranks by it; the
numbers here are those of its package, 1.5.
"""

from __future__ import annotations

import numpy as np

from sentinel.backtest.intervals import runs
from sentinel.records import BoolArray, FloatArray, TimeArray

THRESHOLDS = 250
BUFFER_MAX = 100  # readings of both sides together


def vus_pr(labelled: BoolArray, anomaly_score: FloatArray, buffer_max: int = BUFFER_MAX) -> float:
    """Volume under the surface of precision over recall and buffer, 0 to 1.

    labelled, anomaly_score  (N,) of one entity in the order of time; scores finite, larger = more
                             anomalous; only their order counts
    buffer_max               widest buffer, in readings; at most a quarter of the series
    NaN where all readings are labelled, or none.
    """
    if labelled.all() or not labelled.any():
        return float("nan")
    first, stop = runs(labelled)
    rank = _ranks(anomaly_score)
    flagged = _up_to(rank)
    hits = _up_to(rank[labelled])
    buffers = _Buffers(first, stop - 1, labelled, min(buffer_max, len(labelled) // 4))
    areas = []
    for width in range(buffers.widest + 1):
        if width % 2 == 0:  # half of an odd one is that of the even one before
            found = buffers.found(rank, width // 2)
        near = _up_to(rank[buffers.rows], buffers.weights(width))
        # What was flagged in the buffers counts as found, and half of it as there to be found.
        recall = np.minimum((hits + near) / (hits[-1] + near / 2), 1) * found
        precision = (hits + near) / flagged
        areas.append(np.sum(np.diff(recall, prepend=0) * precision))
    return float(np.mean(areas))


def _ranks(anomaly_score: FloatArray) -> TimeArray:
    """The first of THRESHOLDS thresholds, high to low, that flags each reading, (N,)."""
    descending = -np.sort(-anomaly_score)
    picks = np.linspace(0, len(descending) - 1, THRESHOLDS).astype(np.int64)
    return np.searchsorted(-descending[picks], -anomaly_score, side="left")


def _up_to(rank: TimeArray, weights: FloatArray | None = None) -> FloatArray:
    """Number, or weight, of the readings that each threshold flags, (THRESHOLDS,)."""
    return np.cumsum(np.bincount(rank, weights, THRESHOLDS)).astype(np.float64)


class _Buffers:
    """The readings around events.

    rows  (M,) the unlabelled readings that the widest buffer reaches
    """

    def __init__(self, first: TimeArray, last: TimeArray, labelled: BoolArray, widest: int) -> None:
        self.widest = widest
        self._first, self._last, self._count = first, last, len(labelled)
        distance = np.arange(1, widest // 2 + 1)
        reached = np.concatenate([first[:, None] - distance, last[:, None] + distance])
        distance = np.broadcast_to(distance, reached.shape)
        free = (reached >= 0) & (reached < len(labelled))
        free[free] = ~labelled[reached[free]]
        # Nearest first: a narrower buffer is a prefix.
        nearest = np.argsort(distance[free], kind="stable")
        self._distance = distance[free][nearest]
        self.rows, self._place = np.unique(reached[free][nearest], return_inverse=True)

    def weights(self, width: int) -> FloatArray:
        """What a flagged reading counts for, (M,), 0 to 1: near two events, for both together."""
        inside = int(np.searchsorted(self._distance, width // 2, side="right"))
        near = np.sqrt(1 - self._distance[:inside] / max(width, 1))
        return np.minimum(np.bincount(self._place[:inside], near, len(self.rows)), 1)

    def found(self, rank: TimeArray, reach: int) -> FloatArray:
        """Share of the events, with `reach` readings on either side, that each threshold finds.

        Events whose buffers touch are one.
        """
        apart = self._last[:-1] + reach < self._first[1:] - reach
        first = np.maximum(self._first[np.append(True, apart)] - reach, 0)
        stop = np.minimum(self._last[np.append(apart, True)] + reach, self._count - 1) + 1
        ends = np.column_stack([first, stop]).ravel()
        # Every other piece lies between two events; the last event may have nothing behind it.
        highest = np.minimum.reduceat(np.append(rank, THRESHOLDS), ends)[::2]
        return _up_to(highest) / len(first)
