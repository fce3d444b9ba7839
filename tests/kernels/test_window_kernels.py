"""Rows of readings: scaled, and their values counted."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.kernels.windows import CLIP, count_values, has_value, scale_rows
from tests.kernels.samples import normal


@settings(deadline=None)
@given(data=st.data(), seed=st.integers(0, 1000))
def test_the_values_of_every_channel_of_a_window_are_counted(
    data: st.DataObject, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    rows = normal(rng, 40, 3)
    rows[rng.random(rows.shape) < 0.3] = np.nan
    lengths = data.draw(st.lists(st.integers(0, 12), max_size=9))
    starts = [data.draw(st.integers(0, 40 - length)) for length in lengths]
    counts = np.ones((len(starts), 3), np.int64)  # it adds to what is there
    count_values(rows.reshape(-1), np.array(starts, np.int64), np.array(lengths, np.int64), counts)
    for start, length, count in zip(starts, lengths, counts, strict=True):
        there = ~np.isnan(rows[start : start + length])
        assert count.tolist() == (1 + there.sum(axis=0)).tolist()


def test_scaling_clips_what_is_far_off_and_keeps_nan() -> None:
    values = np.array([[1.0, 10.0], [3.0, np.nan], [1e300, -1e300], [np.inf, -np.inf]])
    out = np.empty(values.shape, np.float32)
    scale_rows(values, np.array([1.0, 5.0]), np.array([2.0, 2.5]), out)
    expected = [[0, 2], [1, np.nan], [CLIP, -CLIP], [CLIP, -CLIP]]
    np.testing.assert_array_equal(out, np.array(expected, np.float32))


def test_a_row_has_a_value_unless_all_are_nan() -> None:
    values = np.array([[np.nan, np.nan], [np.nan, 0.0], [1.0, 2.0]])
    assert [has_value(values, n) for n in range(3)] == [False, True, True]
