"""What is withheld, by the budget or the cooldown, and what passes all the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.alert.budget import SLOTS_MAX
from sentinel.alert.episodes import EpisodeRules
from sentinel.alert.rules import recommended_rules
from tests.alert.machines import RULES, STEPS, machine_of, rows_of, run_machine, run_plain
from tests.alert.plain_machine import Row, Transition

DAY = 1000


def blips(*peaks: float, entity: int = 0, every: int = 10, start: int = 100) -> list[Row]:
    """Episodes of one reading, each calm again with the next, so far apart."""
    rows = []
    for number, peak in enumerate(peaks):
        at = start + every * number
        rows += [Row(entity, at, peak, False, 0), Row(entity, at + 1, 0.1, False, 0)]
    return rows


def rules_of(**kind: Any) -> EpisodeRules:
    return EpisodeRules(1, 1, close_ratio=0.5, close_count=1, **kind)


def told_peaks(rules: EpisodeRules, rows: list[Row]) -> tuple[list[float], int]:
    """The peaks of the episodes that were told, as they resolved, and how many ended untold."""
    transitions, _ = run_machine(machine_of(rules), rows, [])
    assert transitions == run_plain(rules, rows)[0]
    return [t.peak for t in transitions if t.state == "resolved"], suppressed(transitions)


def suppressed(transitions: list[Transition]) -> int:
    return sum(t.state == "suppressed" for t in transitions)


def test_beyond_the_budget_only_a_peak_above_the_lowest_recent_one_is_told() -> None:
    rules = rules_of(budget_count=2, budget_ns=DAY)
    assert told_peaks(rules, blips(2.0, 3.0, 2.0, 1.5, 2.5, 2.4, 2.6)) == ([2.0, 3.0, 2.5, 2.6], 3)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(1, 100), max_size=30, unique=True), st.integers(1, 4))
def test_a_peak_above_all_recent_ones_always_passes(peaks: list[float], count: int) -> None:
    told, _ = told_peaks(rules_of(budget_count=count, budget_ns=DAY), blips(*peaks))
    records = [p for n, p in enumerate(peaks) if all(p > earlier for earlier in peaks[:n])]
    assert [p for p in told if p in records] == records


@settings(max_examples=100, deadline=None)
@given(RULES.filter(lambda rules: not rules.cooldown_ns), STEPS)
def test_whatever_the_rules_no_peak_above_all_that_were_told_is_suppressed(
    rules: EpisodeRules, steps: list[tuple[int, float | None, int, int]]
) -> None:
    transitions, _ = run_machine(machine_of(rules), rows_of(steps), [])
    for number, found in enumerate(transitions):
        if found.state == "suppressed":
            assert found.peak <= max(
                t.peak
                for t in transitions[:number]
                if t.state != "suppressed" and (rules.budget_fleet or t.entity == found.entity)
            )


def test_a_high_score_passes_though_it_takes_another_one_to_begin() -> None:
    rules = EpisodeRules(3, 4, close_ratio=0.5, close_count=1, budget_count=1, budget_ns=DAY)
    ratios = [2.0, 2.0, 2.0, 0.1, 0.1, 0.1, 0.1, 9.0, 1.0, 1.0, 0.1]
    rows = [Row(0, 100 + n, ratio, False, 0) for n, ratio in enumerate(ratios)]
    transitions, _ = run_machine(machine_of(rules), rows, [9])
    opened = transitions[2]
    assert (opened.row, opened.state, opened.peak, opened.peak_row) == (9, "opened", 9.0, 7)
    assert opened.severity == "warning"
    assert suppressed(transitions) == 0


def test_without_a_budget_none_is_withheld() -> None:
    assert told_peaks(rules_of(), blips(*[1.0] * 20)) == ([1.0] * 20, 0)


def test_what_lies_a_stretch_back_counts_no_more() -> None:
    rules = rules_of(budget_count=1, budget_ns=20)
    assert told_peaks(rules, blips(5.0, 1.0, 1.5, 1.2)) == ([5.0, 1.5], 2)


def test_a_budget_by_readings_takes_no_notice_of_time() -> None:
    rules = rules_of(budget_count=1, budget_readings=4)
    # Two scores a blip: the third begins four scores after the first.
    assert told_peaks(rules, blips(5.0, 1.0, 1.5, 1.2, every=7 * DAY)) == ([5.0, 1.5], 2)


def test_entities_have_budgets_of_their_own() -> None:
    rows = sorted([*blips(3.0, 2.0), *blips(1.0, entity=1, start=105)], key=lambda r: r.time_ns)
    assert told_peaks(rules_of(budget_count=1, budget_ns=DAY), rows) == ([3.0, 1.0], 1)


def test_a_fleet_shares_one() -> None:
    rows = sorted([*blips(3.0, 4.0), *blips(1.0, entity=1, start=105)], key=lambda r: r.time_ns)
    rules = rules_of(budget_count=1, budget_ns=DAY, budget_fleet=True)
    assert told_peaks(rules, rows) == ([3.0, 4.0], 1)


def test_the_peak_of_an_open_episode_is_the_one_so_far() -> None:
    rules = rules_of(budget_count=1, budget_ns=DAY, budget_fleet=True)
    rows = [
        Row(0, 100, 1.0, False, 0),
        Row(0, 101, 9.0, False, 0),
        Row(1, 102, 5.0, False, 0),
        Row(1, 103, 9.5, False, 0),
    ]
    transitions, _ = run_machine(machine_of(rules), rows, [])
    assert [(t.row, t.entity, t.state) for t in transitions] == [(0, 0, "opened"), (3, 1, "opened")]


def test_a_clock_of_another_year_does_not_use_up_a_fleet_s_budget() -> None:
    rules = rules_of(budget_count=1, budget_ns=DAY, budget_fleet=True)
    rows = [*blips(9.0, entity=1, start=10**6), *blips(2.0)]
    transitions, *_ = run_machine(machine_of(rules), rows, [])
    assert [t.entity for t in transitions if t.state == "opened"] == [1, 0]


def test_a_withheld_episode_opens_once_it_has_outgrown_the_others() -> None:
    rules = rules_of(budget_count=1, budget_ns=DAY, update_interval_ns=0)
    rows = [*blips(3.0), *(Row(0, 200 + n, r, False, 1) for n, r in enumerate([1.0, 2.9, 3.1]))]
    transitions, inside = run_machine(machine_of(rules), rows, [3])
    opened = transitions[-1]
    assert (opened.row, opened.state, opened.start_ns) == (4, "opened", 200)
    assert (opened.readings, opened.missing, opened.peak) == (3, 3, 3.1)
    assert inside == [True, False, False, False, True]
    assert suppressed(transitions) == 0


def test_a_withheld_episode_opens_when_the_budget_has_room_again() -> None:
    rules = rules_of(budget_count=1, budget_ns=50)
    rows = [*blips(3.0), *(Row(0, t, 1.0, False, 0) for t in (120, 140, 149, 150))]
    transitions, *_ = run_machine(machine_of(rules), rows, [])
    assert [t.row for t in transitions if t.state == "opened"] == [0, 5]


def test_only_a_reading_at_the_threshold_opens_a_withheld_episode() -> None:
    rules = rules_of(budget_count=1, budget_ns=50)
    rows = [
        *blips(3.0),
        *(Row(0, t, r, False, 0) for t, r in [(140, 2.0), (150, 0.7), (160, 1.0)]),
    ]
    transitions, *_ = run_machine(machine_of(rules), rows, [])
    assert [(t.row, t.peak) for t in transitions if t.state == "opened"] == [(0, 3.0), (4, 2.0)]


def test_an_untold_episode_ends_untold_by_calm_and_by_a_gap() -> None:
    rules = rules_of(budget_count=1, budget_ns=DAY)
    gap = Row(0, 300, None, True, 0)
    rows = [*blips(3.0, 2.0), Row(0, 200, 2.0, False, 0), gap, Row(0, 301, 2.0, False, 0)]
    transitions, _ = run_machine(machine_of(rules), rows, [])
    told = [(t.row, t.state, t.start_ns, t.peak) for t in transitions]
    assert told == [
        (0, "opened", 100, 3.0), (1, "resolved", 100, 3.0), (3, "suppressed", 110, 2.0),
        (5, "suppressed", 200, 2.0),
    ]  # fmt: skip


def test_within_the_cooldown_only_a_higher_peak_than_the_last_is_told() -> None:
    rules = rules_of(cooldown_ns=15)
    assert told_peaks(rules, blips(3.0, 2.0, 3.0, 2.0, 2.5)) == ([3.0, 3.0, 2.5], 2)


def test_an_episode_that_outlasts_the_cooldown_is_told_then() -> None:
    rules = rules_of(cooldown_ns=15)
    rows = [*blips(3.0), *(Row(0, t, 1.0, False, 0) for t in (110, 115, 116))]
    transitions, *_ = run_machine(machine_of(rules), rows, [])
    assert [(t.row, t.start_ns) for t in transitions if t.state == "opened"] == [(0, 100), (4, 110)]


def test_a_forgotten_entity_leaves_a_fleet_s_budget_spent() -> None:
    rules = rules_of(budget_count=1, budget_ns=DAY, budget_fleet=True)
    machine = machine_of(rules)
    run_machine(machine, [Row(0, 100, 3.0, False, 0)], [])
    machine.forget(np.array([0], np.int32))
    # The next episode of the same index is another's: it does not move what was told.
    transitions, *_ = run_machine(machine, [Row(0, 101, 2.0, False, 0)], [])
    assert transitions == []
    assert machine.budget.state.peak.tolist() == [[3.0]]


@pytest.mark.parametrize(
    "wrong",
    [
        {"budget_count": SLOTS_MAX + 1, "budget_ns": 1},
        {"budget_count": -1},
        {"budget_count": 1},
        {"budget_count": 1, "budget_ns": 1, "budget_readings": 1},
        {"budget_count": 1, "budget_readings": 1, "budget_fleet": True},
    ],
)
def test_a_budget_that_means_nothing_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="budget"):
        EpisodeRules(**wrong)


def test_smoothed_scores_have_the_rules_they_were_measured_with() -> None:
    for kind in ("joint", "forecast", "light"):
        rules = recommended_rules(kind)
        assert (rules.open_count, rules.open_window, rules.close_ratio) == (1, 1, 0.5)
        assert (rules.close_count, rules.budget_count, rules.budget_readings) == (20, 3, 10_000)
        assert rules.fade_ratio == 0.4
    assert recommended_rules("reconstruct") == EpisodeRules(3, 4, 0.8, 20)
