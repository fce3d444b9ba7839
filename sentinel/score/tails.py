"""Tail calibration: how surprising a value is, against what was seen on normal readings.

Below the 90% quantile u a value's surprise is -ln of the share of normal values above it; beyond u
it grows with the excess over the mean excess, as under an exponential tail (Balkema & de Haan 1974,
Pickands 1975, with shape 0). So signals of any unit and shape become comparable.

The mean is Winsorised: a few normal readings that were none, or a single spike, would stretch the
tails of just those signals that see them, and mute them (Huber & Ronchetti, *Robust Statistics*,
2009: the influence of a reading is to be bounded).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sentinel.kernels.jit import jit
from sentinel.records import FloatArray

TAIL_SHARE = 0.1
# Of an excess, this many distances from the median to u count: an exponential tail loses 4% so.
EXCESS_MAX = 2.0
# And never less than half the usual amplitude, which is 1: what hardly ever moves is spread by its
# rare peaks alone.
EXCESS_MIN = 0.5
# Between two of them a surprise is off by .03 at most where the law is smooth, by .25 in a gap.
KNOTS = 33
HALVES = (16, 8, 4, 2, 1)  # of the intervals between knots
# Beyond u, the surprise of one signal levels off: one that went mad must not hide the others.
SURPRISE_MAX = 50.0
# A hundredth of the usual amplitude: where nothing ever moved, rounding must not raise an alarm.
SCALE_MIN = 0.01


@dataclass(frozen=True, slots=True)
class Tails:
    """What M signals are like on normal readings.

    knots     (M, KNOTS) quantiles from 0 to 1 - TAIL_SHARE, evenly spaced
    surprise  (KNOTS,) at these
    scale     (M,) excess over u, the last knot, that raises the surprise by 1
    """

    knots: FloatArray
    surprise: FloatArray
    scale: FloatArray


def fit_tails(values: FloatArray) -> Tails:
    """The tails of signals.  values (N, M)"""
    count = len(values)
    below = np.linspace(0, 1 - TAIL_SHARE, KNOTS)
    knots = np.ascontiguousarray(np.quantile(values, below, axis=0).T)
    surprise = np.minimum(-np.log(TAIL_SHARE), -np.log((count * (1 - below) + 0.5) / (count + 1)))
    u, median = knots[:, -1], np.median(values, axis=0)
    most = np.maximum(EXCESS_MAX * np.maximum(u - median, 0.1 * u), EXCESS_MIN)
    counted = np.minimum(values, u + most)
    excess = np.maximum(counted - u, 0).sum(axis=0) / np.maximum((values > u).sum(axis=0), 1)
    # A signal with hardly any tail, or none at all, must not cry at a trifle.
    scale = excess + 0.1 * u + 0.001 * counted.mean(axis=0)
    return Tails(knots, surprise, np.maximum(scale, SCALE_MIN))


class TailMap:
    """Tails at work: from values to their surprise."""

    def __init__(self, tails: Tails) -> None:
        self.tails = tails
        width = np.diff(tails.knots, axis=1)
        # How fast the surprise rises from each knot on; not at all where two are the same.
        self._rise = np.where(width > 0, np.diff(tails.surprise) / np.where(width > 0, width, 1), 0)

    def surprise(self, values: FloatArray, most: float = np.inf) -> FloatArray:
        """Surprise of values (N, M), 0 or more; it levels off at `most` beyond u."""
        tails, out = self.tails, np.empty(values.shape)
        _surprise(values, tails.knots, self._rise, tails.surprise, tails.scale, most, out)
        return out


@jit
def _surprise(
    values: FloatArray,
    knots: FloatArray,
    rise: FloatArray,
    surprise: FloatArray,
    scale: FloatArray,
    most: float,
    out: FloatArray,
) -> None:
    last = knots.shape[1] - 1
    for n in range(values.shape[0]):
        # The halving search has no branch to foresee wrongly; what lies beyond u is rare.
        for m in range(values.shape[1]):
            value, low = values[n, m], 0
            for step in HALVES:
                low += step if knots[m, low + step] <= value else 0
            out[n, m] = max(surprise[low] + (value - knots[m, low]) * rise[m, low], 0.0)
        for m in range(values.shape[1]):
            beyond = values[n, m] - knots[m, last]
            if beyond > 0:
                beyond /= scale[m]
                beyond = most * np.tanh(beyond / most) if most < np.inf else beyond
                out[n, m] = surprise[last] + beyond


@jit
def fuse(surprise: FloatArray, out: FloatArray, weight: FloatArray) -> None:
    """One number of all signals: the fourth-power mean, near the largest yet moved by all.

    surprise  (N, S, A)
    out       (N,) overwritten
    weight    (N, S) overwritten: how surprising each stream is, the same norm over its scales
    """
    streams, scales = surprise.shape[1], surprise.shape[2]
    for n in range(surprise.shape[0]):
        total = 0.0
        for s in range(streams):
            weight[n, s] = 0
            for a in range(scales):
                square = surprise[n, s, a] * surprise[n, s, a]
                weight[n, s] += square * square
            total += weight[n, s]
            weight[n, s] = np.sqrt(np.sqrt(weight[n, s]))
        out[n] = np.sqrt(np.sqrt(total / (streams * scales)))
