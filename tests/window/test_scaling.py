"""Scaling of channels: NumPy's own numbers, from the given rows alone, whatever the chunks."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.records import FloatArray, TimeArray
from sentinel.window import scaling as module
from sentinel.window.scaling import CONSTANT, Scaling, ScalingMethod, fit_scaling, value_range

METHODS: tuple[ScalingMethod, ...] = ("standard", "min-max", "robust")


def by_numpy(values: FloatArray, method: ScalingMethod) -> tuple[FloatArray, FloatArray]:
    if method == "standard":
        return np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    if method == "min-max":
        low, high = np.nanmin(values, axis=0), np.nanmax(values, axis=0)
        return (low + high) / 2, (high - low) / 2
    low, middle, high = np.nanpercentile(values, [25, 50, 75], axis=0)
    return middle, (high - low) / 1.349


def some_values(rows: int = 500, seed: int = 0) -> FloatArray:
    rng = np.random.default_rng(seed)
    values = rng.normal([5.0, -2e4, 0.1], [2.0, 3e3, 0.01], (rows, 3))
    values[rng.random(values.shape) < 0.1] = np.nan
    return values


def every(values: FloatArray) -> TimeArray:
    return np.arange(len(values))


@pytest.mark.parametrize("method", METHODS)
def test_scaling_is_numpys(method: ScalingMethod) -> None:
    values = some_values()
    centre, spread = by_numpy(values, method)
    found = fit_scaling(values, every(values), method)
    np.testing.assert_allclose(found.centre, centre, rtol=1e-12)
    np.testing.assert_allclose(found.spread, spread, rtol=1e-12)
    assert found.method == method


@pytest.mark.parametrize("method", METHODS)
def test_only_the_given_rows_count(method: ScalingMethod) -> None:
    values = some_values()
    rows = np.arange(0, 300, 2)
    before = fit_scaling(values, rows, method)
    others = np.setdiff1d(every(values), rows)
    values[others] = np.random.default_rng(1).normal(1e6, 1e6, (len(others), 3))
    values[others[:20]] = np.nan
    after = fit_scaling(values, rows, method)
    np.testing.assert_array_equal(before.centre, after.centre)
    np.testing.assert_array_equal(before.spread, after.spread)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(METHODS),
    st.integers(1, 40),
    st.floats(-1e9, 1e9),
    st.integers(0, 2**32 - 1),
)
def test_chunking_does_not_matter(
    method: ScalingMethod, chunk_rows: int, offset: float, seed: int
) -> None:
    values = some_values(rows=97, seed=seed) + offset
    whole = fit_scaling(values, every(values), method)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CHUNK_ROWS", chunk_rows)
        chunked = fit_scaling(values, every(values), method)
    np.testing.assert_allclose(chunked.centre, whole.centre, rtol=1e-12)
    np.testing.assert_allclose(chunked.spread, whole.spread, rtol=1e-6)


def test_moments_keep_small_noise_on_a_huge_offset() -> None:
    """The textbook sum of squares would leave nothing of a deviation of 1 on 1e9."""
    noise = np.random.default_rng(0).normal(0.0, 1.0, (200_000, 1))
    mean, deviation = module._moments(noise + 1e9, every(noise))
    assert mean[0] - 1e9 == pytest.approx(noise.mean(), abs=1e-6)
    assert deviation[0] == pytest.approx(noise.std(), rel=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("level", [0.0, 7.25, -1e9])
def test_a_constant_channel_gets_spread_one(method: ScalingMethod, level: float) -> None:
    values = np.full((50, 1), level)
    found = fit_scaling(values, every(values), method)
    assert found.centre[0] == level
    assert found.spread[0] == 1.0
    np.testing.assert_array_equal(found.apply(values), np.zeros((50, 1), np.float32))
    np.testing.assert_array_equal(found.apply(values + 3), np.full((50, 1), 3, np.float32))


@pytest.mark.parametrize("method", METHODS)
def test_what_hardly_moves_is_constant_and_what_moves_a_little_more_is_not(
    method: ScalingMethod,
) -> None:
    level = 1e9
    for reach, is_constant in ((0.5 * CONSTANT * level, True), (2 * CONSTANT * level, False)):
        values = level + reach * np.tile([-1.0, 1.0], 50)[:, None]
        spread = fit_scaling(values, every(values), method).spread[0]
        assert (spread == 1.0) == is_constant


@pytest.mark.parametrize("method", METHODS)
def test_a_channel_without_any_value_gets_centre_zero_and_spread_one(
    method: ScalingMethod,
) -> None:
    values = some_values()
    values[:, 1] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = fit_scaling(values, every(values), method)
    assert (found.centre[1], found.spread[1]) == (0.0, 1.0)
    rest = fit_scaling(values[:, [0, 2]], every(values), method)
    np.testing.assert_array_equal(found.centre[[0, 2]], rest.centre)
    assert np.isnan(found.apply(values)[:, 1]).all()


@pytest.mark.parametrize("method", METHODS)
def test_a_single_row_is_constant(method: ScalingMethod) -> None:
    found = fit_scaling(np.array([[3.0, np.nan]]), np.array([0]), method)
    np.testing.assert_array_equal(found.centre, [3.0, 0.0])
    np.testing.assert_array_equal(found.spread, [1.0, 1.0])


def test_robust_samples_long_histories_evenly() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SAMPLE_VALUES_MAX", 300)
        values = np.arange(10_000.0)[:, None]
        found = fit_scaling(values, every(values), "robust")
    assert found.centre[0] == pytest.approx(5_000, rel=0.02)
    assert found.spread[0] == pytest.approx(5_000 / 1.349, rel=0.02)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-5, 5, width=32), min_size=3, max_size=3))
def test_invert_undoes_apply(scaled: list[float]) -> None:
    scaling = Scaling("standard", np.array([5.0, -2e4, 0.1]), np.array([2.0, 3e3, 0.01]))
    row = np.array([scaled], np.float32)
    np.testing.assert_allclose(scaling.apply(scaling.invert(row)), row, rtol=1e-5, atol=1e-5)


def test_far_values_are_clipped_and_missing_ones_stay_missing() -> None:
    scaling = Scaling("standard", np.zeros(1), np.ones(1))
    raw = np.array([[1e300], [-1e300], [np.nan], [9.5]])
    np.testing.assert_array_equal(
        scaling.apply(raw), np.array([[10.0], [-10.0], [np.nan], [9.5]], np.float32)
    )


def test_the_range_of_a_channel_is_of_the_given_rows_and_of_none_where_it_has_no_value() -> None:
    values = np.array([[1.0, np.nan], [5.0, np.nan], [np.nan, np.nan], [-3.0, 2.0]])
    found = value_range(values, np.array([0, 1, 2]))
    assert (found.lowest[0], found.highest[0]) == (1.0, 5.0)
    assert np.isnan([found.lowest[1], found.highest[1]]).all()
    assert found.constant().tolist() == [False, True]
