"""Many windows at once, their products by a matrix unit: each lane is a window.

Slabs are those of `windows_in_lanes`, of BLOCK windows. The factors of a product stand beside them
in words (`amx`): x and h of a step one after the other, twice, as the h that a step writes is not
the one that it reads. While the unit multiplies one block of gates, the lanes compute the cells of
the block before.
"""

from __future__ import annotations

import numpy as np

from sentinel.kernels import plan as col
from sentinel.kernels import shape as of
from sentinel.kernels.amx import (
    BLOCK,
    CHUNK,
    CHUNK_SIZE,
    TILE_SIZE,
    TILE_STEP,
    WORDS,
    MatrixUnit,
    add_product,
    begin,
    end,
    load_sums,
    store_sums,
    store_words,
)
from sentinel.kernels.cell import lstm_cell
from sentinel.kernels.gates import load_across, store_across
from sentinel.kernels.jit import jit, lean
from sentinel.kernels.lanes import Lanes
from sentinel.kernels.layout import GATE_F, GATE_G, GATE_I, GATE_O, GATES
from sentinel.kernels.parts import TERMS, parts
from sentinel.kernels.slabs import hand_out, window_errors, windows_across
from sentinel.kernels.tables import row_of, whole
from sentinel.kernels.tiles import (
    Tile,
    lane_count_of,
    load_lanes,
    spread,
    store_lanes,
    width_of,
)
from sentinel.kernels.types import Float32Array, TimeArray
from sentinel.kernels.windows_in_lanes import copy_latent
from sentinel.kernels.work_queue import take

UNITS = BLOCK // GATES
# Two rows make words; as many units' cells are computed together.
PAIR = 2
# Products of parts for each chunk.
PRODUCTS = len(TERMS)


@lean
def _chunks(inputs: int) -> int:
    return (inputs + CHUNK - 1) // CHUNK


@lean
def _fill(tile: type[Tile], scratch: Float32Array, at: int, count: int, value: float) -> None:
    for n in range(at, at + count, lane_count_of(tile)):
        store_lanes(scratch, n, spread(tile, np.float32(value)))


@lean
def _spread_bias(
    tile: type[Tile], packed: Float32Array, bias: int, rows: int, scratch: Float32Array, at: int
) -> None:
    """Rows of the same number for every window, where blocks of sums begin."""
    for row in range(rows):
        _fill(tile, scratch, at + row * BLOCK, BLOCK, packed[bias + row])


@lean
def _store_inputs(scratch: Float32Array, factor: int, k: int, values: Lanes) -> None:
    """Inputs k and k + 1 of a right factor."""
    at = factor + k // CHUNK * CHUNK_SIZE + k % CHUNK // PAIR * WORDS
    high, middle, low = parts(values)
    store_words(scratch, at, TILE_STEP, high)
    store_words(scratch, at + TILE_SIZE, TILE_STEP, middle)
    store_words(scratch, at + 2 * TILE_SIZE, TILE_STEP, low)


@lean
def _split(tile: type[Tile], scratch: Float32Array, slab: int, inputs: int, factor: int) -> None:
    """Rows of a slab as inputs of a right factor. An odd row's partner is padding of the slab."""
    for k in range(0, inputs, PAIR):
        values = load_across(tile, scratch, slab + k * BLOCK, BLOCK)
        _store_inputs(scratch, factor, k, values)


@lean
def _add_term(
    unit: type[MatrixUnit],
    packed: Float32Array,
    weights: int,
    scratch: Float32Array,
    factor: int,
    term: int,
) -> None:
    """Add one of the terms of a product: PRODUCTS for each chunk.

    weights, factor  the left and the right factor, from the first chunk on
    """
    chunk = term // PRODUCTS * CHUNK_SIZE
    left, right = TERMS[term % PRODUCTS]
    left_at, right_at = weights + chunk + left * TILE_SIZE, factor + chunk + right * TILE_SIZE
    add_product(unit, packed, left_at, scratch, right_at)


