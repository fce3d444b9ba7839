"""Between the rows of readings and the slabs of a tile of windows: x and mask in, errors out.

A slab is (T, channel_rows) for each of S windows: (T, channel_rows, S) where windows are in lanes,
(T, S, channel_rows) where units are.
"""

from __future__ import annotations

import math

import numpy as np

from sentinel.kernels import shape as of
from sentinel.kernels.jit import lean
from sentinel.kernels.lanes import masked, not_less
from sentinel.kernels.tiles import (
    Tile,
    gather,
    lane_count_of,
    load_lanes,
    spread,
    store_lanes,
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
) -> None:
    """Windows first, first + 1, ... into x and mask (T, channel_rows, S).

    rows     (N F,) scaled; NaN = missing: 0 in x and 0 in mask
    starts   (B,) first row of each window
    lengths  (B,) rows of each window; fewer than T: padded on the left with zeros, masked
    places   (S,) scratch
    """
    windows, channels = width_of(tile), shape[of.CHANNELS]
    x, mask = shape[of.X] * windows, shape[of.MASK] * windows
    paddings = shape[of.PADDING] * windows
    for b in range(windows):
        # A lane without a window reads the first row at every step, and all of it is masked.
        padding, start = shape[of.STEPS], 0
        if first + b < len(starts):
            padding, start = shape[of.STEPS] - lengths[first + b], starts[first + b]
        place, last = start * channels, len(rows) - channels
        places[b] = place if place < last else last
        scratch[paddings + b] = np.float32(padding)
    for t in range(shape[of.STEPS]):
        now = spread(tile, np.float32(t))
        for v in range(0, windows, lane_count_of(tile)):
            inside = not_less(now, load_lanes(tile, scratch, paddings + v))
            for f in range(channels):
                at = (t * shape[of.CHANNEL_ROWS] + f) * windows + v
                value = gather(tile, rows, places, v, f)
                present = not_less(value, value) * inside
                store_lanes(scratch, mask + at, present)
                store_lanes(scratch, x + at, masked(value, present))
        for b in range(windows):
            if np.float32(t) >= scratch[paddings + b]:
                places[b] += channels


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
def window_errors(tile: type[Tile], shape: TimeArray, windows: int, scratch: Float32Array) -> None:
    """Mean squared errors of x_hat over the spans, into the slab `errors` (SPANS, channel_rows).

    NaN where a span holds no value to compare.
    """
    size = shape[of.CHANNEL_ROWS] * windows
    x, mask, x_hat = shape[of.X] * windows, shape[of.MASK] * windows, shape[of.X_HAT] * windows
    quarter = shape[of.STEPS] - (shape[of.STEPS] + 3) // 4
    for n in range(0, size, lane_count_of(tile)):
        whole = spread(tile, np.float32(0))
        whole_count, late, late_count, last, last_count = whole, whole, whole, whole, whole
        for t in range(shape[of.STEPS]):
            at = t * size + n
            last_count = load_lanes(tile, scratch, mask + at)
            d = load_lanes(tile, scratch, x_hat + at) - load_lanes(tile, scratch, x + at)
            d = d * last_count
            last = d * d
            whole = whole + last
            whole_count = whole_count + last_count
            if t >= quarter:
                late = late + last
                late_count = late_count + last_count
        store_lanes(scratch, shape[of.ERRORS] * windows + WHOLE * size + n, whole / whole_count)
        store_lanes(scratch, shape[of.ERRORS] * windows + QUARTER * size + n, late / late_count)
        store_lanes(scratch, shape[of.ERRORS] * windows + NEWEST * size + n, last / last_count)


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
    newest = shape[of.X_HAT] * windows + (shape[of.STEPS] - 1) * size
    left = len(errors) - first
    for b in range(windows if windows < left else left):
        for f in range(shape[of.CHANNELS]):
            at = f * f_step + b * b_step
            expected[first + b, f] = scratch[newest + at]
            for span in range(SPANS):
                errors[first + b, span, f] = scratch[shape[of.ERRORS] * windows + span * size + at]
