"""From the errors of channels to one number for a window."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.kernels.errors import normalised_error


def test_normalised_error_leaves_out_channels_without_a_value() -> None:
    errors = np.array([[2.0, 9.0], [np.nan, 6.0], [np.nan, np.nan]], np.float32)
    out = np.zeros(3)
    normalised_error(errors, np.array([2.0, 3.0]), out)
    np.testing.assert_array_equal(out, [(1.0 + 3.0) / 2, 2.0, np.nan])


@settings(max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(0, 9), st.integers(1, 9))
def test_normalised_error_is_the_mean_of_numpy(seed: int, windows: int, channels: int) -> None:
    rng = np.random.default_rng(seed)
    errors = rng.exponential(size=(windows, channels)).astype(np.float32)
    errors[rng.random(errors.shape) < 0.2] = np.nan
    scale, out = rng.uniform(0.1, 3, channels), np.full(windows, 7.0)
    normalised_error(errors, scale, out)
    for found, row in zip(out, errors / scale, strict=True):
        there = row[~np.isnan(row)]
        np.testing.assert_allclose(found, there.mean() if there.size else np.nan, rtol=1e-12)


def test_an_infinite_error_is_an_infinite_one_of_the_window() -> None:
    out = np.zeros(1)
    normalised_error(np.array([[np.inf, 1.0]], np.float32), np.ones(2), out)
    assert np.isposinf(out[0])