@lean
def _product(
    unit: type[MatrixUnit],
    packed: Float32Array,
    weights: int,
    scratch: Float32Array,
    factor: int,
    chunks: int,
    start: int,
    sums: int,
) -> None:
    """A block of sums: those at `start`, and the product added."""
    load_sums(unit, scratch, start)
    for term in range(PRODUCTS * chunks):
        _add_term(unit, packed, weights, scratch, factor, term)
    store_sums(unit, scratch, sums)


@lean
def _cells(
    tile: type[Tile],
    scratch: Float32Array,
    sums: int,
    c: int,
    y: int,
    factor: int,
    first: int,
    units: range,
) -> None:
    """The cells of some units of a block.

    sums   its pre-activations, gate by gate
    c, y   where the states and outputs of the layer's units begin
    factor the outputs once more, as inputs of the next step
    first  unit of the block; units: of these, counted from it
    """
    for unit in units:
        gates = sums + unit * BLOCK
        state = (first + unit) * BLOCK
        c_now, h = lstm_cell(
            load_across(tile, scratch, gates + GATE_I * UNITS * BLOCK, BLOCK),
            load_across(tile, scratch, gates + GATE_F * UNITS * BLOCK, BLOCK),
            load_across(tile, scratch, gates + GATE_G * UNITS * BLOCK, BLOCK),
            load_across(tile, scratch, gates + GATE_O * UNITS * BLOCK, BLOCK),
            load_across(tile, scratch, c + state, BLOCK),
        )
        store_across(tile, scratch, c + state, BLOCK, c_now)
        store_across(tile, scratch, y + state, BLOCK, h)
        _store_inputs(scratch, factor, first + unit, h)


