"""What every rule promises: causal, the same however it is cut, each entity by itself."""

from __future__ import annotations

from itertools import pairwise
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.alert.thresholds import Threshold, ThresholdSettings, make_threshold
from sentinel.alert.thresholds.rule import LEAST_SHARE, RuleName
from sentinel.config.alert import AlertConfig, ThresholdRule
from sentinel.records import FloatArray, IndexArray

RULES = get_args(RuleName)
ENTITIES = 3
CALIBRATION = np.random.default_rng(9).gamma(2.0, 1.0, 900)
every_rule = pytest.mark.parametrize("rule", RULES)
seeds = st.integers(0, 10_000)


def made(rule: str, calibration: FloatArray = CALIBRATION, entities: int = ENTITIES) -> Threshold:
    threshold = make_threshold(ThresholdSettings(rule), 12.0, calibration)
    threshold.grow(entities)
    return threshold


def stream(seed: int, count: int = 600) -> tuple[IndexArray, FloatArray]:
    """Scores of some entities, some readings without one, some far off."""
    rng = np.random.default_rng(seed)
    scores = rng.gamma(2.0, 1.0, count)
    scores[rng.random(count) < 0.05] *= 10
    scores[rng.random(count) < 0.1] = np.nan
    return rng.integers(0, ENTITIES, count).astype(np.int32), scores


@every_rule
@settings(max_examples=15, deadline=None)
@given(seed=seeds, cuts=st.lists(st.integers(0, 600), max_size=5))
def test_the_cuts_between_batches_change_nothing(rule: str, seed: int, cuts: list[int]) -> None:
    entity, scores = stream(seed)
    whole, parts = made(rule), made(rule)
    edges = [0, *sorted(cuts), len(scores)]
    together = [
        parts.advance(entity[start:stop], scores[start:stop]) for start, stop in pairwise(edges)
    ]
    assert np.concatenate(together).tolist() == whole.advance(entity, scores).tolist()


@every_rule
@settings(max_examples=15, deadline=None)
@given(seed=seeds, at=st.integers(0, 599))
def test_a_threshold_rests_on_earlier_scores_alone(rule: str, seed: int, at: int) -> None:
    entity, scores = stream(seed)
    other = scores.copy()
    other[at:] = np.random.default_rng(seed + 1).gamma(9.0, 2.0, len(scores) - at)
    before, after = made(rule).advance(entity, scores), made(rule).advance(entity, other)
    assert before[: at + 1].tolist() == after[: at + 1].tolist()


@every_rule
@settings(max_examples=10, deadline=None)
@given(seed=seeds)
def test_entities_know_nothing_of_each_other(rule: str, seed: int) -> None:
    entity, scores = stream(seed)
    together = made(rule).advance(entity, scores)
    for one in range(ENTITIES):
        of_one = entity == one
        alone = made(rule).advance(entity[of_one], scores[of_one])
        assert together[of_one].tolist() == alone.tolist()


@every_rule
def test_a_reading_without_a_score_is_as_if_it_had_not_come(rule: str) -> None:
    entity, scores = stream(5)
    there = ~np.isnan(scores)
    assert made(rule).advance(entity, scores)[there].tolist() == (
        made(rule).advance(entity[there], scores[there]).tolist()
    )


@every_rule
def test_the_state_is_all_there_is(rule: str) -> None:
    entity, scores = stream(6)
    first, second = made(rule), made(rule)
    first.advance(entity[:300], scores[:300])
    second.restore(first.arrays(ENTITIES))
    assert second.advance(entity[300:], scores[300:]).tolist() == (
        first.advance(entity[300:], scores[300:]).tolist()
    )


@every_rule
def test_growing_keeps_and_forgetting_begins_anew(rule: str) -> None:
    entity, scores = stream(7)
    kept, fresh = made(rule), made(rule)
    kept.advance(entity, scores)
    before, start = kept.arrays(ENTITIES), fresh.arrays(ENTITIES)
    kept.grow(ENTITIES + 5)
    for name, array in kept.arrays(ENTITIES).items():
        assert array.tolist() == before[name].tolist()
    kept.forget(np.array([1, ENTITIES], np.int32))
    for name, array in kept.arrays(ENTITIES + 5).items():
        assert array[1].tolist() == array[ENTITIES + 4].tolist() == start[name][1].tolist()
        assert array[[0, 2]].tolist() == before[name][[0, 2]].tolist()


@every_rule
@pytest.mark.parametrize(
    "calibration",
    [[2.0], [0.0], [0.0, 1.0], [3.0] * 50, [0.0] * 50, list(range(12)), [0.0] * 999 + [1.0]],
    ids=len,
)
def test_however_poor_the_calibration_a_ratio_can_be_taken(
    rule: str, calibration: list[float]
) -> None:
    entity, scores = stream(8)
    for some in (scores, np.zeros(len(scores)), np.full(len(scores), 1e9)):
        found = made(rule, np.array(calibration, np.float64)).advance(entity, some)
        assert np.isfinite(found).all()
        assert (found >= LEAST_SHARE * 12.0).all()


@every_rule
def test_no_readings_are_no_trouble(rule: str) -> None:
    nothing = made(rule).advance(np.empty(0, np.int32), np.empty(0))
    assert (nothing.shape, nothing.dtype) == ((0,), np.float64)


@every_rule
def test_few_normal_scores_reach_it(rule: str) -> None:
    rng = np.random.default_rng(10)
    entity, scores = np.zeros(20_000, np.int32), rng.gamma(2.0, 1.0, 20_000)
    reached = np.mean(scores >= made(rule, rng.gamma(2.0, 1.0, 5000)).advance(entity, scores))
    assert reached < 0.003


def test_calibrated_is_the_model_s_own_and_quantile_that_of_its_scores() -> None:
    assert made("calibrated").advance(np.zeros(2, np.int32), np.ones(2)).tolist() == [12.0, 12.0]
    rule = make_threshold(ThresholdSettings("quantile", 0.01), 12.0, CALIBRATION)
    [value] = rule.advance(np.zeros(1, np.int32), np.ones(1))
    assert np.mean(value < CALIBRATION) == pytest.approx(0.01, abs=0.002)


def test_the_configuration_names_the_rules_and_has_their_defaults() -> None:
    alert, plain = AlertConfig(), ThresholdSettings()
    assert get_args(ThresholdRule) == RULES
    assert (alert.threshold, alert.exceed_probability, alert.mad_count) == (
        plain.rule, plain.exceed_probability, plain.mad_count,
    )  # fmt: skip
