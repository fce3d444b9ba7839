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
        _full_windows_across(tile, shape, rows, places, scratch)
        return
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
) -> None:
    """As `windows_across`, where no step is padding: a window is one stretch of numbers."""
    windows, lanes = width_of(tile), lane_count_of(tile)
    x, mask = shape[of.X] * windows, shape[of.MASK] * windows
    size, everywhere = shape[of.STEPS] * shape[of.CHANNELS], spread(tile, np.float32(1))
    for v in range(0, windows, lanes):
        for n in range(0, size, lanes):
            # The last square holds some of what the one before it did.
            start = n if n + lanes < size else size - lanes
            square = gather_turned(tile, rows, places, v, start)
            store_tile(scratch, x + start * windows + v, windows, square)
            for at in range(start * windows + v, (start + lanes) * windows + v, windows):
                value = load_lanes(tile, scratch, x + at)
                _store_values(value, everywhere, scratch, x + at, mask + at)


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
def window_errors(tile: type[Tile], shape: TimeArray, windows: int, scratch: Float32Array) -> None:
    """Mean squared errors of x_hat over the spans, into the slab `errors` (SPANS, channel_rows).

    NaN where a span holds no value to compare.
    """
    size, lanes = shape[of.CHANNEL_ROWS] * windows, lane_count_of(tile)
    x, mask, x_hat = shape[of.X] * windows, shape[of.MASK] * windows, shape[of.X_HAT] * windows
    errors = shape[of.ERRORS] * windows
    counts = errors + SPANS * size
    quarter, newest = shape[of.STEPS] - (shape[of.STEPS] + 3) // 4, shape[of.STEPS] - 1
    for n in range(errors, counts + SPANS * size, lanes):
        store_lanes(scratch, n, spread(tile, np.float32(0)))
    for t in range(shape[of.STEPS]):
        # Each span holds the next one.
        spans = SPANS if t == newest else QUARTER + 1 if t >= quarter else WHOLE + 1
        for n in range(0, size, lanes):
            at = t * size + n
            present = load_lanes(tile, scratch, mask + at)
            d = load_lanes(tile, scratch, x_hat + at) - load_lanes(tile, scratch, x + at)
            d = d * present
            for span in range(spans):
                _add_lanes(tile, scratch, errors + span * size + n, d * d)
                _add_lanes(tile, scratch, counts + span * size + n, present)
    for n in range(0, SPANS * size, lanes):
        count = load_lanes(tile, scratch, counts + n)
        store_lanes(scratch, errors + n, load_lanes(tile, scratch, errors + n) / count)


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
