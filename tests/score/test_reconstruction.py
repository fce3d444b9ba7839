"""Scores of windows: each channel's error against its usual one, and shares that sum to 1."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.records import Float32Array
from sentinel.score.reconstruction import (
    ERROR_SCALE_MIN,
    ERROR_SCALE_SHARE,
    WindowScores,
    score_reconstruction,
    shares,
    usual_errors,
)


def some_windows(
    steps: int = 6, channels: int = 3, windows: int = 5, seed: int = 0
) -> tuple[Float32Array, Float32Array, Float32Array]:
    """x, its reconstruction, and a mask with holes; nothing at all of the last window's channel."""
    rng = np.random.default_rng(seed)
    x, x_hat = rng.normal(size=(2, steps, channels, windows)).astype(np.float32)
    mask = (rng.random(x.shape) < 0.8).astype(np.float32)
    mask[:, 0, -1] = 0
    mask[-1, 1:] = 1
    return x * mask, x_hat, mask


def test_the_score_is_the_mean_of_the_channels_errors_over_their_usual_ones() -> None:
    x, x_hat, mask = some_windows()
    error_scale = np.array([0.5, 1.0, 4.0])
    found = score_reconstruction(x, x_hat, mask, error_scale)
    squares = np.where(mask > 0, (x.astype(np.float64) - x_hat) ** 2, np.nan)
    with np.errstate(invalid="ignore"):
        errors = np.nansum(squares, axis=0) / mask.sum(axis=0)
    np.testing.assert_allclose(found.channel_errors, errors, rtol=1e-5)
    np.testing.assert_allclose(
        found.anomaly_score, np.nanmean(errors / error_scale[:, None], axis=0), rtol=1e-5
    )
    np.testing.assert_array_equal(found.expected, x_hat[-1])
    assert np.isnan(found.channel_errors[0, -1])


def test_masked_values_do_not_count() -> None:
    x, x_hat, mask = some_windows()
    other = np.where(mask > 0, x_hat, np.float32(1e6))
    error_scale = np.ones(3)
    np.testing.assert_array_equal(
        score_reconstruction(x, other, mask, error_scale).anomaly_score,
        score_reconstruction(x, x_hat, mask, error_scale).anomaly_score,
    )


def test_a_window_without_any_value_has_no_score() -> None:
    x, x_hat, mask = some_windows()
    mask[:, :, 2] = 0
    score = score_reconstruction(x, x_hat, mask, np.ones(3)).anomaly_score
    assert np.isnan(score).tolist() == [False, False, True, False, False]


def test_concatenated_scores_are_those_of_all_windows_at_once() -> None:
    x, x_hat, mask = some_windows(windows=7)
    whole = score_reconstruction(x, x_hat, mask, np.ones(3))
    parts = [
        score_reconstruction(*(a[:, :, few].copy() for a in (x, x_hat, mask)), np.ones(3))
        for few in (slice(0, 2), slice(2, 3), slice(3, 7))
    ]
    joined = WindowScores.concatenate(parts)
    np.testing.assert_array_equal(joined.anomaly_score, whole.anomaly_score)
    np.testing.assert_array_equal(joined.channel_errors, whole.channel_errors)
    np.testing.assert_array_equal(joined.expected, whole.expected)


def test_usual_errors_are_means_plus_a_share_of_all_channels_mean() -> None:
    errors = np.array([[1, 3, np.nan], [0, 0, 0], [np.nan] * 3], np.float32)
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
    found = shares(np.array(errors, np.float32), error_scale)
    assert (found >= 0).all()
    assert (found[np.isnan(errors)] == 0).all()
    assert found.sum() == pytest.approx(1.0 if np.nansum(errors) > 0 else 0.0)


def test_a_share_is_a_channels_part_of_the_score() -> None:
    np.testing.assert_allclose(
        shares(np.array([6, 1], np.float32), np.array([2.0, 1.0])), [0.75, 0.25]
    )
