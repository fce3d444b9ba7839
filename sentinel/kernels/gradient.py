"""Backpropagation through time of `windows_in_lanes`, windows in lanes too.

Gradients are added to one flat vector, laid out as the parameters are; those by states and outputs
stand in slabs beside them.
"""

from __future__ import annotations

import numpy as np

from sentinel.kernels import plan as col
from sentinel.kernels import shape as of
from sentinel.kernels.cell import lstm_cell_backward
from sentinel.kernels.gates import load_across, store_across
from sentinel.kernels.jit import lean
from sentinel.kernels.lanes import Lanes
from sentinel.kernels.layout import GATES, STEPS_PER_SUM, TRANSPOSED_ROWS
from sentinel.kernels.tables import row_of
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
    zero_tile,
)
from sentinel.kernels.types import Float32Array, TimeArray
from sentinel.kernels.weight_gradient import (
    add_bias_gradient,
    add_to_sums,
    add_weight_gradient,
    clear_sums,
)

# Rows by which one stays in the first cache while all weights go by.
ROWS_AT_ONCE = 128


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
    first: bool,
) -> None:
    """Add w' dz to dx for one step; dx rows and dz_rows rows of S windows.

    first  dx is what nobody has written yet: it becomes w' dz
    """
    for early in range(0, dz_rows, ROWS_AT_ONCE):
        some = min(ROWS_AT_ONCE, dz_rows - early)
        for row in range(0, rows, rows_of(tile)):
            block, within = row // TRANSPOSED_ROWS * TRANSPOSED_ROWS, row % TRANSPOSED_ROWS
            acc = zero_tile(tile)
            if early > 0 or not first:
                acc = load_tile(tile, scratch, dx + row * windows, windows)
            acc = add_product(
                acc, packed, w + block * dz_rows + early * TRANSPOSED_ROWS + within, 1,
                TRANSPOSED_ROWS, scratch, dz + early * windows, windows, some,
            )  # fmt: skip
            store_tile(scratch, dx + row * windows, windows, acc)


@lean
def _add_across(
    tile: type[Tile], scratch: Float32Array, at: int, windows: int, value: Lanes
) -> None:
    store_across(tile, scratch, at, windows, load_across(tile, scratch, at, windows) + value)


@lean
def _cells_backward(
    tile: type[Tile],
    shape: TimeArray,
    scratch: Float32Array,
    dy: int,
    z: int,
    c_before: int,
    c_now: int,
    dz_sum: int,
) -> None:
    """Pre-activations z of a step become their gradients; these are added to dz_sum, too."""
    windows, units = width_of(tile), rows_of(tile) // GATES
    size = units * windows
    for unit in range(0, shape[of.HIDDEN], units):
        at = unit * windows
        gate, total = z + GATES * at, dz_sum + GATES * at
        dc = shape[of.DC] * windows + at
        dz_i, dz_f, dz_g, dz_o, dc_before = lstm_cell_backward(
            load_across(tile, scratch, dy + at, windows),
            load_across(tile, scratch, dc, windows),
            load_across(tile, scratch, gate, windows),
            load_across(tile, scratch, gate + size, windows),
            load_across(tile, scratch, gate + 2 * size, windows),
            load_across(tile, scratch, gate + 3 * size, windows),
            load_across(tile, scratch, c_before + at, windows),
            load_across(tile, scratch, c_now + at, windows),
        )
        store_across(tile, scratch, gate, windows, dz_i)
        store_across(tile, scratch, gate + size, windows, dz_f)
        store_across(tile, scratch, gate + 2 * size, windows, dz_g)
        store_across(tile, scratch, gate + 3 * size, windows, dz_o)
        store_across(tile, scratch, dc, windows, dc_before)
        _add_across(tile, scratch, total, windows, dz_i)
        _add_across(tile, scratch, total + size, windows, dz_f)
        _add_across(tile, scratch, total + 2 * size, windows, dz_g)
        _add_across(tile, scratch, total + 3 * size, windows, dz_o)


