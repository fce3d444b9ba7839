"""Backpropagation through time of `windows_in_lanes`, windows in lanes too.

Gradients are added to one flat vector, laid out as the parameters are; those by states and outputs
stand in slabs beside them. A sum over the windows is a sum over the lanes, taken once for many
steps.
"""

from __future__ import annotations

import numpy as np

from sentinel.kernels import plan as col
from sentinel.kernels import shape as of
from sentinel.kernels.cell import lstm_cell_backward
from sentinel.kernels.gates import load_across, store_across
from sentinel.kernels.jit import lean
from sentinel.kernels.layout import GATES, TRANSPOSED_ROWS
from sentinel.kernels.tables import row_of
from sentinel.kernels.tiles import (
    Tile,
    add_lanes,
    add_product,
    lane_count_of,
    load_tile,
    rows_of,
    store_sums,
    store_tile,
    vectors_of,
    width_of,
    zero_tile,
)
from sentinel.kernels.types import Float32Array, TimeArray

# Steps whose rows stay in the caches while the gradient of a layer's weights is summed over them.
STEPS_PER_SUM = 32
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
    sums   a slab for the sums of some rows
    """
    wide, high = vectors_of(tile), rows_of(tile)
    stride = (right_rows + wide - 1) // wide * wide
    for early in range(0, steps, STEPS_PER_SUM):
        late = min(early + STEPS_PER_SUM, steps)
        for row in range(0, left_rows, high):
            for k in range(0, right_rows, wide):
                acc = zero_tile(tile)
                for t in range(early, late):
                    for v in range(0, windows, lane_count_of(tile)):
                        acc = add_lanes(
                            acc, scratch, left + t * left_step + row * windows + v, windows,
                            scratch, right + t * right_step + k * windows + v, windows,
                        )  # fmt: skip
                store_sums(scratch, sums + k, stride, acc)
            for r in range(min(high, left_rows - row)):
                to = gradient_row(row + r, units, hidden)
                if to >= 0:
                    for k in range(right_rows):
                        gradient[at + to * right_rows + k] += scratch[sums + r * stride + k]


@lean
def add_bias_gradient(
    tile: type[Tile],
    shape: TimeArray,
    windows: int,
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
        tile, windows, shape[of.STEPS], left, left_step, left_rows, ones, 0, 1,
        scratch, shape[of.PRODUCT] * windows, gradient, at, units, hidden,
    )  # fmt: skip


@lean
def add_transposed(
    tile: type[Tile],
    windows: int,
    rows: int,
    packed: Float32Array,
    w: int,
    scratch: Float32Array,
    dz: int,
    dz_rows: int,
    dx: int,
) -> None:
    """Add w' dz to dx for one step; dx rows and dz_rows rows of S windows."""
    for row in range(0, rows, rows_of(tile)):
        block, within = row // TRANSPOSED_ROWS * TRANSPOSED_ROWS, row % TRANSPOSED_ROWS
        acc = load_tile(tile, scratch, dx + row * windows, windows)
        acc = add_product(
            acc, packed, w + block * dz_rows + within, 1, TRANSPOSED_ROWS,
            scratch, dz, windows, dz_rows,
        )  # fmt: skip
        store_tile(scratch, dx + row * windows, windows, acc)


