"""Many windows at once: each lane is a window, each tile of registers a few gates of all of them.

Scratch slabs are (slots, rows, S) with S windows beside each other.
"""

from __future__ import annotations

from sentinel.kernels import plan as col
from sentinel.kernels import shape as of
from sentinel.kernels.cell import lstm_output, lstm_state
from sentinel.kernels.gates import f_across, g_across, i_across, load_across, o_across, store_across
from sentinel.kernels.jit import lean
from sentinel.kernels.layout import CHANNELS_PER_BLOCK, GATES
from sentinel.kernels.tables import row_of
from sentinel.kernels.tiles import (
    Tile,
    add_product,
    load_tile,
    rows_from,
    rows_of,
    store_tile,
    width_of,
)
from sentinel.kernels.types import Float32Array, TimeArray


@lean
def begin_layer(
    tile: type[Tile],
    plan: TimeArray,
    layer: int,
    shape: TimeArray,
    packed: Float32Array,
    scratch: Float32Array,
) -> None:
    """What comes before the first step of a layer: the products of a repeated input, no state."""
    windows, rows = width_of(tile), rows_of(tile)
    of_layer = row_of(plan, layer)
    if of_layer[col.REPEATED] == 1:
        for row in range(0, shape[of.GATE_ROWS], rows):
            acc = rows_from(tile, packed, of_layer[col.BIAS] + row)
            acc = add_product(
                acc, packed, of_layer[col.W_X] + row * of_layer[col.INPUTS], 1, rows,
                scratch, of_layer[col.X] * windows, windows, of_layer[col.INPUTS],
            )  # fmt: skip
            store_tile(scratch, (of_layer[col.PROJECTED] + row) * windows, windows, acc)
    if not shape[of.KEPT] and not shape[of.CARRIED]:
        before = shape[of.STEPS] + 1 if of_layer[col.REVERSE] == 1 else 0
        y = of_layer[col.Y] + of_layer[col.FIRST_ROW]
        y += (before & of_layer[col.Y_SLOTS]) * of_layer[col.Y_ROWS]
        for n in range(shape[of.UNIT_ROWS] * windows):
            scratch[of_layer[col.C] * windows + n] = 0
            scratch[y * windows + n] = 0


@lean
def lstm_step(
    tile: type[Tile],
    plan: TimeArray,
    layer: int,
    shape: TimeArray,
    step: int,
    packed: Float32Array,
    scratch: Float32Array,
) -> None:
    """One step of a layer and direction, its outputs into their slot of Y.

    step  0, 1, ... in the order of the direction
    """
    windows, rows = width_of(tile), rows_of(tile)
    of_layer = row_of(plan, layer)
    hidden, inputs, slots = shape[of.HIDDEN], of_layer[col.INPUTS], of_layer[col.Y_SLOTS]
    reverse, repeated = of_layer[col.REVERSE] == 1, of_layer[col.REPEATED] == 1
    y, y_step = of_layer[col.Y] + of_layer[col.FIRST_ROW], of_layer[col.Y_ROWS]
    c_step = shape[of.UNIT_ROWS] * windows if shape[of.KEPT] else 0
    z_step = shape[of.Z_ROWS] * windows if shape[of.KEPT] else 0
    back = 1 if reverse else -1
    t = shape[of.STEPS] - 1 - step if reverse else step
    y_now = (y + ((t + 1) & slots) * y_step) * windows
    y_before = (y + ((t + 1 + back) & slots) * y_step) * windows
    c_now = of_layer[col.C] * windows + (t + 1) * c_step
    x_now = (of_layer[col.X] + t * of_layer[col.X_ROWS]) * windows
    for row in range(0, shape[of.GATE_ROWS], rows):
        if repeated:
            acc = load_tile(tile, scratch, (of_layer[col.PROJECTED] + row) * windows, windows)
        else:
            acc = rows_from(tile, packed, of_layer[col.BIAS] + row)
        acc = add_product(
            acc, packed, of_layer[col.W_X] + row * inputs, 1, rows,
            scratch, x_now, windows, 0 if repeated else inputs,
        )  # fmt: skip
        acc = add_product(
            acc, packed, of_layer[col.W_H] + row * hidden, 1, rows,
            scratch, y_before, windows, hidden,
        )  # fmt: skip
        if shape[of.KEPT]:
            z = of_layer[col.Z] * windows + t * z_step + row * windows
            store_tile(scratch, z, windows, acc)
        at = row // GATES * windows
        c = lstm_state(
            i_across(acc), f_across(acc), g_across(acc),
            load_across(tile, scratch, c_now + back * c_step + at, windows),
        )  # fmt: skip
        store_across(tile, scratch, c_now + at, windows, c)
        store_across(tile, scratch, y_now + at, windows, o_across(acc))
    # In a loop of its own: the long way from a state to an output would hold up the next sums.
    for row in range(0, shape[of.GATE_ROWS], rows):
        at = row // GATES * windows
        h = lstm_output(
            load_across(tile, scratch, c_now + at, windows),
            load_across(tile, scratch, y_now + at, windows),
        )
        store_across(tile, scratch, y_now + at, windows, h)


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
    begin_layer(tile, plan, layer, shape, packed, scratch)
    for step in range(shape[of.STEPS]):
        lstm_step(tile, plan, layer, shape, step, packed, scratch)


@lean
def copy_latent(plan: TimeArray, shape: TimeArray, windows: int, scratch: Float32Array) -> None:
    """The encoder's final states, forward's then backward's, into the latent slab."""
    size = shape[of.HIDDEN] * windows
    step = shape[of.OUTPUT_ROWS] * windows
    slots = row_of(plan, shape[of.ENCODER_LAYERS] - 1)[col.Y_SLOTS]
    for direction in range(shape[of.DIRECTIONS]):
        # The backward direction ends at the first reading.
        slot = (1 if direction == 1 else shape[of.STEPS]) & slots
        final = shape[of.OUTPUTS] * windows + slot * step + direction * size
        for n in range(size):
            scratch[shape[of.LATENT] * windows + direction * size + n] = scratch[final + n]


@lean
def dense_step(
    tile: type[Tile],
    y: int,
    inputs: int,
    w: int,
    bias: int,
    out: int,
    out_rows: int,
    packed: Float32Array,
    scratch: Float32Array,
) -> None:
    """Rows out, out + 1, ... = w y + bias, of one step."""
    windows = width_of(tile)
    for row in range(0, out_rows, CHANNELS_PER_BLOCK):
        acc = rows_from(tile, packed, bias + row)
        acc = add_product(
            acc, packed, w + row * inputs, 1, CHANNELS_PER_BLOCK,
            scratch, y * windows, windows, inputs,
        )  # fmt: skip
        store_tile(scratch, (out + row) * windows, windows, acc)


@lean
def dense_layer(
    tile: type[Tile],
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
    """out_t = w y_t + bias at every step; out (T, out_rows)."""
    for t in range(shape[of.STEPS]):
        dense_step(
            tile, y + t * y_rows, inputs, w, bias, out + t * out_rows, out_rows, packed, scratch
        )