@lean
def _inputs_backward(
    tile: type[Tile],
    plan: TimeArray,
    layer: int,
    shape: TimeArray,
    first: int,
    steps: int,
    dz: int,
    packed: Float32Array,
    scratch: Float32Array,
) -> None:
    """Gradients by the weights of the inputs, and by the inputs, of steps first, first + 1, ...

    dz  by the pre-activations of these steps
    """
    windows, of_layer = width_of(tile), row_of(plan, layer)
    inputs, z_step = of_layer[col.INPUTS], shape[of.Z_ROWS] * windows
    x_rows, dx_rows = of_layer[col.X_ROWS], of_layer[col.DX_ROWS]
    add_to_sums(
        tile, shape, steps, dz, z_step, shape[of.GATE_ROWS],
        (of_layer[col.X] + first * x_rows) * windows, x_rows * windows, inputs,
        scratch, shape[of.SUMS_X] * windows,
    )  # fmt: skip
    if dx_rows > 0:
        for t in range(steps):
            add_transposed(
                tile, windows, inputs, packed, of_layer[col.W_X_T], scratch, dz + t * z_step,
                shape[of.GATE_ROWS], (of_layer[col.DX] + (first + t) * dx_rows) * windows, False,
            )  # fmt: skip


@lean
def lstm_layer_backward(
    tile: type[Tile],
    plan: TimeArray,
    layer: int,
    shape: TimeArray,
    alone: bool,
    packed: Float32Array,
    scratch: Float32Array,
    gradient: Float32Array,
) -> None:
    """Gradients of one layer and direction, from that of its outputs (slab DY, used up).

    alone  only the gradient by the last outputs is given: that of a step before is what the step
           after it makes of it
    Adds to the weights' gradients and, where wanted, to the gradient by the inputs (slab DX).
    The pre-activations (slab Z) become their gradients.
    """
    windows, units = width_of(tile), rows_of(tile) // GATES
    of_layer = row_of(plan, layer)
    steps, hidden, gate_rows = shape[of.STEPS], shape[of.HIDDEN], shape[of.GATE_ROWS]
    reverse, repeated = of_layer[col.REVERSE] == 1, of_layer[col.REPEATED] == 1
    y_step, c_step = of_layer[col.Y_ROWS] * windows, shape[of.UNIT_ROWS] * windows
    z_step, back = shape[of.Z_ROWS] * windows, 1 if reverse else -1
    slab_y = (of_layer[col.Y] + of_layer[col.FIRST_ROW]) * windows
    slab_z, dz_sum = of_layer[col.Z] * windows, of_layer[col.PROJECTED] * windows
    for n in range(c_step):
        scratch[shape[of.DC] * windows + n] = 0
    for n in range(gate_rows * windows):
        scratch[dz_sum + n] = 0
    sums_x, sums_h = shape[of.SUMS_X] * windows, shape[of.SUMS_H] * windows
    clear_sums(tile, gate_rows, of_layer[col.INPUTS], scratch, sums_x)
    clear_sums(tile, gate_rows, hidden, scratch, sums_h)
    # Some steps at a time: what they leave is still in the caches when the weights' turn comes.
    for late in range(steps, 0, -STEPS_PER_SUM):
        early = max(late - STEPS_PER_SUM, 0)
        for step in range(late - 1, early - 1, -1):
            t = steps - 1 - step if reverse else step
            z = slab_z + t * z_step
            dy = (of_layer[col.DY] + of_layer[col.FIRST_ROW]) * windows + (t + 1) * y_step
            c_now = of_layer[col.C] * windows + (t + 1) * c_step
            if step < steps - 1:
                add_transposed(
                    tile, windows, shape[of.UNIT_ROWS], packed, of_layer[col.W_H_T],
                    scratch, z - back * z_step, gate_rows, dy, alone,
                )  # fmt: skip
            _cells_backward(tile, shape, scratch, dy, z, c_now + back * c_step, c_now, dz_sum)
        first = steps - late if reverse else early
        add_to_sums(
            tile, shape, late - early, slab_z + first * z_step, z_step, gate_rows,
            slab_y + (first + 1 + back) * y_step, y_step, hidden, scratch, sums_h,
        )  # fmt: skip
        if not repeated:
            _inputs_backward(
                tile, plan, layer, shape, first, late - early,
                slab_z + first * z_step, packed, scratch,
            )  # fmt: skip
    if repeated:
        # One input for all steps: its gradient is that of the sum over them.
        _inputs_backward(tile, plan, layer, shape, 0, 1, dz_sum, packed, scratch)
    add_weight_gradient(
        tile, gate_rows, of_layer[col.INPUTS], scratch, sums_x,
        gradient, of_layer[col.G_W_X], units, hidden,
    )  # fmt: skip
    add_weight_gradient(
        tile, gate_rows, hidden, scratch, sums_h, gradient, of_layer[col.G_W_H], units, hidden
    )
    add_bias_gradient(
        tile, shape, 1, dz_sum, 0, gate_rows, scratch, gradient, of_layer[col.G_BIAS], units, hidden
    )


