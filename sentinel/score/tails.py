"""Tail calibration: how surprising a value is, against what was seen on normal readings.

Below the 90% quantile u a value's surprise is -ln of the share of normal values above it; beyond u
it grows with the excess over the mean excess, as under an exponential tail (Balkema & de Haan 1974,
Pickands 1975, with shape 0). So signals of any unit and shape become comparable.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sentinel.kernels.jit import jit
from sentinel.records import FloatArray

TAIL_SHARE = 0.1
KNOTS = 129
# Beyond u, the surprise of one signal levels off: one that went mad must not hide the others.
SURPRISE_MAX = 50.0
# A hundredth of the usual amplitude: where nothing ever moved, rounding must not raise an alarm.
SCALE_MIN = 0.01


@dataclass(frozen=True, slots=True)
class Tails:
    """What M signals are like on normal readings.

    knots     (M, KNOTS) quantiles from 0 to 1 - TAIL_SHARE, evenly spaced
    surprise  (KNOTS,) at these
    scale     (M,) excess over the last knot that raises the surprise by 1
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
    over = values > knots[:, -1]
    excess = np.where(over, values - knots[:, -1], 0.0).sum(axis=0) / np.maximum(
        over.sum(axis=0), 1
    )
    # A signal with hardly any tail, or none at all, must not cry at a trifle.
    scale = excess + 0.1 * knots[:, -1] + 0.001 * values.mean(axis=0)
    return Tails(knots, surprise, np.maximum(scale, SCALE_MIN))


@jit
def surprises(
    values: FloatArray,
    knots: FloatArray,
    surprise: FloatArray,
    scale: FloatArray,
    most: float,
    out: FloatArray,
) -> None:
    """Surprise of each value: 0 or more.

    values    (N, M); knots, surprise, scale as of `Tails`
    most      it levels off at so much beyond u; inf: never
    out       (N, M) overwritten
    """
    last = knots.shape[1] - 1
    for n in range(values.shape[0]):
        for m in range(values.shape[1]):
            value = values[n, m]
            if value > knots[m, last]:
                beyond = (value - knots[m, last]) / scale[m]
                beyond = most * np.tanh(beyond / most) if most < np.inf else beyond
                out[n, m] = surprise[last] + beyond
                continue
            low, high = 0, last
            while high - low > 1:
                middle = (low + high) // 2
                if knots[m, middle] <= value:
                    low = middle
                else:
                    high = middle
            step = knots[m, high] - knots[m, low]
            part = (value - knots[m, low]) / step if step > 0 else 0.0
            between = surprise[low] + part * (surprise[high] - surprise[low])
            out[n, m] = max(between, 0.0)


@jit
def fuse(surprise: FloatArray, out: FloatArray, weight: FloatArray) -> None:
    """One number of all signals: the fourth-power mean, near the largest yet moved by all.

    surprise  (N, S, A)
    out       (N,) overwritten
    weight    (N, S) overwritten: what each stream adds to the mean
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
        out[n] = (total / (streams * scales)) ** 0.25
