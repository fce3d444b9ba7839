"""Tail calibration and fusion: surprise by rank, by excess beyond the 90% quantile, levelled."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.records import FloatArray
from sentinel.score.tails import SURPRISE_MAX, TailMap, Tails, fit_tails, fuse
from tests.score.plain_recipe import LN10, plain_fused, plain_scale, plain_surprise

NORMAL = np.random.default_rng(0).gamma(2.0, size=(4000, 1))
TAILS = fit_tails(NORMAL)
U = float(np.quantile(NORMAL, 0.9))
SEEDS = st.integers(0, 2**32 - 1)


def surprise_of(values: FloatArray | list[float], tails: Tails = TAILS, most: float = np.inf):
    column = np.array(values, np.float64)[:, None]
    return TailMap(tails).surprise(column, most)[:, 0]


def test_below_the_quantile_it_is_the_surprise_of_the_rank() -> None:
    values = np.linspace(0, U, 300)
    expected = [plain_surprise(value, NORMAL[:, 0]) for value in values]
    np.testing.assert_allclose(surprise_of(values), expected, atol=0.03)


def test_beyond_the_quantile_it_grows_by_one_with_every_mean_excess() -> None:
    values = U + np.array([0.01, 0.5, 3.0, 40.0, 1e5])
    expected = [plain_surprise(value, NORMAL[:, 0]) for value in values]
    # The notes begin at ln 10, the map at the rank's surprise at u: it has no step there.
    np.testing.assert_allclose(surprise_of(values), expected, atol=4 / len(NORMAL))
    np.testing.assert_allclose(TAILS.scale, plain_scale(NORMAL[:, 0]), rtol=1e-9)


@pytest.mark.parametrize("far", [1e2, 1e6])
def test_a_few_readings_that_were_not_normal_stretch_a_tail_by_a_bounded_factor(far: float) -> None:
    spoilt = np.append(NORMAL, np.full((80, 1), far), axis=0)  # 2 percent
    assert fit_tails(spoilt).scale < 2 * TAILS.scale


@pytest.mark.parametrize(
    "normal",
    [
        np.where(np.arange(1000) % 50 == 0, 8.0, 0.01),  # still, but for rare peaks
        5.0 + 0.01 * np.arange(1000) % 1.0,  # hardly spread, far from 0
        np.append(np.full(950, 5.0), np.full(50, 9.0)),
    ],
)
def test_what_an_excess_counts_for_at_most_where_a_signal_is_hardly_spread(
    normal: FloatArray,
) -> None:
    np.testing.assert_allclose(fit_tails(normal[:, None]).scale, plain_scale(normal), rtol=1e-9)


def test_a_signal_that_hardly_ever_moves_is_not_alarmed_by_its_usual_peaks() -> None:
    rare = np.where(np.arange(1000)[:, None] % 50 == 0, 8.0, 0.01)
    assert surprise_of([8.0], fit_tails(rare))[0] < 20


def test_an_exponential_tail_keeps_nearly_all_of_its_mean_excess() -> None:
    normal = np.random.default_rng(1).exponential(3.0, size=(50_000, 1))
    u = np.quantile(normal, 0.9)
    assert fit_tails(normal).scale == pytest.approx(3.0 + 0.1 * u, rel=0.05)


@pytest.mark.parametrize("rows", [30, 200, 4000])
def test_it_has_no_step_at_the_quantile_and_is_about_ln_10_there(rows: int) -> None:
    tails = fit_tails(NORMAL[:rows])
    u = tails.knots[0, -1]
    below, at, above = surprise_of([u - 1e-9, u, u + 1e-9], tails)
    assert below <= at <= above
    assert above - below < 1e-6
    assert LN10 - 4 / (rows + 1) <= at <= LN10


@settings(max_examples=50, deadline=None)
@given(SEEDS, st.integers(2, 300), st.sampled_from([0.0, 0.1, 1.0]))
def test_a_larger_value_is_never_less_surprising(seed: int, rows: int, grain: float) -> None:
    """Where values are coarse, many are equal."""
    rng = np.random.default_rng(seed)
    normal = rng.gamma(1.0, size=(rows, 1))
    tails = fit_tails(np.round(normal / grain) * grain if grain else normal)
    values = np.sort(
        np.concatenate([[-1.0, 0.0], 4 * rng.random(300), 10 ** rng.uniform(0, 9, 50)])
    )
    for most in (np.inf, SURPRISE_MAX):
        found = surprise_of(values, tails, most)
        assert (np.diff(found) >= 0).all()
        assert (found >= 0).all()
        assert np.isfinite(found).all()


def test_it_levels_off_at_fifty_beyond_the_quantile() -> None:
    values = U + np.array([0.0, 1.0, 10.0, 100.0, 1e3, 1e9, np.inf])
    free, levelled = surprise_of(values), surprise_of(values, most=SURPRISE_MAX)
    at_u = free[0]
    np.testing.assert_allclose(levelled - at_u, 50 * np.tanh((free - at_u) / 50), rtol=1e-9)
    assert levelled[-1] == pytest.approx(at_u + 50)


@settings(max_examples=50, deadline=None)
@given(SEEDS, st.integers(2, 300), st.sampled_from([0.0, 0.1, 1.0]))
def test_a_value_lies_between_the_knots_that_a_search_finds(
    seed: int, rows: int, grain: float
) -> None:
    rng = np.random.default_rng(seed)
    normal = rng.gamma(1.0, size=(rows, 1))
    tails = fit_tails(np.round(normal / grain) * grain if grain else normal)
    knots, surprise = tails.knots[0], tails.surprise
    values = np.concatenate([knots, rng.uniform(knots[0] - 1, knots[-1], 200)])
    low = np.clip(np.searchsorted(knots, values, "right") - 1, 0, len(knots) - 2)
    step = knots[low + 1] - knots[low]
    along = np.divide(values - knots[low], step, out=np.zeros(len(values)), where=step > 0)
    expected = np.maximum(surprise[low] + along * (surprise[low + 1] - surprise[low]), 0)
    np.testing.assert_allclose(surprise_of(values, tails), expected, rtol=1e-12, atol=1e-12)


def test_each_signal_is_measured_by_its_own_tail() -> None:
    normal = np.random.default_rng(1).gamma(2.0, size=(500, 1)) * [[1.0, 0.5, 1e6]]
    tails = fit_tails(normal)
    out = TailMap(tails).surprise(normal)
    np.testing.assert_allclose(out, np.repeat(out[:, :1], 3, axis=1), rtol=1e-6)
    assert np.mean(out >= tails.surprise[-1]) == pytest.approx(0.1, abs=0.01)


def test_a_signal_that_never_moved_is_no_surprise_at_its_value() -> None:
    tails = fit_tails(np.full((100, 1), 2.0))
    at, far = surprise_of([2.0, 20.0], tails, SURPRISE_MAX)
    assert at <= LN10
    assert math.isclose(far, tails.surprise[-1] + 50 * math.tanh(18 / (0.2 + 0.002) / 50))


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_fusion_is_the_fourth_power_mean_and_tells_what_each_stream_adds(seed: int) -> None:
    surprise = np.random.default_rng(seed).exponential(3.0, (30, 8, 4))
    out, weight = np.empty(30), np.empty((30, 8))
    fuse(surprise, out, weight)
    np.testing.assert_allclose(out, plain_fused(surprise), rtol=1e-12)
    np.testing.assert_allclose(weight, (surprise**4).sum(axis=2) ** 0.25, rtol=1e-12)


def test_fusion_of_equal_signals_is_their_value_and_of_none_is_nothing() -> None:
    surprise = np.stack([np.full((8, 4), 7.0), np.zeros((8, 4))])
    out, weight = np.empty(2), np.empty((2, 8))
    fuse(surprise, out, weight)
    np.testing.assert_allclose(out, [7, 0])
