"""The generalised Pareto distribution of excesses: its maximum likelihood fit, and its tail.

P(Y > y) = (1 + shape y / scale)^(-1 / shape); shape 0: exp(-y / scale).

Sources: Grimshaw, "Computing maximum likelihood estimates for the generalized Pareto distribution",
Technometrics 35(2), 1993: the search in two dimensions is one for roots in one; Siffer et al.,
"Anomaly detection in streams with extreme value theory", KDD 2017.
"""

from __future__ import annotations

import math

import numpy as np

from sentinel.kernels.jit import jit, shared
from sentinel.records import FloatArray

GRID = 24  # points of each side of 0 between which a root is looked for
NEAREST = 1e-4  # x 1 / mean: nearer to 0 the fit is as good as exponential, and sums lose digits
FARTHEST = 1e3  # x 1 / median: a shape of 10
EDGE = 14.0  # towards its end, -1 / maximum, the negative side is searched up to 1 / (1 + e^14)
ROOT_STEPS = 60
ROOT_TOLERANCE = 1e-10
ALIKE = 1e-9  # excesses that differ by less, relative to their mean, have no shape


@jit
def fit_pareto(excess: FloatArray) -> tuple[float, float]:
    """Shape and scale of the excesses (N,), all > 0, of highest likelihood; shape above -1.

    Few and strange excesses may have none; then they are taken as exponential, as is what fits no
    better than that.
    """
    mean, least, most = excess.mean(), excess.min(), excess.max()
    best_shape, best_scale, best = 0.0, mean, -1 - math.log(mean)
    if most - least <= ALIKE * mean:
        return best_shape, best_scale
    farthest = FARTHEST / np.median(excess)
    if least > 0:
        farthest = min(farthest, 2 * (mean - least) / (least * least))
    for side in range(2):
        before, at_before = 0.0, 0.0
        for k in range(GRID):
            theta = _grid_point(side, k / (GRID - 1), NEAREST / mean, farthest, most)
            at_theta, _ = stationarity(excess, theta)
            if k > 0 and (at_theta > 0) != (at_before > 0):
                root = root_between(excess, before, theta, at_before, at_theta)
                _, shape = stationarity(excess, root)
                if shape > -1 and shape / root > 0:
                    likelihood = -1 - shape - math.log(shape / root)
                    if likelihood > best:
                        best_shape, best_scale, best = shape, shape / root, likelihood
            before, at_before = theta, at_theta
    return best_shape, best_scale


@shared
def tail_quantile(shape: float, scale: float, share: float) -> float:
    """The excess that this share of the excesses exceed; 0 where the share is 1 or more."""
    if share >= 1:
        return 0.0
    if shape == 0:
        return -scale * math.log(share)
    return scale / shape * (math.pow(share, -shape) - 1)


@shared
def stationarity(excess: FloatArray, theta: float) -> tuple[float, float]:
    """u(theta) v(theta) - 1, 0 where the likelihood may be highest, and the shape v(theta) - 1.

    theta = shape / scale; u = mean of 1 / (1 + theta y), v = 1 + mean of ln(1 + theta y).
    """
    inverse, logarithm = 0.0, 0.0
    for k in range(len(excess)):
        grown = 1 + theta * excess[k]
        inverse += 1 / grown
        logarithm += math.log(grown)
    shape = logarithm / len(excess)
    return inverse / len(excess) * (1 + shape) - 1, shape


@shared
def root_between(
    excess: FloatArray, low: float, high: float, at_low: float, at_high: float
) -> float:
    """The theta between low and high where `stationarity` is 0; its signs at both ends differ.

    False position, where an end that stays counts half (the Illinois algorithm); high is newest.
    """
    for _ in range(ROOT_STEPS):
        theta = (low * at_high - high * at_low) / (at_high - at_low)
        value, _ = stationarity(excess, theta)
        near = abs(theta - high) <= ROOT_TOLERANCE * abs(theta)
        if (value > 0) == (at_high > 0):
            at_low /= 2
        else:
            low, at_low = high, at_high
        high, at_high = theta, value
        if near or value == 0:
            break
    return high


@shared
def _grid_point(side: int, part: float, nearest: float, farthest: float, most: float) -> float:
    """From part 0 to 1: geometric from nearest to farthest, or crowded at both ends of (-1, 0)."""
    if side == 0:
        return nearest * (farthest / nearest) ** part if farthest > nearest else nearest
    edge = (1 - part) * -EDGE - part * math.log(NEAREST)
    return -1 / (most * (1 + math.exp(edge)))
