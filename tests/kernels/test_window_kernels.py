"""Scaling, and gathering windows out of rows."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.kernels.windows import CLIP, gather, has_value, scale_rows
from tests.kernels.samples import Float32Array, normal


def gathered(
    rows: Float32Array, starts: list[int], lengths: list[int], steps: int
) -> tuple[Float32Array, Float32Array]:
    shape = (steps, rows.shape[1], len(starts))
    x, mask = np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32)
    gather(rows, np.array(starts, np.int64), np.array(lengths, np.int64), x, mask)
    return x, mask


def test_a_short_window_stands_at_the_right_and_is_masked_on_the_left() -> None:
    rows = np.arange(1, 11, dtype=np.float32).reshape(5, 2)
    x, mask = gathered(rows, [0, 3], [4, 2], steps=4)
    assert x[:, :, 0].tolist() == [[1, 2], [3, 4], [5, 6], [7, 8]]
    assert x[:, :, 1].tolist() == [[0, 0], [0, 0], [7, 8], [9, 10]]
    assert mask[:, :, 0].tolist() == [[1, 1]] * 4
    assert mask[:, :, 1].tolist() == [[0, 0], [0, 0], [1, 1], [1, 1]]


def test_a_missing_value_becomes_zero_and_is_masked_by_itself() -> None:
    rows = np.array([[1, np.nan], [np.nan, 4], [5, 6]], np.float32)
    x, mask = gathered(rows, [0], [3], steps=3)
    assert x[:, :, 0].tolist() == [[1, 0], [0, 4], [5, 6]]
    assert mask[:, :, 0].tolist() == [[1, 0], [0, 1], [1, 1]]


@settings(deadline=None)
@given(data=st.data(), seed=st.integers(0, 1000))
def test_any_window_holds_its_rows_and_nothing_else(data: st.DataObject, seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = normal(rng, 40, 3)
    rows[rng.random(rows.shape) < 0.2] = np.nan
    steps = data.draw(st.integers(1, 12))
    lengths = data.draw(st.lists(st.integers(0, steps), min_size=1, max_size=9))
    starts = [data.draw(st.integers(0, 40 - length)) for length in lengths]
    x, mask = gathered(rows, starts, lengths, steps)
    assert set(np.unique(mask)) <= {0.0, 1.0}
    assert np.all(x[mask == 0] == 0)
    for b, (start, length) in enumerate(zip(starts, lengths, strict=True)):
        there = np.where(mask[:, :, b] == 1, x[:, :, b], np.nan)
        padding = np.full((steps - length, 3), np.nan, np.float32)
        expected = np.concatenate([padding, rows[start : start + length]])
        np.testing.assert_array_equal(there, expected)


def test_scaling_clips_what_is_far_off_and_keeps_nan() -> None:
    values = np.array([[1.0, 10.0], [3.0, np.nan], [1e300, -1e300], [np.inf, -np.inf]])
    out = np.empty(values.shape, np.float32)
    scale_rows(values, np.array([1.0, 5.0]), np.array([2.0, 2.5]), out)
    expected = [[0, 2], [1, np.nan], [CLIP, -CLIP], [CLIP, -CLIP]]
    np.testing.assert_array_equal(out, np.array(expected, np.float32))


def test_a_row_has_a_value_unless_all_are_nan() -> None:
    values = np.array([[np.nan, np.nan], [np.nan, 0.0], [1.0, 2.0]])
    assert [has_value(values, n) for n in range(3)] == [False, True, True]
