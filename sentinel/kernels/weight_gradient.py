"""Sums over the windows and steps of products of rows: the gradients of weights and biases.

A sum over windows is one over lanes, where windows are in lanes. So one of both factors is turned
over first, its rows into lanes: then a window is a term like any other, and the sums of a tile are
made as all others are.
"""

from __future__ import annotations

import numpy as np

from sentinel.kernels import shape as of
from sentinel.kernels.jit import lean
from sentinel.kernels.layout import GATES
from sentinel.kernels.squares import load_turned
from sentinel.kernels.tiles import (
    Tile,
    add_product,
    lane_count_of,
    load_lanes,
    load_tile,
    rows_of,
    spread,
    store_lanes,
    store_tile,
    width_of,
)
from sentinel.kernels.types import Float32Array, TimeArray


@lean
def gradient_row(row: int, units: int, hidden: int) -> int:
    """Which row of a tensor's gradient a row of a slab is; -1: it is padding.

    units   of a block of gates, which stand gate by gate; 0: the rows are in order
    hidden  H
    """
    if units == 0:
        return row
    unit = row // (GATES * units) * units + row % units
    return row % (GATES * units) // units * hidden + unit if unit < hidden else -1


@lean
def clear_sums(
    tile: type[Tile], left_rows: int, right_rows: int, scratch: Float32Array, sums: int
) -> None:
    """No sums yet, of so many rows by so many: tile by tile from scratch[sums] on."""
    width, high = width_of(tile), rows_of(tile)
    tiles = (left_rows + high - 1) // high * ((right_rows + width - 1) // width)
    for n in range(tiles * high * width):
        scratch[sums + n] = 0


@lean
def _turn(
    tile: type[Tile],
    steps: int,
    right: int,
    right_step: int,
    right_rows: int,
    scratch: Float32Array,
    turned: int,
) -> None:
    """Rows (steps, right_rows, S) into blocks (steps, S, width of a tile), one behind the other."""
    windows, lanes = width_of(tile), lane_count_of(tile)
    for k in range(0, right_rows, lanes):
        block = turned + (k // windows * steps * windows) * windows + k % windows
        for t in range(steps):
            for v in range(0, windows, lanes):
                square = load_turned(
                    tile, scratch, right + t * right_step + k * windows + v, windows
                )
                store_tile(scratch, block + (t * windows + v) * windows, windows, square)


@lean
def add_to_sums(
    tile: type[Tile],
    shape: TimeArray,
    steps: int,
    left: int,
    left_step: int,
    left_rows: int,
    right: int,
    right_step: int,
    right_rows: int,
    scratch: Float32Array,
    sums: int,
) -> None:
    """Add to the sums of left[row] right[k] those over the windows of some steps.

    left, right  rows of each step in the scratch
    """
    windows, high = width_of(tile), rows_of(tile)
    turned = shape[of.TURNED] * windows
    _turn(tile, steps, right, right_step, right_rows, scratch, turned)
    at = sums
    for k in range(0, right_rows, windows):
        # A few steps of these rows stay in the first cache while all rows of the left go by.
        for row in range(0, left_rows, high):
            acc = load_tile(tile, scratch, at, windows)
            for t in range(steps):
                acc = add_product(
                    acc, scratch, left + t * left_step + row * windows, windows, 1,
                    scratch, turned + (k * steps + t * windows) * windows, windows, windows,
                )  # fmt: skip
            store_tile(scratch, at, windows, acc)
            at += high * windows


@lean
def add_weight_gradient(
    tile: type[Tile],
    left_rows: int,
    right_rows: int,
    scratch: Float32Array,
    sums: int,
    gradient: Float32Array,
    to: int,
    units: int,
    hidden: int,
) -> None:
    """gradient[to + row right_rows + k] += the sum of row and k; units, hidden: `gradient_row`."""
    width, high = width_of(tile), rows_of(tile)
    padded = (left_rows + high - 1) // high * high
    for row in range(left_rows):
        place = gradient_row(row, units, hidden)
        if place >= 0:
            for k in range(0, right_rows, width):
                at, start = sums + (k // width * padded + row) * width, to + place * right_rows + k
                for c in range(min(width, right_rows - k)):
                    gradient[start + c] += scratch[at + c]


@lean
def add_bias_gradient(
    tile: type[Tile],
    shape: TimeArray,
    steps: int,
    left: int,
    left_step: int,
    left_rows: int,
    scratch: Float32Array,
    gradient: Float32Array,
    to: int,
    units: int,
    hidden: int,
) -> None:
    """gradient[to + row] += sum over steps and windows of left[row]; as `add_weight_gradient`."""
    windows, lanes = width_of(tile), lane_count_of(tile)
    parts = shape[of.PARTS] * windows
    for row in range(left_rows):
        part = spread(tile, np.float32(0))
        for t in range(steps):
            for v in range(0, windows, lanes):
                part = part + load_lanes(tile, scratch, left + t * left_step + row * windows + v)
        store_lanes(scratch, parts, part)
        place = gradient_row(row, units, hidden)
        if place >= 0:
            for n in range(lanes):
                gradient[to + place] += scratch[parts + n]
