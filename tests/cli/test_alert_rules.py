"""From [alert] to the rules of the episode machine: what is not configured suits the model."""

from __future__ import annotations

import pytest

from sentinel.alert.rules import recommended_rules
from sentinel.alert.thresholds import ThresholdSettings
from sentinel.cli.wiring import NS_PER_DAY, episode_rules, threshold_settings
from sentinel.config.alert import AlertConfig
from sentinel.config.bounds import ALERTS_PER_DAY_MIN, COUNT_MAX, DURATION_MAX_S
from sentinel.source.timestamps import MAX_TIME_NS
from tests.alert.machines import machine_of, run_machine, run_plain
from tests.alert.plain_machine import Row


@pytest.mark.parametrize("kind", ["joint", "forecast", "light", "reconstruct"])
def test_nothing_configured_is_what_suits_the_model(kind: str) -> None:
    assert episode_rules(AlertConfig(), kind) == recommended_rules(kind)


@pytest.mark.parametrize(
    ("kind", "configured", "expected"),
    [
        ("joint", {"open_count": 3}, (3, 3)),
        ("joint", {"open_window": 5}, (1, 5)),
        ("reconstruct", {"open_window": 2}, (2, 2)),
        ("reconstruct", {"open_count": 6}, (6, 6)),
        ("reconstruct", {"open_count": 2, "open_window": 9}, (2, 9)),
    ],
)
def test_half_of_n_of_m_is_filled_up_to_what_can_open(
    kind: str, configured: dict[str, int], expected: tuple[int, int]
) -> None:
    rules = episode_rules(AlertConfig(**configured), kind)
    assert (rules.open_count, rules.open_window) == expected


@pytest.mark.parametrize(
    ("alerts_per_day", "count", "days"),
    [(4, 4, 1.0), (0.5, 1, 2.0), (2.5, 3, 1.2), (64, 64, 1.0)],
)
def test_alerts_per_day_are_whole_episodes_in_a_stretch_of_that_rate(
    alerts_per_day: float, count: int, days: float
) -> None:
    rules = episode_rules(AlertConfig(alerts_per_day=alerts_per_day), "joint")
    assert (rules.budget_count, rules.budget_ns) == (count, round(days * NS_PER_DAY))
    assert rules.budget_readings == 0
    assert not rules.budget_fleet


def test_a_fleet_s_budget() -> None:
    alert = AlertConfig(alerts_per_day=4, alerts_per_day_of="fleet", cooldown_s=1.5)
    rules = episode_rules(alert, "reconstruct")
    assert rules.budget_fleet
    assert rules.cooldown_ns == 1_500_000_000


def test_the_threshold_is_the_configured_rule_with_its_parameters() -> None:
    assert threshold_settings(AlertConfig()) == ThresholdSettings()
    alert = AlertConfig(threshold="mad", exceed_probability=1e-3, mad_count=4)
    assert threshold_settings(alert) == ThresholdSettings("mad", 1e-3, 4)


@pytest.mark.parametrize("alerts_per_day_of", ["entity", "fleet"])
def test_the_machine_counts_with_the_largest_that_can_be_configured(alerts_per_day_of: str) -> None:
    alert = AlertConfig(
        open_count=64,
        close_count=COUNT_MAX,
        update_interval_s=DURATION_MAX_S,
        cooldown_s=DURATION_MAX_S,
        alerts_per_day=ALERTS_PER_DAY_MIN,
        alerts_per_day_of=alerts_per_day_of,
    )
    rules = episode_rules(alert, "joint")
    # The 64th score opens; a gap resolves; what comes then is no higher, and withheld.
    rows = [Row(0, MAX_TIME_NS - 200 + n, 2.0, n == 64, 0) for n in range(130)]
    found = run_machine(machine_of(rules), rows, [])
    assert [(one.row, one.state) for one in found[0]] == [(63, "opened"), (64, "resolved")]
    assert found == run_plain(rules, rows)
