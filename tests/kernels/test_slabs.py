"""Rows of readings into the slabs of a tile, and the errors out of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba.core.types import Type

from sentinel.kernels import shape as of
from sentinel.kernels.jit import jit
from sentinel.kernels.slabs import (
    NEWEST,
    QUARTER,
    SPANS,
    WHOLE,
    hand_out,
    window_errors,
    windows_across,
    windows_along,
)
from sentinel.kernels.tiles import Tile, rows_of
from tests.kernels.exact import Float32Array, assert_same_bits
from tests.kernels.lane_types import EVERY_LANES, LANES
from tests.kernels.samples import normal, random_windows

CHANNELS, CHANNEL_ROWS = 3, 4
NOT_WRITTEN = 9
Places = np.ndarray


@jit
def across(
    tile: Type, shape: Places, rows: Float32Array, starts: Places, lengths: Places, first: int,
    places: Places, scratch: Float32Array,
) -> bool:  # fmt: skip
    return windows_across(tile, shape, rows, starts, lengths, first, places, scratch)


@jit
def along(
    tile: Type, shape: Places, rows: Float32Array, starts: Places, lengths: Places, first: int,
    scratch: Float32Array,
) -> None:  # fmt: skip
    windows_along(rows_of(tile), shape, rows, starts, lengths, first, scratch)


@jit
def errors_of(
    tile: Type, shape: Places, windows: int, full: bool, f_step: int, b_step: int, first: int,
    scratch: Float32Array, errors: Float32Array, expected: Float32Array,
) -> None:  # fmt: skip
    window_errors(tile, shape, windows, full, scratch)
    hand_out(shape, first, windows, f_step, b_step, scratch, errors, expected)


def shape_of(steps: int, channel_rows: int) -> Places:
    """The slabs one behind the other; a few rows before the first, so that 0 is none's place."""
    shape, size = np.zeros(of.SIZE, np.int64), steps * channel_rows
    shape[of.STEPS], shape[of.CHANNELS], shape[of.CHANNEL_ROWS] = steps, CHANNELS, channel_rows
    shape[of.X], shape[of.MASK], shape[of.X_HAT] = 2, 2 + size, 2 + 2 * size
    shape[of.X_HAT_ROWS] = channel_rows
    shape[of.ERRORS], shape[of.PADDING] = 2 + 3 * size, 2 + 3 * size + 2 * SPANS * channel_rows
    return shape


def scratch_of(shape: Places, windows: int) -> Float32Array:
    return np.zeros((int(shape[of.PADDING]) + 1) * windows, np.float32)


def slab(scratch: Float32Array, shape: Places, name: int, windows: int) -> Float32Array:
    """A slab of T x channel_rows x windows numbers, flat."""
    start, size = int(shape[name]) * windows, int(shape[of.STEPS] * shape[of.CHANNEL_ROWS])
    return scratch[start : start + size * windows]


def loaded(
    kind: str, rows: Float32Array, starts: list[int], lengths: list[int], first: int, steps: int
) -> tuple[Float32Array, Float32Array]:
    """x and mask, (T, F, S) both, of a tile of windows."""
    where = (rows.reshape(-1), np.array(starts, np.int64), np.array(lengths, np.int64), first)
    if kind == "along":
        tile, shape = Tile(LANES["F32X4"], 3, 4), shape_of(steps, CHANNEL_ROWS)
        scratch = scratch_of(shape, 3)
        along(tile, shape, *where, scratch)
        flat = [slab(scratch, shape, name, 3) for name in (of.X, of.MASK)]
        x, mask = (part.reshape(steps, 3, CHANNEL_ROWS).transpose(0, 2, 1) for part in flat)
    else:
        tile, shape = Tile(LANES[kind], 1, 2), shape_of(steps, CHANNELS)
        scratch = scratch_of(shape, tile.width)
        mask = slab(scratch, shape, of.MASK, tile.width)
        mask[:] = NOT_WRITTEN
        if across(tile, shape, *where, np.zeros(tile.width, np.int64), scratch):
            assert np.all(mask == NOT_WRITTEN)
            mask[:] = 1
        flat = [slab(scratch, shape, of.X, tile.width), mask]
        x, mask = (part.reshape(steps, CHANNELS, tile.width) for part in flat)
    assert np.all(x[:, CHANNELS:] == 0)
    return x[:, :CHANNELS], mask[:, :CHANNELS]


