"""The tail threshold: near the true quantile, and without surprises."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.alert.thresholds import TAIL_SHARE, tail_threshold
from sentinel.records import FloatArray


def some_scores(seed: int, count: int = 300) -> FloatArray:
    return np.random.default_rng(seed).gamma(2.0, 1.0, count)


@pytest.mark.parametrize("exceed_probability", [1e-2, 1e-4, 1e-6])
def test_exponential_scores_exceed_it_with_the_given_probability(
    exceed_probability: float,
) -> None:
    scores = np.random.default_rng(0).exponential(3.0, 20_000)
    true_quantile = 3.0 * math.log(1 / exceed_probability)
    assert tail_threshold(scores, exceed_probability) == pytest.approx(true_quantile, rel=0.04)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1000), st.floats(1e-9, 0.09), st.floats(1.01, 100))
def test_a_rarer_exceedance_has_a_higher_threshold(
    seed: int, exceed_probability: float, times: float
) -> None:
    scores = some_scores(seed)
    rarer = tail_threshold(scores, exceed_probability / times)
    assert rarer > tail_threshold(scores, exceed_probability) > np.quantile(scores, 1 - TAIL_SHARE)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1000), st.floats(1e-6, 1e6))
def test_the_threshold_has_the_units_of_the_scores(seed: int, factor: float) -> None:
    scores = some_scores(seed)
    assert tail_threshold(scores * factor, 1e-5) == pytest.approx(
        tail_threshold(scores, 1e-5) * factor
    )


def test_constant_scores_stay_well_below_it() -> None:
    assert tail_threshold(np.full(50, 2.0), 1e-6) == pytest.approx(2.0 + 0.1 * math.log(1e5))


def test_a_single_score_is_enough() -> None:
    assert tail_threshold(np.array([2.0]), 1e-6) > 2.0


def test_scores_that_are_not_there_do_not_count() -> None:
    scores = some_scores(0)
    holed = np.insert(scores, [0, 7, 100], np.nan)
    assert tail_threshold(holed, 1e-6) == tail_threshold(scores, 1e-6)
