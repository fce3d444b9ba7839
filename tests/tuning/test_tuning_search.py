"""What is tried, and which trial wins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sentinel.alert.rules import SMOOTHED_RULES
from sentinel.backtest.metrics import Metrics
from sentinel.fitting.settings import FitSettings
from sentinel.records import NS_PER_S
from sentinel.tuning.grid import AlertChoice, alert_candidates, model_candidates
from sentinel.tuning.search import (
    AlertTrial,
    ModelSearch,
    ModelTrial,
    best_by_f1,
    best_by_rate,
    held_out_error,
    without_budget,
)
from tests.detector.joint import joint_model
from tests.detector.toy import toy_model

NONE = Metrics(100, 0, 0.0, 0.0)


def trial(
    scale: float, f1: float = np.nan, per_day: float = 0.0, days: float = 100.0
) -> AlertTrial:
    metrics = replace(NONE, episode_f1=f1, episodes=round(per_day * days))
    return AlertTrial(AlertChoice(scale), metrics, days)


@pytest.mark.parametrize("kind", ["joint", "reconstruct"])
@pytest.mark.parametrize("labelled", [True, False])
def test_the_defaults_are_tried_first_and_nothing_twice(kind: str, labelled: bool) -> None:
    base = FitSettings(kind=kind, max_gap_ns=7)
    found = model_candidates(base, 400, 3, labelled=labelled)
    assert found[0] == base
    assert len(set(found)) == len(found) > 2
    assert found == model_candidates(base, 400, 3, labelled=labelled)
    assert found[1:] != model_candidates(base, 400, 4, labelled=labelled)[1:]
    assert {(one.kind, one.max_gap_ns) for one in found} == {(kind, 7)}
    assert max(one.window_length for one in found) <= 400 // 5


def test_without_labels_nothing_is_tried_that_makes_the_errors_incomparable() -> None:
    found = model_candidates(FitSettings(), 1000, 0, labelled=False)
    assert {one.scaling for one in found} == {"standard"}
    plain = model_candidates(FitSettings(kind="reconstruct"), 1000, 0, labelled=False)
    assert {one.window_length for one in plain} == {0}


def test_alert_settings_go_outwards_from_the_defaults() -> None:
    found = alert_candidates(None)
    assert found[0] == AlertChoice()
    assert len(set(found)) == len(found)
    away = [abs(np.log(one.threshold_scale)) for one in found]
    assert away == sorted(away)
    assert {one.alerts_per_day for one in alert_candidates(0.25)} == {0.25}


def test_the_best_model_has_most_of_vus_pr_or_least_of_error_and_ties_go_to_the_first() -> None:
    for labelled, expected in ((True, 3), (False, 2)):
        search = ModelSearch(labelled=labelled)
        for number, measured in enumerate((0.5, 0.2, 0.7, 0.7, 0.2, np.nan), 1):
            search.add(ModelTrial(number, FitSettings(), toy_model(), measured, None))
        assert search.default is not None
        assert search.best is not None
        assert (search.default.number, search.best.number) == (1, expected)


def test_the_best_alert_settings_by_f1_are_the_first_of_equal_ones() -> None:
    trials = [trial(1.0, 0.5), trial(0.9, 0.6), trial(1.1, 0.6), trial(0.8, 0.1)]
    assert best_by_f1(trials) is trials[1]


def test_the_lowest_threshold_with_no_more_episodes_than_wanted_is_chosen() -> None:
    trials = [trial(1.0, per_day=1.0), trial(0.8, per_day=2.0), trial(2.0, per_day=0.1)]
    assert best_by_rate(trials, 1.0) is trials[0]
    assert best_by_rate(trials, 3.0) is trials[1]
    assert best_by_rate(trials, 0.01) is trials[2]


def test_too_few_healthy_readings_lower_no_threshold() -> None:
    for days, expected in ((2.9, 1.0), (3.1, 0.5)):
        trials = [trial(scale, days=days) for scale in (0.5, 1.0, 2.0)]
        assert best_by_rate(trials, 1.0).choice.threshold_scale == expected


def test_episodes_are_counted_without_a_budget() -> None:
    fleet = replace(
        SMOOTHED_RULES, budget_readings=0, budget_ns=NS_PER_S, budget_fleet=True, budget_count=3
    )
    rules = without_budget(lambda choice: fleet)(AlertChoice())
    assert rules.budget_count == 0
    assert rules.close_count == fleet.close_count


def test_the_held_out_error_is_that_of_the_forecasts_or_of_windows() -> None:
    assert held_out_error(toy_model()) == 0.5
    assert 0.5 < held_out_error(joint_model()) < 2  # of white noise there is nothing to forecast
