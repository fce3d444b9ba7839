"""The compiled episode machines and the plain ones, made to answer the same question."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import strategies as st

from sentinel.alert import episodes as module
from sentinel.alert.episodes import STATE_NAMES, SUPPRESSED, EpisodeRules, Episodes
from sentinel.alert.severity import SEVERITIES
from tests.alert.plain_machine import PlainBudget, PlainMachine, Row, Transition

ENTITIES = 3
RESTARTS, LATE = 0, (1, 2, 3)  # of twenty steps
PEAK_BEFORE = -1  # the peak lies before the readings of this run


def run_machine(
    machine: Episodes, rows: list[Row], cuts: list[int]
) -> tuple[list[Transition], list[bool]]:
    """Rows through the machine in several calls: transitions, and what lies inside.

    Rows of the transitions count from the first.
    """
    transitions: list[Transition] = []
    inside: list[bool] = []
    peaks: dict[tuple[int, int], int] = {}
    edges = [0, *sorted(cut for cut in cuts if cut < len(rows)), len(rows)]
    for start, stop in pairwise(edges):
        some = rows[start:stop]
        is_anomaly = np.zeros(len(some), np.bool_)
        advance = machine.advance(
            np.array([row.entity for row in some], np.int32),
            np.array([row.time_ns for row in some], np.int64),
            np.array([np.nan if row.ratio is None else row.ratio for row in some], np.float64),
            np.array([row.restarted for row in some], np.bool_),
            np.array([row.missing for row in some], np.int32),
            np.array([row.late for row in some], np.bool_),
            is_anomaly,
        )
        inside += is_anomaly.tolist()
        for fields, (ratio, peak), severity in zip(
            advance.transitions.tolist(),
            advance.ratios.tolist(),
            advance.severities.tolist(),
            strict=True,
        ):
            row, entity, kind, start_ns, updates, readings, missing, late, slot, peak_row = fields
            if peak_row >= 0:
                peaks[entity, slot] = start + peak_row
            state = "suppressed" if kind == SUPPRESSED else STATE_NAMES[kind]
            transitions.append(
                Transition(
                    start + row, entity, state, start_ns, updates, readings, missing,
                    late, ratio, peak, peaks.get((entity, slot), PEAK_BEFORE),
                    SEVERITIES[severity], kind == module.RESOLVED_BY_GAP,
                )
            )  # fmt: skip
        for entity, slot in np.argwhere(advance.worst_rows >= 0).tolist():
            peaks[entity, slot] = start + int(advance.worst_rows[entity, slot])
    return transitions, inside


def run_plain(rules: EpisodeRules, rows: list[Row]) -> tuple[list[Transition], list[bool]]:
    """What `run_machine` must answer."""
    fleet = PlainBudget(rules)
    machines = [
        PlainMachine(rules, fleet if rules.budget_fleet else PlainBudget(rules))
        for _ in range(ENTITIES)
    ]
    told = [machines[row.entity].step(number, row) for number, row in enumerate(rows)]
    transitions = [found for found, _ in told if found]
    return transitions, [inside for _, inside in told]


def machine_of(rules: EpisodeRules) -> Episodes:
    machine = Episodes(rules)
    machine.grow(ENTITIES)
    return machine


BUDGETS = st.one_of(
    st.just({}),
    st.builds(
        lambda count, stretch, kind: {
            "budget_count": count,
            "budget_readings" if kind == "readings" else "budget_ns": stretch,
            "budget_fleet": kind == "fleet",
        },
        st.integers(1, 3),
        st.sampled_from([3, 10, 40, 1000]),
        st.sampled_from(["readings", "time", "fleet"]),
    ),
)
RULES = st.builds(
    lambda open_count, extra, close, update_ns, cooldown_ns, budget: EpisodeRules(
        open_count, open_count + extra, *close, update_ns, cooldown_ns, **budget
    ),
    st.integers(1, 3),
    st.integers(0, 2),
    st.tuples(
        st.sampled_from([0.25, 0.5, 1.0]), st.integers(1, 4), st.sampled_from([0.0, 0.4, 0.5])
    ),
    st.sampled_from([0, 1, 5, 12]),
    st.sampled_from([0, 0, 5, 30]),
    BUDGETS,
)
RATIOS = st.sampled_from([None, 0.1, 0.1, 0.3, 0.49, 0.5, 0.9, 1.0, 1.0, 1.5, 2.0, 3.0, 3.0, 7.0])
STEPS = st.lists(
    st.tuples(st.integers(0, ENTITIES - 1), RATIOS, st.integers(0, 19), st.integers(0, 2)),
    max_size=120,
)


def rows_of(steps: list[tuple[int, float | None, int, int]]) -> list[Row]:
    """One step in twenty restarts the window, some are late; none of these has its own window."""
    return [
        Row(
            entity,
            100 + n,
            None if luck in (RESTARTS, *LATE) else ratio,
            luck == RESTARTS,
            missing,
            luck in LATE,
        )
        for n, (entity, ratio, luck, missing) in enumerate(steps)
    ]