@lean
def dense_layer_backward(
    tile: type[Tile],
    shape: TimeArray,
    y: int,
    dy: int,
    y_rows: int,
    inputs: int,
    w_t: int,
    out: int,
    out_rows: int,
    used: int,
    g_w: int,
    g_bias: int,
    first: bool,
    packed: Float32Array,
    scratch: Float32Array,
    gradient: Float32Array,
) -> None:
    """Gradients of a dense layer from that of its output (slab out); adds to slab dy.

    used   of the out_rows rows of a step
    first  nobody has written to dy: it becomes that gradient
    """
    windows, out_step = width_of(tile), out_rows * width_of(tile)
    sums = shape[of.SUMS_H] * windows
    clear_sums(tile, used, inputs, scratch, sums)
    for early in range(0, shape[of.STEPS], STEPS_PER_SUM):
        late = min(early + STEPS_PER_SUM, shape[of.STEPS])
        for t in range(early, late):
            add_transposed(
                tile, windows, inputs, packed, w_t, scratch, out * windows + t * out_step,
                used, (dy + t * y_rows) * windows, first,
            )  # fmt: skip
        add_to_sums(
            tile, shape, late - early, out * windows + early * out_step, out_step, used,
            (y + early * y_rows) * windows, y_rows * windows, inputs, scratch, sums,
        )  # fmt: skip
    add_weight_gradient(tile, used, inputs, scratch, sums, gradient, g_w, 0, 0)
    add_bias_gradient(
        tile, shape, shape[of.STEPS], out * windows, out_step, used,
        scratch, gradient, g_bias, 0, 0,
    )  # fmt: skip


@lean
def loss_gradient(
    tile: type[Tile],
    shape: TimeArray,
    target: int,
    mask: int,
    out: int,
    out_rows: int,
    steps: int,
    scale: float,
    scratch: Float32Array,
) -> float:
    """Sum of the masked squared errors of a slab; it becomes the gradient of scale times that sum.

    out  (steps, out_rows), of which the first F are meant: 2 scale (out - target) mask
    """
    windows = width_of(tile)
    size, step = shape[of.CHANNELS] * windows, shape[of.CHANNEL_ROWS] * windows
    out_step = out_rows * windows
    twice, lanes = np.float32(2 * scale), lane_count_of(tile)
    total = 0.0
    for t in range(steps):
        part = spread(tile, np.float32(0))
        for n in range(0, size, lanes):
            d = load_lanes(tile, scratch, out * windows + t * out_step + n)
            d = d - load_lanes(tile, scratch, target * windows + t * step + n)
            d = d * load_lanes(tile, scratch, mask * windows + t * step + n)
            part = part + d * d
            store_lanes(scratch, out * windows + t * out_step + n, d * twice)
        store_lanes(scratch, shape[of.PARTS] * windows, part)
        for n in range(lanes):
            total += float(scratch[shape[of.PARTS] * windows + n])
    return total