@lean
def _step(
    tile: type[Tile],
    unit: type[MatrixUnit],
    of_layer: TimeArray,
    shape: TimeArray,
    packed: Float32Array,
    scratch: Float32Array,
    now: int,
    later: int,
    y: int,
) -> None:
    """One step of a layer, a row of the plan.

    now, later  the factors x and h of this step and of the next
    y           where its outputs are stored
    """
    x_chunks, h_chunks = _chunks(of_layer[col.INPUTS]), _chunks(shape[of.UNIT_ROWS])
    x_terms = 0 if of_layer[col.REPEATED] == 1 else PRODUCTS * x_chunks
    terms = x_terms + PRODUCTS * h_chunks
    blocks, c = shape[of.GATE_ROWS] // BLOCK, of_layer[col.C] * BLOCK
    for block in range(blocks + 1):
        # The unit works on this block, the lanes on the one before.
        sums = (shape[of.SUMS] + block % 2 * BLOCK) * BLOCK
        before = (shape[of.SUMS] + (block + 1) % 2 * BLOCK) * BLOCK
        w_x = of_layer[col.W_X] + block * x_chunks * CHUNK_SIZE
        w_h = of_layer[col.W_H] + block * h_chunks * CHUNK_SIZE
        if block < blocks:
            load_sums(unit, scratch, (shape[of.STARTS] + block * BLOCK) * BLOCK)
        done = 0
        for term in range(terms):
            if block < blocks and term < x_terms:
                _add_term(unit, packed, w_x, scratch, now, term)
            elif block < blocks:
                h = now + x_chunks * CHUNK_SIZE
                _add_term(unit, packed, w_h, scratch, h, term - x_terms)
            if block > 0:
                ready = (term + 1) * (UNITS // PAIR) // terms * PAIR
                _cells(
                    tile, scratch, before, c, y, later + x_chunks * CHUNK_SIZE,
                    (block - 1) * UNITS, range(done, ready, PAIR),
                )  # fmt: skip
                done = ready
        if block < blocks:
            store_sums(unit, scratch, sums)


@lean
def lstm_layer(
    tile: type[Tile],
    unit: type[MatrixUnit],
    plan: TimeArray,
    layer: int,
    shape: TimeArray,
    packed: Float32Array,
    scratch: Float32Array,
) -> None:
    """All steps of one layer and direction: its outputs into the slots of Y."""
    of_layer = row_of(plan, layer)
    steps, inputs = shape[of.STEPS], of_layer[col.INPUTS]
    reverse, repeated = of_layer[col.REVERSE] == 1, of_layer[col.REPEATED] == 1
    starts, factors = shape[of.STARTS] * BLOCK, shape[of.FACTORS] * BLOCK
    size = (_chunks(inputs) + _chunks(shape[of.UNIT_ROWS])) * CHUNK_SIZE
    # No state, and no trace of another layer in the padding of a chunk.
    _fill(tile, scratch, of_layer[col.C] * BLOCK, shape[of.UNIT_ROWS] * BLOCK, 0)
    _fill(tile, scratch, factors, 2 * size, 0)
    _spread_bias(tile, packed, of_layer[col.BIAS], shape[of.GATE_ROWS], scratch, starts)
    if repeated:
        _split(tile, scratch, of_layer[col.X] * BLOCK, inputs, factors)
        for block in range(shape[of.GATE_ROWS] // BLOCK):
            weights = of_layer[col.W_X] + block * _chunks(inputs) * CHUNK_SIZE
            start = starts + block * BLOCK * BLOCK
            _product(unit, packed, weights, scratch, factors, _chunks(inputs), start, start)
    for step in range(steps):
        t = steps - 1 - step if reverse else step
        now, later = factors + step % 2 * size, factors + (step + 1) % 2 * size
        if not repeated:
            x = of_layer[col.X] + t * of_layer[col.X_ROWS]
            _split(tile, scratch, x * BLOCK, inputs, now)
        y = of_layer[col.Y] + (t + 1) * of_layer[col.Y_ROWS] + of_layer[col.FIRST_ROW]
        _step(tile, unit, of_layer, shape, packed, scratch, now, later, y * BLOCK)


@lean
def dense_layer(
    tile: type[Tile],
    unit: type[MatrixUnit],
    shape: TimeArray,
    packed: Float32Array,
    scratch: Float32Array,
) -> None:
    """The reconstruction x_hat from the decoder's outputs, at every step."""
    chunks, rows = _chunks(shape[of.HIDDEN]), shape[of.CHANNEL_ROWS]
    blocks = (rows + BLOCK - 1) // BLOCK
    starts, factor = shape[of.STARTS] * BLOCK, shape[of.FACTORS] * BLOCK
    sums = shape[of.SUMS] * BLOCK
    _fill(tile, scratch, factor, chunks * CHUNK_SIZE, 0)
    _spread_bias(tile, packed, shape[of.OUTPUT_BIAS], blocks * BLOCK, scratch, starts)
    for t in range(shape[of.STEPS]):
        y = shape[of.DECODED] + t * shape[of.DECODED_ROWS]
        _split(tile, scratch, y * BLOCK, shape[of.HIDDEN], factor)
        for block in range(blocks):
            weights = shape[of.OUTPUT_W] + block * chunks * CHUNK_SIZE
            start = starts + block * BLOCK * BLOCK
            _product(unit, packed, weights, scratch, factor, chunks, start, sums)
            out = (shape[of.X_HAT] + t * rows + block * BLOCK) * BLOCK
            for n in range(0, min(BLOCK, rows - block * BLOCK) * BLOCK, lane_count_of(tile)):
                store_lanes(scratch, out + n, load_lanes(tile, scratch, sums + n))


@jit
def score_by_unit(
    tile: type[Tile],
    unit: type[MatrixUnit],
    plan: TimeArray,
    numbers: TimeArray,
    packed: Float32Array,
    scratch: Float32Array,
    places: TimeArray,
    rows: Float32Array,
    starts: TimeArray,
    lengths: TimeArray,
    queue: TimeArray,
    errors: Float32Array,
    expected: Float32Array,
) -> None:
    """As `score_windows.score_many`, by this unit."""
    begin(unit)
    windows, shape = width_of(tile), whole(numbers)
    first = take(queue) * windows
    while first < len(starts):
        full = windows_across(tile, shape, rows, starts, lengths, first, places, scratch)
        for layer in range(len(plan)):
            if layer == shape[of.ENCODER_LAYERS]:
                copy_latent(plan, shape, windows, scratch)
            lstm_layer(tile, unit, plan, layer, shape, packed, scratch)
        dense_layer(tile, unit, shape, packed, scratch)
        window_errors(tile, shape, windows, full, scratch)
        hand_out(shape, first, windows, windows, 1, scratch, errors, expected)
        first = take(queue) * windows
    end(unit)
