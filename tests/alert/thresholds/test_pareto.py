"""The fit finds the highest likelihood, as a search in two dimensions does."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.alert.thresholds.pareto import fit_pareto, tail_quantile
from sentinel.records import FloatArray
from tests.alert.thresholds.plain_rules import pareto_by_search, pareto_likelihood


def drawn(shape: float, scale: float, count: int, seed: int) -> FloatArray:
    share = 1 - np.random.default_rng(seed).random(count)
    return -scale * np.log(share) if shape == 0 else scale / shape * (share**-shape - 1)


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from([-0.4, -0.2, 0.0, 0.1, 0.3, 0.8, 1.5]),
    st.floats(1e-3, 1e3),
    st.integers(10, 200),
    st.integers(0, 10_000),
)
def test_no_search_finds_a_higher_likelihood(
    shape: float, scale: float, count: int, seed: int
) -> None:
    excess = drawn(shape, scale, count, seed)
    fitted = fit_pareto(excess)
    searched = pareto_by_search(excess)
    if searched[0] > -0.9:  # below, the likelihood has no maximum but an end
        assert pareto_likelihood(excess, *fitted) >= pareto_likelihood(excess, *searched) - 1e-6


@pytest.mark.parametrize("shape", [-0.3, -0.1, 0.0, 0.1, 0.25, 0.5, 1.0])
def test_many_excesses_give_back_what_they_were_drawn_from(shape: float) -> None:
    found, scale = fit_pareto(drawn(shape, 2.0, 50_000, seed=1))
    assert found == pytest.approx(shape, abs=0.02)
    assert scale == pytest.approx(2.0, rel=0.03)


@settings(max_examples=40, deadline=None)
@given(st.floats(1e-6, 1e6), st.integers(0, 100))
def test_the_scale_has_the_units_of_the_excesses_and_the_shape_has_none(
    factor: float, seed: int
) -> None:
    excess = drawn(0.2, 1.0, 100, seed)
    shape, scale = fit_pareto(excess)
    assert fit_pareto(excess * factor) == pytest.approx((shape, scale * factor), rel=1e-4, abs=1e-6)


@pytest.mark.parametrize("excess", [[0.7], [0.7, 0.7], [1e-12] * 5])
def test_excesses_without_a_shape_are_exponential(excess: list[float]) -> None:
    assert fit_pareto(np.array(excess)) == (0.0, pytest.approx(excess[0]))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=30))
def test_any_excesses_have_a_finite_fit(excess: list[float]) -> None:
    shape, scale = fit_pareto(np.array(excess))
    assert shape > -1
    assert 0 < scale < math.inf


@pytest.mark.parametrize("shape", [-0.3, 0.0, 0.4])
def test_the_tail_quantile_is_exceeded_by_the_given_share(shape: float) -> None:
    excess = drawn(shape, 2.0, 400_000, seed=2)
    assert np.mean(excess > tail_quantile(shape, 2.0, 0.01)) == pytest.approx(0.01, rel=0.05)
    assert tail_quantile(shape, 2.0, 1.5) == 0.0
