"""The episode machine: N of the last M scores open an episode, a calm stretch resolves it.

All state is arrays over entities; a run of readings advances in one compiled call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sentinel.kernels.jit import jit
from sentinel.records import BoolArray, EpisodeState, FloatArray, IndexArray, TimeArray

OPENED, UPDATED, RESOLVED, RESOLVED_BY_GAP = 0, 1, 2, 3
STATE_NAMES: tuple[EpisodeState, ...] = ("opened", "updated", "resolved", "resolved")

# Columns of a transition: everything of the episode at that moment.
ROW, ENTITY, KIND, START_NS, UPDATES, READINGS, MISSING, LATE, PEAK_ROW = range(9)
TRANSITION_COLUMNS = 9
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
    close_ratio: float = 0.8
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


class MachineState(NamedTuple):
    """All episodes, as arrays over the E entities.

    exceeded_ns  (E, open_window) times of those of the newest scores that exceed, 0 for the others;
                 score number k stands at k % open_window
    scored       (E,) scores so far
    is_open      (E,) an episode is open; what follows belongs to the newest one
    calm         (E,) scores in a row below close_ratio
    start_ns     (E,) time of the first exceedance that counted towards the opening
    told_ns      (E,) time of the last transition
    updates      (E,) updates so far
    readings     (E,) scored readings since start_ns
    missing      (E,) values masked in the scored readings since it opened
    late         (E,) readings dropped as late since it opened
    peak         (E,) highest ratio since it opened
    newest       (E,) newest ratio
    """

    exceeded_ns: TimeArray
    scored: TimeArray
    is_open: BoolArray
    calm: IndexArray
    start_ns: TimeArray
    told_ns: TimeArray
    updates: IndexArray
    readings: TimeArray
    missing: TimeArray
    late: TimeArray
    peak: FloatArray
    newest: FloatArray


class Episodes:
    """The episode machines of all entities."""

    def __init__(self, rules: EpisodeRules) -> None:
        self.rules = rules
        self.state = MachineState(
            exceeded_ns=np.zeros((0, rules.open_window), np.int64),
            scored=np.zeros(0, np.int64),
            is_open=np.zeros(0, np.bool_),
            calm=np.zeros(0, np.int32),
            start_ns=np.zeros(0, np.int64),
            told_ns=np.zeros(0, np.int64),
            updates=np.zeros(0, np.int32),
            readings=np.zeros(0, np.int64),
            missing=np.zeros(0, np.int64),
            late=np.zeros(0, np.int64),
            peak=np.zeros(0, np.float64),
            newest=np.zeros(0, np.float64),
        )

    def grow(self, entities: int) -> None:
        """Make room for so many entities, not fewer than there are."""
        state: tuple[NDArray[Any], ...] = self.state
        grown = [np.zeros((entities, *old.shape[1:]), old.dtype) for old in state]
        for new, old in zip(grown, state, strict=True):
            new[: len(old)] = old
        self.state = MachineState(*grown)

    def forget(self, entities: IndexArray) -> None:
        """Back to the beginning for these entities."""
        for of_entity in self.state:
            of_entity[entities] = 0

    def advance(
        self,
        entity: IndexArray,
        time_ns: TimeArray,
        ratio: FloatArray,
        restarted: BoolArray,
        missing: IndexArray,
        late: BoolArray,
        is_anomaly: BoolArray,
    ) -> Advance:
        """Advance by rows of readings, in order.

        ratio       (N,) score ratio of the reading's own window; NaN: it has none
        restarted   (N,) the reading is the first after a gap: an open episode resolves
        missing     (N,) number of masked values
        late        (N,) the reading was dropped: older than the entity's newest
        is_anomaly  (N,) overwritten: inside an open episode
        """
        rules = self.rules
        transitions = np.empty((len(entity), TRANSITION_COLUMNS), np.int64)
        ratios = np.empty((len(entity), 2), np.float64)
        peak_rows = np.full(len(self.state.is_open), -1, np.int64)
        count = _advance(
            entity, time_ns, ratio, restarted, missing, late, is_anomaly,
            rules.open_count, rules.close_ratio, rules.close_count, rules.update_interval_ns,
            self.state, peak_rows, transitions, ratios,
        )  # fmt: skip
        return Advance(transitions[:count], ratios[:count], peak_rows)


@jit
def _advance(
    entity: IndexArray,
    time_ns: TimeArray,
    ratio: FloatArray,
    restarted: BoolArray,
    missing: IndexArray,
    late: BoolArray,
    is_anomaly: BoolArray,
    open_count: int,
    close_ratio: float,
    close_count: int,
    update_interval_ns: int,
    state: MachineState,
    peak_rows: TimeArray,
    transitions: TimeArray,
    ratios: FloatArray,
) -> int:
    (exceeded_ns, scored, is_open, calm, start_ns, told_ns, updates, readings, missing_total,
     late_total, peak, newest) = state  # fmt: skip
    open_window = exceeded_ns.shape[1]
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
            exceeded_ns[e, scored[e] % open_window] = time_ns[n] if exceeds else 0
            scored[e] += 1
            if is_open[e]:
                calm[e] = calm[e] + 1 if ratio[n] < close_ratio else 0
                if calm[e] >= close_count:
                    kind = RESOLVED
                elif update_interval_ns > 0 and time_ns[n] - told_ns[e] >= update_interval_ns:
                    kind = UPDATED
                    updates[e] += 1
            elif exceeds:
                number, oldest = 0, 0
                for age in range(min(open_window, scored[e])):
                    if exceeded_ns[e, (scored[e] - 1 - age) % open_window] > 0:
                        number += 1
                        oldest = age
                if number >= open_count:
                    kind = OPENED
                    is_open[e], calm[e], updates[e] = True, 0, 0
                    start_ns[e] = exceeded_ns[e, (scored[e] - 1 - oldest) % open_window]
                    readings[e], missing_total[e], late_total[e] = oldest, 0, 0
                    peak[e] = -1.0
            if is_open[e]:
                readings[e] += 1
                missing_total[e] += missing[n]
                if ratio[n] > peak[e]:
                    peak[e], peak_rows[e] = ratio[n], n
        elif late[n] and is_open[e]:
            late_total[e] += 1
        if kind >= 0:
            told_ns[e] = time_ns[n]
            row = transitions[count]
            row[ROW], row[ENTITY], row[KIND], row[START_NS] = n, e, kind, start_ns[e]
            row[UPDATES], row[READINGS], row[MISSING] = updates[e], readings[e], missing_total[e]
            row[LATE], row[PEAK_ROW] = late_total[e], peak_rows[e]
            ratios[count, RATIO], ratios[count, PEAK_RATIO] = newest[e], peak[e]
            count += 1
            if kind in (RESOLVED, RESOLVED_BY_GAP):
                is_open[e] = False
                exceeded_ns[e] = 0
                peak_rows[e] = -1
        is_anomaly[n] = is_open[e]
    return count
