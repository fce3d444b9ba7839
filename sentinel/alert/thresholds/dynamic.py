"""Telemanom's dynamic threshold: the one that parts recent scores best into usual and odd.

Of eps = mean + z sd over the history, the z is taken that maximises

    (drop of the mean / mean + drop of the sd / sd) / (odd scores + odd runs^2)

when what lies above eps is left out: few odd scores, in few runs, that matter much. Then runs are
pruned: sorted by their peaks, those stay odd that a fall of more than PRUNING_SHARE follows, the
others count as usual. Looking back, the original finds the odd scores of the history itself; a
stream asks what the next score must exceed: eps, and the highest usual peak by the same fall.

Source: Hundman et al., "Detecting spacecraft anomalies using LSTMs and nonparametric dynamic
thresholding", KDD 2018, sections 3.2 and 3.3. History and interval are of the size of theirs (2100
and 70); equal merits go to the higher z, as in the released code, and so do no odd scores at all.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sentinel.alert.thresholds.following import Following
from sentinel.kernels.jit import jit, shared
from sentinel.records import FloatArray, IndexArray, TimeArray

HISTORY = 1024
INTERVAL = 64  # readings from one look at the history to the next
Z_LEAST, Z_MOST, Z_STEP = 2.0, 10.0, 0.5
PRUNING_SHARE = 0.13


class DynamicState(NamedTuple):
    """Of each entity.

    history  (E, HISTORY) newest scores; number k stands at k % HISTORY
    taken    (E,) scores so far
    value    (E,) the threshold
    """

    history: FloatArray
    taken: TimeArray
    value: FloatArray


class Dynamic(Following[DynamicState]):
    """What the next score of an entity must reach to be odd beside its recent ones."""

    def __init__(self, calibration_scores: FloatArray, least: float) -> None:
        recent = calibration_scores[-HISTORY:]
        history = np.zeros((1, HISTORY))
        history[0, : len(recent)] = recent
        value = dynamic_threshold(history[0], len(recent))
        super().__init__(DynamicState(history, np.array([len(recent)]), np.array([value])), least)

    def _advance(
        self, entity: IndexArray, anomaly_score: FloatArray, threshold: FloatArray
    ) -> None:
        _dynamic(entity, anomaly_score, self.state, threshold)


@jit
def _dynamic(
    entity: IndexArray, score: FloatArray, state: DynamicState, threshold: FloatArray
) -> None:
    history, taken, value = state
    for n in range(len(entity)):
        e = entity[n]
        threshold[n] = value[e]
        if not np.isnan(score[n]):
            history[e, taken[e] % HISTORY] = score[n]
            taken[e] += 1
            if taken[e] % INTERVAL == 0:
                value[e] = dynamic_threshold(history[e], taken[e])


@jit
def dynamic_threshold(history: FloatArray, taken: int) -> float:
    """The threshold that a ring of scores (HISTORY,) asks for, after so many were put into it."""
    count = min(taken, HISTORY)
    oldest = taken % HISTORY if taken > HISTORY else 0
    scores = np.empty(count)
    for k in range(count):
        scores[k] = history[(oldest + k) % HISTORY]
    eps = best_split(scores)
    return max(eps, highest_usual(scores, eps) / (1 - PRUNING_SHARE))


@shared
def best_split(scores: FloatArray) -> float:
    """Eps = mean + z sd of greatest merit; the highest z where no score is above any."""
    mean, sd = float(scores.mean()), float(scores.std())
    best, eps = 0.0, mean + Z_MOST * sd
    if not (mean > 0 and sd > 0):
        return eps
    for step in range(round((Z_MOST - Z_LEAST) / Z_STEP) + 1):
        candidate = mean + (Z_LEAST + Z_STEP * step) * sd
        odd, runs, total, squares = 0, 0, 0.0, 0.0
        was_odd = False
        for k in range(len(scores)):
            is_odd = scores[k] > candidate
            odd += is_odd
            runs += is_odd and not was_odd
            was_odd = is_odd
            if not is_odd:
                # From the mean, so that squares do not cancel.
                total += scores[k] - mean
                squares += (scores[k] - mean) ** 2
        if odd == 0:
            break  # nor is any above a higher one
        usual = len(scores) - odd
        usual_sd = np.sqrt(max(0.0, squares / usual - (total / usual) ** 2))
        merit = (-total / usual / mean + (sd - usual_sd) / sd) / (odd + runs * runs)
        if merit >= best:
            best, eps = merit, candidate
    return eps


@shared
def highest_usual(scores: FloatArray, eps: float) -> float:
    """The highest score that is usual: not above eps, or of a run that is pruned."""
    peaks = np.zeros(len(scores) // 2 + 2)
    runs, usual = 0, 0.0
    was_odd = False
    for k in range(len(scores)):
        is_odd = scores[k] > eps
        if is_odd:
            runs += not was_odd
            peaks[runs - 1] = max(peaks[runs - 1], scores[k])
        else:
            usual = max(usual, float(scores[k]))
        was_odd = is_odd
    falling = np.sort(peaks[:runs])
    # From below: as long as the next peak is no fall away, it is usual as well.
    for run in range(runs):
        if (falling[run] - usual) / falling[run] > PRUNING_SHARE:
            break
        usual = float(falling[run])
    return usual