@lean
def lstm_layer_backward(
    tile: type[Tile],
    product_tile: type[Tile],
    plan: TimeArray,
    layer: int,
    shape: TimeArray,
    packed: Float32Array,
    scratch: Float32Array,
    gradient: Float32Array,
) -> None:
    """Gradients of one layer and direction, from that of its outputs (slab DY, used up).

    Adds to the weights' gradients and, where wanted, to the gradient by the inputs (slab DX).
    The pre-activations (slab Z) become their gradients.
    """
    windows, units = width_of(tile), rows_of(tile) // GATES
    of_layer = row_of(plan, layer)
    steps, hidden, inputs = shape[of.STEPS], shape[of.HIDDEN], of_layer[col.INPUTS]
    reverse = of_layer[col.REVERSE] == 1
    first_row, gate_rows = of_layer[col.FIRST_ROW], shape[of.GATE_ROWS]
    y_step, c_step, z_step = (
        of_layer[col.Y_ROWS] * windows,
        shape[of.UNIT_ROWS] * windows,
        shape[of.Z_ROWS] * windows,
    )  # fmt: skip
    back, dc = (1 if reverse else -1), shape[of.DC] * windows
    for n in range(c_step):
        scratch[dc + n] = 0
    for step in range(steps - 1, -1, -1):
        t = steps - 1 - step if reverse else step
        z = of_layer[col.Z] * windows + t * z_step
        dy = (of_layer[col.DY] + first_row) * windows + (t + 1) * y_step
        c_now = of_layer[col.C] * windows + (t + 1) * c_step
        if step < steps - 1:
            add_transposed(
                tile, windows, shape[of.UNIT_ROWS], packed, of_layer[col.W_H_T],
                scratch, z - back * z_step, gate_rows, dy,
            )  # fmt: skip
        for unit in range(0, hidden, units):
            at, gate = unit * windows, z + unit * GATES * windows
            dz_i, dz_f, dz_g, dz_o, dc_before = lstm_cell_backward(
                load_across(tile, scratch, dy + at, windows),
                load_across(tile, scratch, dc + at, windows),
                load_across(tile, scratch, gate, windows),
                load_across(tile, scratch, gate + units * windows, windows),
                load_across(tile, scratch, gate + 2 * units * windows, windows),
                load_across(tile, scratch, gate + 3 * units * windows, windows),
                load_across(tile, scratch, c_now + back * c_step + at, windows),
                load_across(tile, scratch, c_now + at, windows),
            )
            store_across(tile, scratch, gate, windows, dz_i)
            store_across(tile, scratch, gate + units * windows, windows, dz_f)
            store_across(tile, scratch, gate + 2 * units * windows, windows, dz_g)
            store_across(tile, scratch, gate + 3 * units * windows, windows, dz_o)
            store_across(tile, scratch, dc + at, windows, dc_before)
    dz, y_before = (
        of_layer[col.Z] * windows,
        (of_layer[col.Y] + first_row) * windows + (1 + back) * y_step,
    )
    add_weight_gradient(
        product_tile, windows, steps, dz, z_step, gate_rows, y_before, y_step, hidden,
        scratch, shape[of.PRODUCT] * windows, gradient, of_layer[col.G_W_H],
        units, hidden,
    )  # fmt: skip
    add_bias_gradient(
        product_tile, shape, windows, dz, z_step, gate_rows,
        scratch, gradient, of_layer[col.G_BIAS], units, hidden,
    )  # fmt: skip
    summed = steps
    if of_layer[col.REPEATED] == 1:
        # One input for all steps: its gradient is that of the sum over them.
        for t in range(1, steps):
            for n in range(gate_rows * windows):
                scratch[dz + n] += scratch[dz + t * z_step + n]
        summed = 1
    add_weight_gradient(
        product_tile, windows, summed, dz, z_step, gate_rows,
        of_layer[col.X] * windows, of_layer[col.X_ROWS] * windows, inputs,
        scratch, shape[of.PRODUCT] * windows, gradient, of_layer[col.G_W_X],
        units, hidden,
    )  # fmt: skip
    if of_layer[col.DX_ROWS] > 0:
        for t in range(summed):
            add_transposed(
                tile, windows, inputs, packed, of_layer[col.W_X_T],
                scratch, dz + t * z_step, gate_rows,
                (of_layer[col.DX] + t * of_layer[col.DX_ROWS]) * windows,
            )  # fmt: skip


@lean
def dense_layer_backward(
    tile: type[Tile],
    product_tile: type[Tile],
    shape: TimeArray,
    y: int,
    dy: int,
    y_rows: int,
    inputs: int,
    w_t: int,
    out: int,
    g_w: int,
    g_bias: int,
    packed: Float32Array,
    scratch: Float32Array,
    gradient: Float32Array,
) -> None:
    """Gradients of a dense layer from that of its output (slab out); adds to slab dy."""
    windows, out_step = width_of(tile), shape[of.CHANNEL_ROWS] * width_of(tile)
    for t in range(shape[of.STEPS]):
        add_transposed(
            tile, windows, inputs, packed, w_t, scratch, out * windows + t * out_step,
            shape[of.CHANNELS], (dy + t * y_rows) * windows,
        )  # fmt: skip
    add_weight_gradient(
        product_tile, windows, shape[of.STEPS], out * windows, out_step, shape[of.CHANNELS],
        y * windows, y_rows * windows, inputs,
        scratch, shape[of.PRODUCT] * windows, gradient, g_w, 0, 0,
    )  # fmt: skip
    add_bias_gradient(
        product_tile, shape, windows, out * windows, out_step, shape[of.CHANNELS],
        scratch, gradient, g_bias, 0, 0,
    )  # fmt: skip


@lean
def loss_gradient(
    tile: type[Tile],
    shape: TimeArray,
    target: int,
    mask: int,
    out: int,
    steps: int,
    scale: float,
    scratch: Float32Array,
) -> float:
    """Sum of the masked squared errors of a slab; it becomes the gradient of scale times that sum.

    out  (steps, channel_rows): 2 scale (out - target) mask
    """
    windows = width_of(tile)
    size = shape[of.CHANNEL_ROWS] * windows
    twice = np.float32(2 * scale)
    total = 0.0
    for t in range(steps):
        part = np.float32(0)
        for n in range(t * size, (t + 1) * size):
            d = scratch[out * windows + n] - scratch[target * windows + n]
            d *= scratch[mask * windows + n]
            part += d * d
            scratch[out * windows + n] = twice * d
        total += float(part)
    return total
