"""Scores of windows: each channel's error against its usual one, and shares that sum to 1."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.score.reconstruction import (
    ERROR_SCALE_MIN,
    ERROR_SCALE_SHARE,
    score_errors,
    shares,
    usual_errors,
)


def test_the_score_is_the_mean_of_the_channels_errors_over_their_usual_ones() -> None:
    rng = np.random.default_rng(0)
    errors = rng.exponential(size=(5, 3)).astype(np.float32)
    expected = rng.normal(size=(5, 3)).astype(np.float32)
    errors[4, 0] = np.nan
    error_scale = np.array([0.5, 1.0, 4.0])
    found = score_errors(errors, expected, error_scale)
    assert found.anomaly_score.dtype == np.float64
    right = np.nanmean(errors.astype(np.float64) / error_scale, axis=1)
    np.testing.assert_allclose(found.anomaly_score, right, rtol=1e-12)
    np.testing.assert_array_equal(found.channel_errors, errors)
    np.testing.assert_array_equal(found.expected, expected)


def test_a_window_without_any_value_has_no_score() -> None:
    errors = np.ones((5, 3), np.float32)
    errors[2] = np.nan
    score = score_errors(errors, errors, np.ones(3)).anomaly_score
    assert np.isnan(score).tolist() == [False, False, True, False, False]


def test_no_windows_have_no_scores() -> None:
    nothing = np.zeros((0, 3), np.float32)
    assert score_errors(nothing, nothing, np.ones(3)).anomaly_score.shape == (0,)


def test_usual_errors_are_means_plus_a_share_of_all_channels_mean() -> None:
    errors = np.array([[1, 0, np.nan], [3, 0, np.nan], [np.nan, 0, np.nan]], np.float32)
    mean = np.array([2.0, 0.0, 0.0])
    expected = mean + ERROR_SCALE_SHARE * mean.mean() + ERROR_SCALE_MIN
    np.testing.assert_allclose(usual_errors(errors), expected)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.floats(0, 1e6, width=32) | st.just(float("nan")), min_size=1, max_size=8),
    st.integers(0, 2**32 - 1),
)
def test_shares_sum_to_one(errors: list[float], seed: int) -> None:
    error_scale = np.random.default_rng(seed).uniform(1e-4, 10, len(errors))
    [found] = shares(np.array([errors], np.float32), error_scale)
    assert (found >= 0).all()
    assert (found[np.isnan(errors)] == 0).all()
    assert found.sum() == pytest.approx(1.0 if np.nansum(errors) > 0 else 0.0)


def test_a_share_is_a_channels_part_of_the_score() -> None:
    errors = np.array([[6, 1], [0, 5]], np.float32)
    found = shares(errors, np.array([2.0, 1.0]))
    np.testing.assert_allclose(found, [[0.75, 0.25], [0, 1]])
