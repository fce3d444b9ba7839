"""Between the rows of readings and the slabs of a tile of windows: x and mask in, errors out.

A slab is (T, channel_rows) for each of S windows: (T, channel_rows, S) where windows are in lanes,
(T, S, channel_rows) where units are.
"""

from __future__ import annotations

import math

import numpy as np

from sentinel.kernels import shape as of
from sentinel.kernels.jit import lean
from sentinel.kernels.lanes import Lanes, masked, not_less
from sentinel.kernels.squares import gather_turned
from sentinel.kernels.tiles import (
    Tile,
    gather,
    lane_count_of,
    load_lanes,
    spread,
    store_lanes,
    store_tile,
    width_of,
)  # fmt: skip
from sentinel.kernels.types import Float32Array, TimeArray

# What `window_errors` gives of each channel: its mean squared error over these last readings.
WHOLE, QUARTER, NEWEST = 0, 1, 2
SPANS = 3


@lean
def windows_across(
    tile: type[Tile],
    shape: TimeArray,
    rows: Float32Array,
    starts: TimeArray,
    lengths: TimeArray,
    first: int,
    places: TimeArray,
    scratch: Float32Array,
) -> bool:
    """Windows first, first + 1, ... into x and mask (T, channel_rows, S).

    True: no value is missing, and the mask, which is 1 everywhere, is not written.

    rows     (N F,) scaled; NaN = missing: 0 in x and 0 in mask
    starts   (B,) first row of each window
    lengths  (B,) rows of each window; fewer than T: padded on the left with zeros, masked
    places   (S,) scratch
    """
    windows, channels = width_of(tile), shape[of.CHANNELS]
    x, mask = shape[of.X] * windows, shape[of.MASK] * windows
    paddings = shape[of.PADDING] * windows
    full = shape[of.STEPS] * channels >= lane_count_of(tile) and channels == shape[of.CHANNEL_ROWS]
    for b in range(windows):
        # A lane without a window reads the first row at every step, and all of it is masked.
        padding, start = shape[of.STEPS], 0
        if first + b < len(starts):
            padding, start = shape[of.STEPS] - lengths[first + b], starts[first + b]
        place, last = start * channels, len(rows) - channels
        places[b] = place if place < last else last
        scratch[paddings + b] = np.float32(padding)
        full = full and padding == 0
    if full:
        there = _full_windows_across(tile, shape, rows, places, scratch)
        if not there:
            _mask_missing(tile, shape, scratch)
        return there
    for t in range(shape[of.STEPS]):
        now = spread(tile, np.float32(t))
        for v in range(0, windows, lane_count_of(tile)):
            inside = not_less(now, load_lanes(tile, scratch, paddings + v))
            for f in range(channels):
                at = (t * shape[of.CHANNEL_ROWS] + f) * windows + v
                _store_values(gather(tile, rows, places, v, f), inside, scratch, x + at, mask + at)
        for b in range(windows):
            if np.float32(t) >= scratch[paddings + b]:
                places[b] += channels
    return False


@lean
def _mask_missing(tile: type[Tile], shape: TimeArray, scratch: Float32Array) -> None:
    """The mask of windows that are in x already, and 0 there for what is missing."""
    windows, lanes = width_of(tile), lane_count_of(tile)
    x, mask = shape[of.X] * windows, shape[of.MASK] * windows
    inside = spread(tile, np.float32(1))
    for n in range(0, shape[of.STEPS] * shape[of.CHANNELS] * windows, lanes):
        _store_values(load_lanes(tile, scratch, x + n), inside, scratch, x + n, mask + n)


@lean
def fill_mask(shape: TimeArray, windows: int, scratch: Float32Array) -> None:
    """The mask that `windows_across` left out: 1 everywhere."""
    mask = shape[of.MASK] * windows
    for n in range(mask, mask + shape[of.STEPS] * shape[of.CHANNEL_ROWS] * windows):
        scratch[n] = np.float32(1)


@lean
def _store_values(value: Lanes, inside: Lanes, scratch: Float32Array, x: int, mask: int) -> None:
    present = not_less(value, value) * inside
    store_lanes(scratch, mask, present)
    store_lanes(scratch, x, masked(value, present))


@lean
def _full_windows_across(
    tile: type[Tile],
    shape: TimeArray,
    rows: Float32Array,
    places: TimeArray,
    scratch: Float32Array,
) -> bool:
    """Windows without padding, into x alone: each is one stretch of numbers. Are they all there?"""
    windows, lanes = width_of(tile), lane_count_of(tile)
    x, size = shape[of.X] * windows, shape[of.STEPS] * shape[of.CHANNELS]
    # The slab of the errors is free until `begin_errors`.
    total, totals = spread(tile, np.float32(0)), shape[of.ERRORS] * windows
    for v in range(0, windows, lanes):
        for n in range(0, size, lanes):
            # The last square holds some of what the one before it did.
            start = n if n + lanes < size else size - lanes
            square = gather_turned(tile, rows, places, v, start)
            store_tile(scratch, x + start * windows + v, windows, square)
            for at in range(start * windows + v, (start + lanes) * windows + v, windows):
                total = total + load_lanes(tile, scratch, x + at)
    # One that is NaN makes the sum NaN.
    store_lanes(scratch, totals, total)
    there = True
    for n in range(totals, totals + lanes):
        there = there and not math.isnan(scratch[n])
    return there


