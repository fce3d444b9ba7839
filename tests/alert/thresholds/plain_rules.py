"""The rules that follow a stream, in plain Python, one entity at a time, as in their sources.

`step` takes a score and returns the threshold that it is held to.
"""

from __future__ import annotations

import math
from collections import deque
from itertools import groupby

import numpy as np

from sentinel.records import FloatArray


def pareto_likelihood(excess: FloatArray, shape: float, scale: float) -> float:
    """Mean logarithm of the density."""
    grown = 1 + shape * excess / scale
    if scale <= 0 or (grown <= 0).any() or shape <= -1:
        return -math.inf
    if abs(shape) < 1e-9:
        return -math.log(scale) - float(excess.mean()) / scale
    return -math.log(scale) - (1 + 1 / shape) * float(np.log(grown).mean())


def pareto_by_search(excess: FloatArray) -> tuple[float, float]:
    """Shape and scale of highest likelihood, by looking around in two dimensions, ever closer."""
    mean = float(excess.mean())
    best = (0.0, math.log(mean))
    value = pareto_likelihood(excess, 0.0, mean)
    step = 0.5
    while step > 1e-7:
        around = [(best[0] + i * step, best[1] + j * step) for i in (-1, 0, 1) for j in (-1, 0, 1)]
        found = max(around, key=lambda p: pareto_likelihood(excess, p[0], math.exp(p[1])))
        better = pareto_likelihood(excess, found[0], math.exp(found[1]))
        if better > value:
            best, value = found, better
        else:
            step /= 2
    return best[0], math.exp(best[1])


class PlainSpot:
    """SPOT: calibrate, then one score at a time."""

    def __init__(self, scores: FloatArray, exceed_probability: float) -> None:
        self.q = exceed_probability
        self.t = float(np.quantile(scores, 0.98))
        self.excess = [x - self.t for x in scores.tolist() if x > self.t]
        self.peaks, self.n = len(self.excess), len(scores)
        self.z = self._threshold()

    def _threshold(self) -> float:
        shape, scale = pareto_by_search(np.array(self.excess))
        if shape < -0.99:  # the likelihood has no maximum
            shape, scale = 0.0, float(np.mean(self.excess))
        r = self.q * self.n / self.peaks
        if abs(shape) < 1e-6:
            return self.t - scale * math.log(r)
        return self.t + scale / shape * (r**-shape - 1)

    def step(self, x: float) -> float:
        z = self.z
        if x < z:
            self.n += 1
            if x > self.t:
                self.excess.append(x - self.t)
                self.peaks += 1
                self.z = self._threshold()
        return z


class PlainDspot:
    """DSPOT: the same for what lies above the mean of the last scores that were normal."""

    def __init__(self, scores: FloatArray, exceed_probability: float, depth: int) -> None:
        values = scores.tolist()
        above = [values[k] - sum(values[k - depth : k]) / depth for k in range(depth, len(values))]
        self.spot = PlainSpot(np.array(above), exceed_probability)
        self.recent = deque(values[-depth:], maxlen=depth)

    def step(self, x: float) -> float:
        mean = sum(self.recent) / len(self.recent)
        z = self.spot.step(x - mean)
        if x - mean < z:
            self.recent.append(x)
        return mean + z


def plain_dynamic(history: list[float], zs: FloatArray, pruning_share: float) -> float:
    """Sections 3.2 and 3.3: eps, the runs above it, and what pruning leaves of them."""
    e = np.array(history)
    best, eps = -math.inf, float(e.mean() + zs[-1] * e.std())
    for z in zs:
        candidate = float(e.mean() + z * e.std())
        usual, odd = e[e <= candidate], e[e > candidate]
        if not len(odd):
            continue
        runs = sum(is_odd for is_odd, _ in groupby(e > candidate))
        drops = (e.mean() - usual.mean()) / e.mean() + (e.std() - usual.std()) / e.std()
        merit = drops / (len(odd) + runs**2)
        if merit >= best - 1e-12:
            best, eps = merit, candidate
    peaks = [
        max(value for _, value in run)
        for is_odd, run in groupby(zip(e > eps, history, strict=True), key=lambda pair: pair[0])
        if is_odd
    ]
    falling = [*sorted(peaks, reverse=True), max(value for value in history if value <= eps)]
    kept = [
        k for k in range(len(peaks)) if (falling[k] - falling[k + 1]) / falling[k] > pruning_share
    ]
    highest_usual = falling[kept[-1] + 1] if kept else falling[0]
    return max(eps, highest_usual / (1 - pruning_share))


class PlainMad:
    """Robbins-Monro steps of a fixed size towards the median of the scores, and of their distance.

    The size is a share of the present deviation.
    """

    def __init__(self, scores: FloatArray, count: float, step: float) -> None:
        self.median = float(np.median(scores))
        self.mad = float(np.median(np.abs(scores - self.median)))
        self.floor = self.mad / 8
        self.count, self.step_size = count, step

    def step(self, x: float) -> float:
        threshold = self.median + self.count * 1.4826 * self.mad
        distance = abs(x - self.median)
        if x != self.median:
            self.median += math.copysign(self.step_size * self.mad, x - self.median)
        if distance > self.mad:
            self.mad *= 1 + self.step_size
        elif distance < self.mad:
            self.mad *= 1 - self.step_size
        self.mad = max(self.mad, self.floor)
        return threshold
