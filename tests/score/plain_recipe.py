"""The recipe's scores in plain Python and float64, one reading after another, from its formulas."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from sentinel.records import BoolArray, FloatArray

LN10 = math.log(10)


def plain_normalised(
    errors: FloatArray, entity: Sequence[int], usual: FloatArray, level: FloatArray
) -> FloatArray:
    """r = e / N, N = max(n, m); then m = max(n, m + (min(e, 2 N) - m) / 512).

    errors (N, K, F), usual n (K, F), level m (E, K, F), updated; of kinds that all follow
    """
    ratios = np.full(errors.shape, np.nan)
    for t, e in enumerate(entity):
        for at in np.ndindex(usual.shape):
            error, n, m = errors[t][at], usual[at], level[e][at]
            if math.isnan(error):
                continue
            size = max(n, m)
            ratios[t][at] = error / size
            level[e][at] = max(n, m + (min(error, 2 * size) - m) / 512)
    return ratios


def known_mean(numbers: Sequence[float]) -> float:
    """The mean of those that are no NaN; NaN of none."""
    known = [number for number in numbers if not math.isnan(number)]
    return sum(known) / len(known) if known else math.nan


def plain_amplitudes(ratios: FloatArray, peak_ratios: FloatArray) -> FloatArray:
    """The roots of the eight streams f_r, f_q, q_r, w_r, p_s, k_r, s_r, P (N, 8).

    ratios       (N, 7, F): f, q, w, p, k, s, P over their usual size
    peak_ratios  (N, F): f over its usual peak
    """
    found = []
    for (f, q, w, p, k, s, blocks), peaks in zip(ratios, peak_ratios, strict=True):
        of_roots = [known_mean(np.sqrt(one)) for one in (f, q, w, k, s)]
        found.append([
            of_roots[0], math.sqrt(known_mean(peaks)), of_roots[1], of_roots[2],
            math.sqrt(known_mean(p)), of_roots[3], of_roots[4], math.sqrt(known_mean(blocks)),
        ])  # fmt: skip
    return np.array(found)


def plain_smoothed(
    amplitude: FloatArray, entity: Sequence[int], begins: BoolArray, start: FloatArray
) -> FloatArray:
    """Means of weight 1, .3, .1 and .03 of the newest value, each entity's from `start` (N, S, 4).

    An unknown value leaves a mean as it is.
    """
    mean: dict[int, FloatArray] = {}
    found = []
    for values, e, anew in zip(amplitude, entity, begins, strict=True):
        if anew:
            mean[e] = np.repeat(start[:, None], 4, axis=1)
        moved = mean[e] + np.array([1, 0.3, 0.1, 0.03]) * (values[:, None] - mean[e])
        mean[e] = np.where(np.isnan(values)[:, None], mean[e], moved)
        found.append(mean[e])
    return np.array(found)


def plain_surprise(value: float, normal: FloatArray) -> float:
    """By rank below the 90% quantile, by the excess over it in mean excesses above; not levelled.

    normal  (n,) the values of normal readings
    """
    count, u = len(normal), float(np.quantile(normal, 0.9))
    if value <= u:
        rank = int((normal <= value).sum())
        return max(0.0, min(LN10, -math.log((count - rank + 0.5) / (count + 1))))
    return LN10 + (value - u) / plain_scale(normal)


def plain_scale(normal: FloatArray) -> float:
    """Excess that is worth a surprise of 1: the mean of excesses, none of which counts for more
    than twice the way from the median to u, or than half of what is usual.
    """
    u, median = (float(np.quantile(normal, share)) for share in (0.9, 0.5))
    most = max(2 * max(u - median, 0.1 * u), 0.5)
    excess = np.array([min(value - u, most) for value in normal if value > u])
    return float(excess.mean() + 0.1 * u + 0.001 * np.minimum(normal, u + most).mean())


def plain_fused(surprise: FloatArray) -> FloatArray:
    """(mean over all signals of z^4)^(1/4) of z (N, S, 4)."""
    return np.asarray((surprise**4).mean(axis=(1, 2)) ** 0.25)
