"""The compiled episode machine against the plain one, and its rules one by one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.alert.episodes import EpisodeRules, Episodes
from tests.alert.machines import (
    ENTITIES,
    PEAK_BEFORE,
    RULES,
    STEPS,
    machine_of,
    rows_of,
    run_machine,
    run_plain,
)
from tests.alert.plain_machine import Row, Transition


@settings(max_examples=250, deadline=None)
@given(RULES, STEPS, st.lists(st.integers(0, 120), max_size=4))
def test_the_machine_is_the_plain_one_however_its_calls_are_cut(
    rules: EpisodeRules, steps: list[tuple[int, float | None, int, int]], cuts: list[int]
) -> None:
    rows = rows_of(steps)
    assert run_machine(machine_of(rules), rows, cuts) == run_plain(rules, rows)


def told(rules: EpisodeRules, ratios: list[float | None]) -> list[tuple[int, str]]:
    rows = [Row(0, 100 + n, ratio, False, 0) for n, ratio in enumerate(ratios)]
    transitions, *_ = run_machine(machine_of(rules), rows, [])
    return [(found.row, found.state) for found in transitions]


def test_n_of_the_newest_m_scores_open_an_episode() -> None:
    rules = EpisodeRules(open_count=2, open_window=3, close_count=9)
    assert told(rules, [1.0, 0.9, 0.9, 1.0, 0.9, 1.0]) == [(5, "opened")]
    assert told(rules, [1.0, 0.9, 1.0]) == [(2, "opened")]


def test_it_opens_at_the_threshold_itself() -> None:
    rules = EpisodeRules(open_count=1, open_window=1)
    assert told(rules, [np.nextafter(1.0, 0.0), 1.0]) == [(1, "opened")]


def test_hysteresis_keeps_it_open_between_close_ratio_and_threshold() -> None:
    rules = EpisodeRules(1, 1, close_ratio=0.5, close_count=2)
    assert told(rules, [1.0, *[0.5] * 50, 0.4, 0.5, 0.4, 0.4]) == [(0, "opened"), (54, "resolved")]


def test_it_resolves_once_the_score_has_faded_to_a_part_of_its_peak() -> None:
    rules = EpisodeRules(1, 1, close_ratio=0.5, close_count=2, fade_ratio=0.4)
    assert told(rules, [10.0, 3.9, 3.9, 3.9]) == [(0, "opened"), (2, "resolved")]
    assert told(rules, [10.0, 4.0, 3.9, 4.0, 3.9]) == [(0, "opened")]


def test_what_a_faded_episode_left_changed_is_no_new_one_until_a_score_is_at_rest() -> None:
    rules = EpisodeRules(1, 1, close_ratio=0.5, close_count=2, fade_ratio=0.4)
    faded = [10.0, 3.0, 3.0, *[3.0] * 50, 10.0]
    assert told(rules, faded) == [(0, "opened"), (2, "resolved")]
    assert told(rules, [*faded, 10.1])[2:] == [(len(faded), "opened")]
    assert told(rules, [*faded, 0.4, 1.0])[2:] == [(len(faded) + 1, "opened")]


def test_readings_without_a_window_neither_calm_nor_count() -> None:
    rules = EpisodeRules(1, 1, close_count=2)
    ratios = [1.0, 0.1, None, None, 0.1]
    rows = [Row(0, 100 + n, ratio, False, 1) for n, ratio in enumerate(ratios)]
    transitions, inside = run_machine(machine_of(rules), rows, [])
    assert [(t.row, t.readings, t.missing) for t in transitions] == [(0, 1, 1), (4, 3, 3)]
    assert inside == [True, True, True, True, False]


def test_late_readings_count_from_the_opening_to_the_end() -> None:
    rules = EpisodeRules(1, 1, close_count=1)
    late = Row(0, 50, None, False, 0, late=True)
    rows = [late, Row(0, 100, 1.0, False, 0), late, late, Row(0, 101, 0.1, False, 0), late,
            Row(0, 102, 1.0, False, 0), Row(0, 103, 0.1, False, 0)]  # fmt: skip
    transitions, *_ = run_machine(machine_of(rules), rows, [3])
    assert [(t.state, t.late) for t in transitions] == [
        ("opened", 0), ("resolved", 2), ("opened", 0), ("resolved", 0),
    ]  # fmt: skip


def test_it_starts_with_the_first_exceedance_that_counted() -> None:
    rules = EpisodeRules(open_count=3, open_window=4)
    rows = [
        Row(0, 10 * n, r, False, 0) for n, r in enumerate([1.0, 0.1, 0.1, 1.0, 0.1, 2.0, 1.0], 1)
    ]
    [opened], *_ = run_machine(machine_of(rules), rows, [])
    assert (opened.row, opened.start_ns, opened.readings) == (6, 40, 4)


def test_at_least_so_long_is_n_of_n() -> None:
    rules = EpisodeRules(open_count=3, open_window=3, close_ratio=0.5, close_count=1)
    assert told(rules, [9.0, 9.0, 0.9, 9.0, 9.0, 9.0]) == [(5, "opened")]


def test_episodes_closer_than_a_calm_stretch_are_one() -> None:
    apart = [2.0, *[0.1] * 4, 2.0, *[0.1] * 5]
    closing = [(0, "opened"), (5, "opened")]
    one, two = (EpisodeRules(1, 1, 0.5, close_count) for close_count in (5, 4))
    assert told(one, apart) == [(0, "opened"), (10, "resolved")]
    assert [at for at in told(two, apart) if at[1] == "opened"] == closing


def test_the_peak_is_the_highest_score_since_the_start() -> None:
    rows = [Row(0, n, r, False, 0) for n, r in enumerate([9.0, 0.1, 5.0, 5.0, 1.0], 1)]
    [opened], *_ = run_machine(machine_of(EpisodeRules(3, 3)), rows, [1, 4])
    assert opened == Transition(4, 0, "opened", 3, 0, 3, 0, 0, 1.0, 5.0, 2, "warning")


def test_after_an_episode_the_count_begins_anew() -> None:
    rules = EpisodeRules(open_count=2, open_window=8, close_ratio=1.0, close_count=1)
    assert told(rules, [1.0, 1.0, 0.9, 1.0, 0.9, 1.0]) == [
        (1, "opened"), (2, "resolved"), (5, "opened"),
    ]  # fmt: skip


def test_every_episode_needs_a_calm_stretch_of_its_own() -> None:
    rules = EpisodeRules(1, 1, close_ratio=0.5, close_count=2)
    assert told(rules, [1.0, 0.1, 0.1, 1.0, 0.1, 0.9, 0.1, 0.1]) == [
        (0, "opened"), (2, "resolved"), (3, "opened"), (7, "resolved"),
    ]  # fmt: skip


def test_a_gap_resolves_an_episode_and_forgets_exceedances() -> None:
    rules = EpisodeRules(open_count=2, open_window=2)
    rows = [
        Row(0, 1, 1.0, False, 0),
        Row(0, 50, None, True, 0),
        Row(0, 51, 1.0, False, 0),
        Row(0, 52, 1.5, False, 0),
        Row(0, 99, None, True, 0),
    ]
    transitions, inside = run_machine(machine_of(rules), rows, [])
    assert [(t.row, t.state, t.by_gap) for t in transitions] == [
        (3, "opened", False), (4, "resolved", True),
    ]  # fmt: skip
    assert (transitions[1].ratio, transitions[1].peak) == (1.5, 1.5)
    assert inside == [False, False, False, True, False]


def test_updates_come_by_the_readings_own_time() -> None:
    rules = EpisodeRules(1, 1, close_count=99, update_interval_ns=10)
    rows = [Row(0, t, 1.0, False, 0) for t in (100, 105, 109, 110, 119, 135, 144)]
    transitions, *_ = run_machine(machine_of(rules), rows, [])
    assert [(t.row, t.updates) for t in transitions] == [(0, 0), (3, 1), (5, 2)]


def test_no_updates_without_an_interval() -> None:
    rules = EpisodeRules(1, 1, close_count=99, update_interval_ns=0)
    assert told(rules, [1.0] * 50) == [(0, "opened")]


@settings(max_examples=60, deadline=None)
@given(
    RULES.filter(lambda rules: not rules.budget_fleet),
    STEPS,
    STEPS,
    st.integers(0, ENTITIES - 1),
)
def test_forgetting_an_entity_lets_it_begin_anew_and_no_other(
    rules: EpisodeRules,
    before: list[tuple[int, float | None, int, int]],
    after: list[tuple[int, float | None, int, int]],
    forgotten: int,
) -> None:
    machine = machine_of(rules)
    run_machine(machine, rows_of(before), [])
    machine.forget(np.array([forgotten], np.int32))
    rows = [replace(row, time_ns=row.time_ns + 1_000) for row in rows_of(after)]
    alone = [row for row in rows if row.entity == forgotten]
    transitions, *_ = run_machine(machine, rows, [])
    of_forgotten = [
        replace(t, row=alone.index(rows[t.row]), peak_row=alone.index(rows[t.peak_row]))
        for t in transitions
        if t.entity == forgotten
    ]
    assert of_forgotten == run_machine(machine_of(rules), alone, [])[0]


def test_growing_keeps_open_episodes() -> None:
    machine = Episodes(EpisodeRules(1, 1, close_count=1))
    machine.grow(1)
    run_machine(machine, [Row(0, 1, 2.0, False, 0)], [])
    machine.grow(5)
    assert machine.is_open.tolist() == [True, False, False, False, False]
    [resolved], *_ = run_machine(machine, [Row(0, 2, 0.1, False, 0)], [])
    assert resolved == Transition(0, 0, "resolved", 1, 0, 2, 0, 0, 0.1, 2.0, PEAK_BEFORE, "info")


def test_an_episode_never_opens_where_the_rules_ask_for_more_than_they_look_at() -> None:
    assert told(EpisodeRules(open_count=3, open_window=2), [2.0] * 20) == []


@pytest.mark.parametrize("count", [0, 1])
def test_few_readings_are_no_trouble(count: int) -> None:
    rows = [Row(0, 1, 0.5, False, 0)] * count
    assert run_machine(machine_of(EpisodeRules()), rows, []) == ([], [False] * count)
