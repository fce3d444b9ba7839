"""The state of every episode machine, and the kernel that advances it reading by reading."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sentinel.alert.budget import BudgetState, bar, follow, let_go, spend
from sentinel.alert.severity import severity
from sentinel.kernels.jit import jit, lean
from sentinel.records import BoolArray, FloatArray, IndexArray, TimeArray

OPENED, UPDATED, RESOLVED, RESOLVED_BY_GAP, SUPPRESSED = 0, 1, 2, 3, 4
UNTOLD = -1

# Columns of a transition: everything of the episode at that moment.
(
    ROW, ENTITY, KIND, START_NS, UPDATES, READINGS, MISSING, LATE, PEAK_SLOT, PEAK_ROW,
    TRANSITION_COLUMNS,
) = range(11)  # fmt: skip
RATIO, PEAK_RATIO = range(2)


class MachineRules(NamedTuple):
    """`rules.EpisodeRules` as the kernel takes them; stretch is in scores or in ns."""

    open_count: int
    close_ratio: float
    fade_ratio: float
    close_count: int
    update_interval_ns: int
    cooldown_ns: int
    stretch: int
    by_readings: bool
    fleet: bool


class MachineState(NamedTuple):
    """All episodes, as arrays over the E entities.

    exceeded_ns  (E, open_window) times of those of the newest scores that exceed, 0 for the others;
                 score number k stands at slot k % open_window
    exceeding    (E, open_window) their ratios
    scored       (E,) scores so far
    is_open      (E,) an episode is open, or
    is_withheld  (E,) one stands untold; what follows belongs to the newest one of either
    calm         (E,) scores in a row below close_ratio, or below fade_ratio of the peak
    start_ns     (E,) time of the first exceedance that counted towards its beginning: its start
    told_ns      (E,) time of the last transition
    updates      (E,) updates so far
    readings     (E,) scored readings since start_ns
    missing      (E,) values masked in the scored readings since it began
    late         (E,) readings dropped as late since it began
    peak         (E,) highest ratio since its start
    peak_slot    (E,) slot of that score when it began; every higher one takes the place of it
    newest       (E,) newest ratio
    faded_peak   (E,) peak of an episode that ended by fading, until a score is below close_ratio; 0
    last_peak    (E,) peak of the newest resolved episode; 0: none yet
    last_end_ns  (E,) when that one resolved
    """

    exceeded_ns: TimeArray
    exceeding: FloatArray
    scored: TimeArray
    is_open: BoolArray
    is_withheld: BoolArray
    calm: IndexArray
    start_ns: TimeArray
    told_ns: TimeArray
    updates: IndexArray
    readings: TimeArray
    missing: TimeArray
    late: TimeArray
    peak: FloatArray
    peak_slot: IndexArray
    newest: FloatArray
    faded_peak: FloatArray
    last_peak: FloatArray
    last_end_ns: TimeArray


def machines(entities: int, open_window: int) -> MachineState:
    """So many machines at rest."""
    times = [np.zeros(entities, np.int64) for _ in range(7)]
    ratios = [np.zeros(entities, np.float64) for _ in range(4)]
    counts = [np.zeros(entities, np.int32) for _ in range(3)]
    flags = [np.zeros(entities, np.bool_) for _ in range(2)]
    return MachineState(
        exceeded_ns=np.zeros((entities, open_window), np.int64),
        exceeding=np.zeros((entities, open_window), np.float64),
        scored=times[0],
        is_open=flags[0],
        is_withheld=flags[1],
        calm=counts[0],
        start_ns=times[1],
        told_ns=times[2],
        updates=counts[1],
        readings=times[3],
        missing=times[4],
        late=times[5],
        peak=ratios[0],
        peak_slot=counts[2],
        newest=ratios[1],
        faded_peak=ratios[2],
        last_peak=ratios[3],
        last_end_ns=times[6],
    )


@jit
def advance(
    entity: IndexArray,
    time_ns: TimeArray,
    ratio: FloatArray,
    restarted: BoolArray,
    missing: IndexArray,
    late: BoolArray,
    is_anomaly: BoolArray,
    rules: MachineRules,
    state: MachineState,
    budget: BudgetState,
    worst_rows: TimeArray,
    transitions: TimeArray,
    ratios: FloatArray,
    severities: NDArray[np.int8],
) -> int:
    """Advance by rows; see `episodes.Episodes.advance`. Returns how many transitions there are.

    worst_rows, transitions, ratios, severities  see `episodes.Advance`, room for N transitions
    """
    count = 0
    for n in range(len(entity)):
        e = entity[n]
        stood = state.is_open[e] or state.is_withheld[e]
        kind = UNTOLD
        if restarted[n]:
            if stood:
                kind = RESOLVED_BY_GAP if state.is_open[e] else SUPPRESSED
            rest(state, e)
        elif not np.isnan(ratio[n]):
            slot = score(state, rules, e, time_ns[n], ratio[n], stood)
            if slot >= 0:
                worst_rows[e, slot] = n
            if stood or state.is_withheld[e]:
                state.readings[e] += 1
                state.missing[e] += missing[n]
                if slot >= 0 and stood:
                    follow(budget, 0 if rules.fleet else e, e, ratio[n])
                kind = transition(state, rules, budget, e, time_ns[n])
        elif late[n] and stood:
            state.late[e] += 1
        if kind >= 0:
            state.told_ns[e] = time_ns[n]
            row = transitions[count]
            row[ROW], row[ENTITY], row[KIND], row[START_NS] = n, e, kind, state.start_ns[e]
            row[UPDATES], row[READINGS] = state.updates[e], state.readings[e]
            row[MISSING], row[LATE] = state.missing[e], state.late[e]
            row[PEAK_SLOT] = state.peak_slot[e]
            row[PEAK_ROW] = worst_rows[e, state.peak_slot[e]]
            ratios[count, RATIO], ratios[count, PEAK_RATIO] = state.newest[e], state.peak[e]
            severities[count] = severity(state.peak[e], state.readings[e] - state.calm[e])
            count += 1
            if kind in (RESOLVED, RESOLVED_BY_GAP):
                state.last_peak[e], state.last_end_ns[e] = state.peak[e], time_ns[n]
                let_go(budget, 0 if rules.fleet else e, e)
        if (stood or restarted[n]) and not (state.is_open[e] or state.is_withheld[e]):
            worst_rows[e] = -1
        is_anomaly[n] = state.is_open[e]
    return count


@lean
def score(
    state: MachineState, rules: MachineRules, e: int, time_ns: int, ratio: float, stood: bool
) -> int:
    """Take a score: may begin an episode, withheld until told.

    The slot that is to remember what made this score, if it may come to be told: as one of those
    that count towards a beginning, or as the highest so far of the episode that stands; else -1.
    """
    open_window = state.exceeded_ns.shape[1]
    state.newest[e] = ratio
    if ratio < rules.close_ratio:
        state.faded_peak[e] = 0
    exceeds = ratio >= 1 and ratio > state.faded_peak[e]
    newest: int = state.scored[e] % open_window
    state.scored[e] += 1
    if stood:
        is_calm = ratio < max(rules.close_ratio, rules.fade_ratio * state.peak[e])
        state.calm[e] = state.calm[e] + 1 if is_calm else 0
        if ratio <= state.peak[e]:
            return -1
        state.peak[e] = ratio
        highest: int = state.peak_slot[e]
        return highest
    state.exceeded_ns[e, newest] = time_ns if exceeds else 0
    state.exceeding[e, newest] = ratio
    if not exceeds:
        return -1
    number, oldest, start, highest = 0, 0, newest, newest
    for age in range(min(open_window, state.scored[e])):
        slot = (newest - age) % open_window
        if state.exceeded_ns[e, slot] > 0:
            number += 1
            oldest, start = age, slot
            if state.exceeding[e, slot] >= state.exceeding[e, highest]:
                highest = slot
    if number >= rules.open_count:
        state.is_withheld[e] = True
        state.start_ns[e], state.readings[e] = state.exceeded_ns[e, start], oldest
        state.calm[e], state.updates[e], state.missing[e], state.late[e] = 0, 0, 0, 0
        state.peak[e], state.peak_slot[e] = state.exceeding[e, highest], highest
    return newest


@lean
def transition(
    state: MachineState, rules: MachineRules, budget: BudgetState, e: int, time_ns: int
) -> int:
    """What the newest score makes of the episode that stands; UNTOLD where nothing is told."""
    if state.calm[e] >= rules.close_count:
        told = state.is_open[e]
        rest(state, e)
        state.faded_peak[e] = state.peak[e] if state.newest[e] >= rules.close_ratio else 0
        return RESOLVED if told else SUPPRESSED
    if state.is_open[e]:
        interval = rules.update_interval_ns
        if interval > 0 and time_ns - state.told_ns[e] >= interval:
            state.updates[e] += 1
            return UPDATED
        return UNTOLD
    ring = 0 if rules.fleet else e
    now = state.scored[e] if rules.by_readings else time_ns
    must_exceed = bar(budget, ring, now, rules.stretch)
    if state.last_peak[e] > 0 and time_ns - state.last_end_ns[e] < rules.cooldown_ns:
        must_exceed = max(must_exceed, state.last_peak[e])
    if state.newest[e] >= 1 and state.peak[e] > must_exceed:
        spend(budget, ring, e, now, rules.stretch, state.peak[e])
        state.is_open[e], state.is_withheld[e] = True, False
        return OPENED
    return UNTOLD


@lean
def rest(state: MachineState, e: int) -> None:
    """No episode stands, and no exceedance counts any more."""
    for slot in range(state.exceeded_ns.shape[1]):
        state.exceeded_ns[e, slot] = 0
    state.is_open[e] = state.is_withheld[e] = False
    state.faded_peak[e] = 0
