"""A few windows at once, down to one: each lane is a hidden unit, each row of a tile a window.

Scratch slabs are (slots, S, rows) with the S windows of a tile one after another. Every sum runs in
the order of `windows_in_lanes`, so both give the same bits.
"""

from __future__ import annotations

from sentinel.kernels import plan as col
from sentinel.kernels import shape as of
from sentinel.kernels.cell import lstm_cell
from sentinel.kernels.gates import f_along, g_along, i_along, load_along, o_along, store_along
from sentinel.kernels.jit import lean
from sentinel.kernels.layout import GATES
from sentinel.kernels.tables import row_of
from sentinel.kernels.tiles import Tile, add_product, load_tile, rows_of, store_tile, width_of
from sentinel.kernels.types import Float32Array, TimeArray


@lean
def lstm_layer(
    tile: type[Tile],
    plan: TimeArray,
    layer: int,
    shape: TimeArray,
    packed: Float32Array,
    scratch: Float32Array,
) -> None:
    """All steps of one layer and direction: its outputs into the slots of Y."""
    windows, width = rows_of(tile), width_of(tile)
    of_layer = row_of(plan, layer)
    steps, hidden, inputs = shape[of.STEPS], shape[of.HIDDEN], of_layer[col.INPUTS]
    reverse, repeated = of_layer[col.REVERSE] == 1, of_layer[col.REPEATED] == 1
    x_rows, y_rows = of_layer[col.X_ROWS], of_layer[col.Y_ROWS]
    projected, c = of_layer[col.PROJECTED] * windows, of_layer[col.C] * windows
    back = -y_rows * windows if not reverse else y_rows * windows
    if repeated:
        for column in range(0, shape[of.GATE_ROWS], width):
            acc = load_tile(tile, packed, of_layer[col.BIAS] + column, 0)
            acc = add_product(
                acc, scratch, of_layer[col.X] * windows, x_rows, 1,
                packed, of_layer[col.W_X] + column * inputs, width, inputs,
            )  # fmt: skip
            store_tile(scratch, projected + column, shape[of.GATE_ROWS], acc)
    if not shape[of.CARRIED]:
        for n in range(shape[of.UNIT_ROWS] * windows):
            scratch[c + n] = 0
    for step in range(steps):
        t = steps - 1 - step if reverse else step
        x_now = (of_layer[col.X] + t * x_rows) * windows
        y_now = (of_layer[col.Y] + (t + 1) * y_rows) * windows + of_layer[col.FIRST_ROW]
        for column in range(0, shape[of.GATE_ROWS], width):
            if repeated:
                acc = load_tile(tile, scratch, projected + column, shape[of.GATE_ROWS])
            else:
                acc = load_tile(tile, packed, of_layer[col.BIAS] + column, 0)
            acc = add_product(
                acc, scratch, x_now, x_rows, 1,
                packed, of_layer[col.W_X] + column * inputs, width, 0 if repeated else inputs,
            )  # fmt: skip
            acc = add_product(
                acc, scratch, y_now + back, y_rows, 1,
                packed, of_layer[col.W_H] + column * hidden, width, hidden,
            )  # fmt: skip
            unit = column // GATES
            state = c + unit
            c_now, h = lstm_cell(
                i_along(acc), f_along(acc), g_along(acc), o_along(acc),
                load_along(tile, scratch, state, shape[of.UNIT_ROWS]),
            )  # fmt: skip
            store_along(tile, scratch, state, shape[of.UNIT_ROWS], c_now)
            store_along(tile, scratch, y_now + unit, y_rows, h)


@lean
def copy_latent(shape: TimeArray, windows: int, scratch: Float32Array) -> None:
    """The encoder's final states, forward's then backward's, into the latent slab."""
    hidden, rows = shape[of.HIDDEN], shape[of.OUTPUT_ROWS]
    for direction in range(shape[of.DIRECTIONS]):
        # The backward direction ends at the first reading.
        slot = 1 if direction == 1 else shape[of.STEPS]
        final = (shape[of.OUTPUTS] + slot * rows) * windows + direction * hidden
        for b in range(windows):
            to = shape[of.LATENT] * windows + b * shape[of.LATENT_ROWS] + direction * hidden
            for j in range(hidden):
                scratch[to + j] = scratch[final + b * rows + j]


@lean
def dense_layer(
    tile: type[Tile],
    windows: int,
    shape: TimeArray,
    y: int,
    y_rows: int,
    inputs: int,
    w: int,
    bias: int,
    out: int,
    out_rows: int,
    packed: Float32Array,
    scratch: Float32Array,
) -> None:
    """out_t = w y_t + bias at every step; the rows of a tile are steps and windows alike."""
    for column in range(0, out_rows, width_of(tile)):
        for n in range(0, shape[of.STEPS] * windows, rows_of(tile)):
            acc = load_tile(tile, packed, bias + column, 0)
            acc = add_product(
                acc, scratch, y * windows + n * y_rows, y_rows, 1,
                packed, w + column * inputs, width_of(tile), inputs,
            )  # fmt: skip
            store_tile(scratch, out * windows + n * out_rows + column, out_rows, acc)
