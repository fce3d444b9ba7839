"""The episode machine: N of the last M scores open an episode, a calm stretch resolves it.

All state is arrays over entities; a run of readings advances in one compiled call.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sentinel.kernels.jit import jit
from sentinel.records import BoolArray, EpisodeState, FloatArray, IndexArray, TimeArray

OPENED, UPDATED, RESOLVED, RESOLVED_BY_GAP = 0, 1, 2, 3
STATE_NAMES: tuple[EpisodeState, ...] = ("opened", "updated", "resolved", "resolved")

# Columns of a transition: everything of the episode at that moment.
ROW, ENTITY, KIND, START_NS, UPDATES, READINGS, MISSING, PEAK_ROW = range(8)
TRANSITION_COLUMNS = 8
RATIO, PEAK_RATIO = range(2)


@dataclass(frozen=True, slots=True)
class EpisodeRules:
    """When an episode opens, is updated and resolves.

    open_count, open_window  opens when this many of so many newest scores have a ratio >= 1
    close_ratio, close_count resolves after so many scores in a row with a ratio below close_ratio
    update_interval_ns       an open episode is updated so often, by the readings' own time
    """

    open_count: int = 3
    open_window: int = 4
    close_ratio: float = 0.5
    close_count: int = 20
    update_interval_ns: int = 3600 * 1_000_000_000


@dataclass(frozen=True, slots=True)
class Advance:
    """What a run of readings did to the episodes.

    transitions  (K, TRANSITION_COLUMNS) int64, in order; rows count from the first of the run, and
                 PEAK_ROW is -1 where the peak was in an earlier run
    ratios       (K, 2) float64: the newest score ratio and the episode's peak at each transition
    peak_rows    (E,) row of the highest ratio so far of each open episode; -1: in an earlier run
    """

    transitions: TimeArray
    ratios: FloatArray
    peak_rows: TimeArray


class Episodes:
    """The state of every entity's episode, as arrays over the entities.

    exceeded_ns  (E, open_window) times of those of the newest scores that exceed, 0 for the others
    start_ns     (E,) time of the first exceedance that counted towards the opening
    """

    def __init__(self, rules: EpisodeRules, entities: int = 0) -> None:
        self.rules = rules
        self.exceeded_ns = np.zeros((entities, rules.open_window), np.int64)
        self.scored = np.zeros(entities, np.int64)
        self.is_open = np.zeros(entities, np.bool_)
        self.calm = np.zeros(entities, np.int32)
        self.start_ns = np.zeros(entities, np.int64)
        self.told_ns = np.zeros(entities, np.int64)
        self.updates = np.zeros(entities, np.int32)
        self.readings = np.zeros(entities, np.int64)
        self.missing = np.zeros(entities, np.int64)
        self.peak = np.zeros(entities, np.float64)
        self.newest = np.zeros(entities, np.float64)

    _STATE = (
        "exceeded_ns", "scored", "is_open", "calm", "start_ns", "told_ns", "updates",
        "readings", "missing", "peak", "newest",
    )  # fmt: skip

    def grow(self, entities: int) -> None:
        """Make room for at least so many entities."""
        for name in self._STATE:
            old = getattr(self, name)
            new = np.zeros((entities, *old.shape[1:]), old.dtype)
            new[: len(old)] = old
            setattr(self, name, new)

    def forget(self, entities: IndexArray) -> None:
        """Back to the beginning for these entities."""
        for name in self._STATE:
            getattr(self, name)[entities] = 0

    def advance(
        self,
        entity: IndexArray,
        time_ns: TimeArray,
        ratio: FloatArray,
        restarted: BoolArray,
        missing: IndexArray,
        is_anomaly: BoolArray,
    ) -> Advance:
        """Advance by rows of readings, in order.

        ratio       (N,) score ratio of the reading's own window; NaN: it has none
        restarted   (N,) the reading is the first after a gap: an open episode resolves
        missing     (N,) number of masked values
        is_anomaly  (N,) overwritten: inside an open episode
        """
        rules = self.rules
        transitions = np.empty((2 * len(entity), TRANSITION_COLUMNS), np.int64)
        ratios = np.empty((2 * len(entity), 2), np.float64)
        peak_rows = np.full(len(self.is_open), -1, np.int64)
        count = _advance(
            entity, time_ns, ratio, restarted, missing, is_anomaly,
            rules.open_count, rules.close_ratio, rules.close_count, rules.update_interval_ns,
            self.exceeded_ns, self.scored, self.is_open, self.calm, self.start_ns, self.told_ns,
            self.updates, self.readings, self.missing, self.peak, self.newest,
            peak_rows, transitions, ratios,
        )  # fmt: skip
        return Advance(transitions[:count], ratios[:count], peak_rows)


@jit
def _advance(
    entity, time_ns, ratio, restarted, missing, is_anomaly,
    open_count, close_ratio, close_count, update_interval_ns,
    exceeded_ns, scored, is_open, calm, start_ns, told_ns,
    updates, readings, missing_total, peak, newest, peak_rows, transitions, ratios,
):  # type: ignore[no-untyped-def]  # fmt: skip
    count = 0
    for n in range(len(entity)):
        e = entity[n]
        kind = -1
        if restarted[n]:
            exceeded_ns[e] = 0
            if is_open[e]:
                kind = RESOLVED_BY_GAP
        elif not np.isnan(ratio[n]):
            exceeds = ratio[n] >= 1
            newest[e] = ratio[n]
            exceeded_ns[e, scored[e] % exceeded_ns.shape[1]] = time_ns[n] if exceeds else 0
            scored[e] += 1
            if is_open[e]:
                calm[e] = calm[e] + 1 if ratio[n] < close_ratio else 0
                if calm[e] >= close_count:
                    kind = RESOLVED
                elif update_interval_ns > 0 and time_ns[n] - told_ns[e] >= update_interval_ns:
                    kind = UPDATED
                    updates[e] += 1
            else:
                number, first = 0, time_ns[n]
                for m in range(exceeded_ns.shape[1]):
                    if exceeded_ns[e, m] > 0:
                        number += 1
                        first = min(first, exceeded_ns[e, m])
                if exceeds and number >= open_count:
                    kind = OPENED
                    is_open[e], start_ns[e], calm[e], updates[e] = True, first, 0, 0
                    readings[e], missing_total[e], peak[e] = number - 1, 0, -1.0
            if is_open[e]:
                readings[e] += 1
                missing_total[e] += missing[n]
                if ratio[n] > peak[e]:
                    peak[e], peak_rows[e] = ratio[n], n
        if kind >= 0:
            told_ns[e] = time_ns[n]
            row = transitions[count]
            row[ROW], row[ENTITY], row[KIND], row[START_NS] = n, e, kind, start_ns[e]
            row[UPDATES], row[READINGS], row[MISSING] = updates[e], readings[e], missing_total[e]
            row[PEAK_ROW] = peak_rows[e]
            ratios[count, RATIO], ratios[count, PEAK_RATIO] = newest[e], peak[e]
            count += 1
            if kind == RESOLVED or kind == RESOLVED_BY_GAP:
                is_open[e] = False
                exceeded_ns[e] = 0
                peak_rows[e] = -1
        is_anomaly[n] = is_open[e]
    return count