@lean
def windows_along(
    windows: int,
    shape: TimeArray,
    rows: Float32Array,
    starts: TimeArray,
    lengths: TimeArray,
    first: int,
    scratch: Float32Array,
) -> None:
    """As `windows_across`, for so many windows, into x and mask (T, S, channel_rows)."""
    channels = shape[of.CHANNELS]
    for b in range(windows):
        present = first + b < len(starts)
        padding = shape[of.STEPS] - lengths[first + b] if present else shape[of.STEPS]
        for t in range(shape[of.STEPS]):
            at = (t * windows + b) * shape[of.CHANNEL_ROWS]
            place = (starts[first + b] + t - padding) * channels if t >= padding else 0
            for f in range(channels):
                value, mask = rows[place + f], np.float32(1)
                if t < padding or math.isnan(value):
                    value, mask = np.float32(0), np.float32(0)
                scratch[shape[of.MASK] * windows + at + f] = mask
                scratch[shape[of.X] * windows + at + f] = value


@lean
def _add_lanes(tile: type[Tile], scratch: Float32Array, at: int, value: Lanes) -> None:
    store_lanes(scratch, at, load_lanes(tile, scratch, at) + value)


@lean
def _readings_of(shape: TimeArray, span: int) -> int:
    steps: int = shape[of.STEPS]
    if span == NEWEST:
        return 1
    return (steps + 3) // 4 if span == QUARTER else steps


@lean
def begin_errors(
    tile: type[Tile], shape: TimeArray, windows: int, full: bool, scratch: Float32Array
) -> None:
    """Before `add_errors` of the first step: no square yet.

    full  no value is missing: the numbers of values are known, and the mask need not be written
    """
    size, lanes = shape[of.CHANNEL_ROWS] * windows, lane_count_of(tile)
    errors = shape[of.ERRORS] * windows
    counts = errors + SPANS * size
    for span in range(SPANS):
        count = _readings_of(shape, span) if full else 0
        for n in range(span * size, (span + 1) * size, lanes):
            store_lanes(scratch, errors + n, spread(tile, np.float32(0)))
            store_lanes(scratch, counts + n, spread(tile, np.float32(count)))


@lean
def add_errors(
    tile: type[Tile], shape: TimeArray, windows: int, full: bool, t: int, scratch: Float32Array
) -> None:
    """The squared errors of x_hat at step t, to the sums of the spans that hold it."""
    size, lanes = shape[of.CHANNEL_ROWS] * windows, lane_count_of(tile)
    x, mask = shape[of.X] * windows + t * size, shape[of.MASK] * windows + t * size
    x_hat = (shape[of.X_HAT] + t * shape[of.X_HAT_ROWS]) * windows
    errors = shape[of.ERRORS] * windows
    counts = errors + SPANS * size
    # Each span holds the next one.
    spans = 1
    while spans < SPANS and shape[of.STEPS] - t <= _readings_of(shape, spans):
        spans += 1
    for n in range(0, size, lanes):
        d = load_lanes(tile, scratch, x_hat + n) - load_lanes(tile, scratch, x + n)
        if not full:
            present = load_lanes(tile, scratch, mask + n)
            d = d * present
            for span in range(spans):
                _add_lanes(tile, scratch, counts + span * size + n, present)
        for span in range(spans):
            _add_lanes(tile, scratch, errors + span * size + n, d * d)


@lean
def end_errors(tile: type[Tile], shape: TimeArray, windows: int, scratch: Float32Array) -> None:
    """Means of the sums, in the slab `errors` (SPANS, channel_rows); NaN of no value to compare."""
    size, lanes = SPANS * shape[of.CHANNEL_ROWS] * windows, lane_count_of(tile)
    errors = shape[of.ERRORS] * windows
    for n in range(errors, errors + size, lanes):
        total, count = load_lanes(tile, scratch, n), load_lanes(tile, scratch, n + size)
        store_lanes(scratch, n, total / count)


@lean
def window_errors(
    tile: type[Tile], shape: TimeArray, windows: int, full: bool, scratch: Float32Array
) -> None:
    """Mean squared errors of x_hat over the spans, where all steps of it are there."""
    begin_errors(tile, shape, windows, full, scratch)
    for t in range(shape[of.STEPS]):
        add_errors(tile, shape, windows, full, t, scratch)
    end_errors(tile, shape, windows, scratch)


@lean
def hand_out(
    shape: TimeArray,
    first: int,
    windows: int,
    f_step: int,
    b_step: int,
    scratch: Float32Array,
    errors: Float32Array,
    expected: Float32Array,
) -> None:
    """What was found of these windows, to the caller: errors (B, SPANS, F), expected (B, F).

    expected  the newest reading as rebuilt
    """
    size = shape[of.CHANNEL_ROWS] * windows
    newest = (shape[of.X_HAT] + (shape[of.STEPS] - 1) * shape[of.X_HAT_ROWS]) * windows
    left = len(errors) - first
    for b in range(windows if windows < left else left):
        for f in range(shape[of.CHANNELS]):
            at = f * f_step + b * b_step
            expected[first + b, f] = scratch[newest + at]
            for span in range(SPANS):
                errors[first + b, span, f] = scratch[shape[of.ERRORS] * windows + span * size + at]