KINDS = ["along", *EVERY_LANES]


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60)
@given(data=st.data(), seed=st.integers(0, 1000))
def test_a_window_holds_its_own_rows_and_nothing_of_what_lies_around_them(
    kind: str, data: st.DataObject, seed: int
) -> None:
    """Among infinities, which would leave a trace even where they are masked."""
    rng, count = np.random.default_rng(seed), data.draw(st.integers(1, 40))
    room = np.full((count + 100, CHANNELS), np.inf, np.float32)
    rows = room[50 : 50 + count]
    rows[:] = normal(rng, count, CHANNELS)
    rows[rng.random(rows.shape) < data.draw(st.sampled_from([0, 0.2]))] = np.nan
    steps = data.draw(st.integers(1, 12))
    longest = min(steps, count)
    length = data.draw(st.sampled_from([st.integers(0, longest), st.just(longest)]))
    lengths = data.draw(st.lists(length, min_size=1, max_size=40))
    starts = [data.draw(st.integers(0, count - length)) for length in lengths]
    first = data.draw(st.integers(0, len(starts) - 1))
    x, mask = loaded(kind, rows, starts, lengths, first, steps)
    for lane in range(x.shape[2]):
        expected = np.full((steps, CHANNELS), np.nan, np.float32)
        if first + lane < len(starts):
            start, length = starts[first + lane], lengths[first + lane]
            expected[steps - length :] = rows[start : start + length]
        assert_same_bits(mask[:, :, lane], (~np.isnan(expected)).astype(np.float32))
        np.testing.assert_array_equal(x[:, :, lane], np.nan_to_num(expected))


def masked_means(x: Float32Array, x_hat: Float32Array, mask: Float32Array) -> Float32Array:
    """(SPANS, F, B): means of the squares over the values that are there, of the last readings."""
    steps, found = len(x), np.full((SPANS, *x.shape[1:]), np.nan)
    for span, readings in ((WHOLE, steps), (QUARTER, -(-steps // 4)), (NEWEST, 1)):
        for f, b in np.ndindex(x.shape[1:]):
            there = mask[-readings:, f, b] == 1
            d = x_hat[-readings:, f, b][there].astype(np.float64) - x[-readings:, f, b][there]
            if there.any():
                found[span, f, b] = np.mean(d**2)
    return found


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("lanes_are", ["windows", "units"])
@pytest.mark.parametrize("name", EVERY_LANES)
@pytest.mark.parametrize("steps", [1, 2, 4, 5, 9])
def test_errors_are_means_over_the_values_that_are_there_in_each_span(
    steps: int, name: str, lanes_are: str, full: bool
) -> None:
    """Of full windows the mask says nothing, and is not asked."""
    tile, shape = Tile(LANES[name], 4, 2), shape_of(steps, CHANNEL_ROWS)
    windows = tile.width if lanes_are == "windows" else tile.rows
    x, mask = random_windows(steps, CHANNEL_ROWS, windows, seed=steps, missing=0.4)
    x_hat = normal(np.random.default_rng(1), *x.shape)
    mask[:, 1, 2] = 0  # a channel without a value
    x_hat[0, 0, 1] = np.nan  # and a reconstruction that failed
    mask[0, 0, 1] = 1
    scratch = scratch_of(shape, windows)
    for where, values in ((of.X, x), (of.MASK, mask), (of.X_HAT, x_hat)):
        stored = values if lanes_are == "windows" else values.transpose(0, 2, 1)
        slab(scratch, shape, where, windows)[:] = stored.ravel()
    if full:
        mask[:] = 1
        slab(scratch, shape, of.MASK, windows)[:] = np.nan
    # The last tile of a call: fewer windows are left than it holds.
    first, count = 5, 5 + windows - 1
    errors = np.full((count, SPANS, CHANNELS), 7.0, np.float32)
    expected = np.full((count, CHANNELS), 7.0, np.float32)
    f_step, b_step = (windows, 1) if lanes_are == "windows" else (1, CHANNEL_ROWS)
    errors_of(tile, shape, windows, full, f_step, b_step, first, scratch, errors, expected)
    assert np.all(errors[:first] == 7)
    assert np.all(expected[:first] == 7)
    right = masked_means(x, x_hat, mask)[:, :CHANNELS, :-1].transpose(2, 0, 1)
    np.testing.assert_allclose(errors[first:], right, rtol=1e-6)
    assert full or np.isnan(errors[first + 2, :, 1]).all()
    assert np.isnan(errors[first + 1, WHOLE, 0])
    assert_same_bits(expected[first:], x_hat[-1, :CHANNELS, :-1].T)
