"""Sums over the windows and steps of products of rows: the gradients of weights and biases.

A sum over the windows is a sum over the lanes, taken once for many steps.
"""

from __future__ import annotations

from sentinel.kernels import shape as of
from sentinel.kernels.jit import lean
from sentinel.kernels.layout import GATES
from sentinel.kernels.tiles import (
    Tile,
    add_lanes,
    lane_count_of,
    rows_of,
    store_sums,
    vectors_of,
    zero_tile,
)
from sentinel.kernels.types import Float32Array, TimeArray

# Rows of the left that stay in the second cache while all of the right go by, some in the first.
ROWS_AT_ONCE = 64
# At least as many as a product's tile has columns.
ROWS_OF_ONES = 8


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
def add_weight_gradient(
    tile: type[Tile],
    windows: int,
    steps: int,
    left: int,
    left_step: int,
    left_rows: int,
    right: int,
    right_step: int,
    right_rows: int,
    scratch: Float32Array,
    sums: int,
    gradient: Float32Array,
    at: int,
    units: int,
    hidden: int,
) -> None:
    """gradient[at + row right_rows + k] += sum over steps and windows of left[row] right[k].

    left   rows of each step in the scratch; units, hidden: as of `gradient_row`
    right  the other rows of each step
    sums   a slab for the sums of a tile
    """
    wide, high = vectors_of(tile), rows_of(tile)
    for some in range(0, left_rows, ROWS_AT_ONCE):
        for k in range(0, right_rows, wide):
            for row in range(some, min(some + ROWS_AT_ONCE, left_rows), high):
                acc = zero_tile(tile)
                for t in range(steps):
                    for v in range(0, windows, lane_count_of(tile)):
                        acc = add_lanes(
                            acc, scratch, left + t * left_step + row * windows + v, windows,
                            scratch, right + t * right_step + k * windows + v, windows,
                        )  # fmt: skip
                store_sums(scratch, sums, wide, acc)
                for r in range(min(high, left_rows - row)):
                    to = gradient_row(row + r, units, hidden)
                    if to >= 0:
                        for c in range(min(wide, right_rows - k)):
                            gradient[at + to * right_rows + k + c] += scratch[sums + r * wide + c]


@lean
def add_bias_gradient(
    tile: type[Tile],
    shape: TimeArray,
    windows: int,
    steps: int,
    left: int,
    left_step: int,
    left_rows: int,
    scratch: Float32Array,
    gradient: Float32Array,
    at: int,
    units: int,
    hidden: int,
) -> None:
    """gradient[at + row] += sum over steps and windows of left[row]; as `add_weight_gradient`."""
    # A bias is the weight of an input that is always 1.
    ones = shape[of.ONES] * windows
    for n in range(ROWS_OF_ONES * windows):
        scratch[ones + n] = 1
    add_weight_gradient(
        tile, windows, steps, left, left_step, left_rows, ones, 0, 1,
        scratch, shape[of.PRODUCT] * windows, gradient, at, units, hidden,
    )  # fmt: skip
