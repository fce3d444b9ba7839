"""States that travel: (h, c) of many entities, carried on by the readings that came since.

One step a reading instead of a whole window: the states of some entities are gathered into the
lanes (or, for a few, into rows), advanced, and put back. The layers are those of `score_windows`.
"""

from __future__ import annotations

from sentinel.kernels import plan as col
from sentinel.kernels import shape as of
from sentinel.kernels import units_in_lanes, windows_in_lanes
from sentinel.kernels.jit import lean, rolled
from sentinel.kernels.slabs import windows_across, windows_along
from sentinel.kernels.tables import row_of, whole
from sentinel.kernels.tiles import (
    Tile,
    gather,
    lane_count_of,
    rows_of,
    store_lanes,
    width_of,
)  # fmt: skip
from sentinel.kernels.types import Float32Array, TimeArray
from sentinel.kernels.work_queue import take

# Of an entity and layer: its output and its cell state.
H, C = 0, 1
STATES = 2


@lean
def _place(shape: TimeArray, entity: int, layer: int, which: int) -> int:
    """Where H numbers begin in the states (E, layers, STATES, H)."""
    layers, hidden = shape[of.ENCODER_LAYERS], shape[of.HIDDEN]
    start: int = ((entity * layers + layer) * STATES + which) * hidden
    return start


@lean
def _read_across(
    tile: type[Tile],
    plan: TimeArray,
    layer: int,
    shape: TimeArray,
    scratch: Float32Array,
    places: TimeArray,
    entities: TimeArray,
    first: int,
    states: Float32Array,
) -> None:
    of_layer = row_of(plan, layer)
    windows = width_of(tile)
    for b in range(windows):
        # A lane without an entity computes with some other's state, which nothing keeps.
        entity = entities[first + b] if first + b < len(entities) else entities[first]
        places[b] = _place(shape, entity, layer, H)
    for j in range(shape[of.HIDDEN]):
        for v in range(0, windows, lane_count_of(tile)):
            h = gather(tile, states, places, v, j)
            c = gather(tile, states, places, v, shape[of.HIDDEN] + j)
            store_lanes(scratch, (of_layer[col.Y] + j) * windows + v, h)
            store_lanes(scratch, (of_layer[col.C] + j) * windows + v, c)


@lean
def _write_across(
    plan: TimeArray,
    layer: int,
    shape: TimeArray,
    windows: int,
    scratch: Float32Array,
    entities: TimeArray,
    first: int,
    states: Float32Array,
) -> None:
    of_layer = row_of(plan, layer)
    last = of_layer[col.Y] + shape[of.STEPS] * of_layer[col.Y_ROWS]
    for b in range(min(windows, len(entities) - first)):
        h = _place(shape, entities[first + b], layer, H)
        c = _place(shape, entities[first + b], layer, C)
        for j in range(shape[of.HIDDEN]):
            states[h + j] = scratch[(last + j) * windows + b]
            states[c + j] = scratch[(of_layer[col.C] + j) * windows + b]


@lean
def _copy_along(
    plan: TimeArray,
    layer: int,
    shape: TimeArray,
    windows: int,
    scratch: Float32Array,
    entities: TimeArray,
    first: int,
    states: Float32Array,
    back: bool,
) -> None:
    """States into slot 0, or back from the last slot."""
    of_layer = row_of(plan, layer)
    slot = shape[of.STEPS] if back else 0
    for b in range(min(windows, len(entities) - first)):
        y = (of_layer[col.Y] + slot * of_layer[col.Y_ROWS]) * windows
        y += b * of_layer[col.Y_ROWS]
        state = of_layer[col.C] * windows + b * shape[of.UNIT_ROWS]
        h = _place(shape, entities[first + b], layer, H)
        c = _place(shape, entities[first + b], layer, C)
        for j in range(shape[of.HIDDEN]):
            if back:
                states[h + j] = scratch[y + j]
                states[c + j] = scratch[state + j]
            else:
                scratch[y + j] = states[h + j]
                scratch[state + j] = states[c + j]


@rolled
def advance_many(
    tile: type[Tile],
    dense_tile: type[Tile],
    plan: TimeArray,
    numbers: TimeArray,
    packed: Float32Array,
    scratch: Float32Array,
    places: TimeArray,
    rows: Float32Array,
    starts: TimeArray,
    lengths: TimeArray,
    entities: TimeArray,
    states: Float32Array,
    queue: TimeArray,
    outputs: Float32Array,
) -> None:
    """Advance the states of entities, each by T readings; entities in lanes.

    numbers   the array that kernels.shape describes
    rows, starts, lengths  the readings, as in `windows_across`; lengths are T
    entities  (B,) int64, each at most once
    states    (E x layers x STATES x H,) updated
    outputs   (B, T, HORIZONS x F) forecasts of the next readings, or (B, T, H) outputs of the last
              layer where the model has no forecasting head
    """
    windows, shape = width_of(tile), whole(numbers)
    first = take(queue) * windows
    while first < len(starts):
        windows_across(tile, shape, rows, starts, lengths, first, places, scratch)
        for layer in range(shape[of.ENCODER_LAYERS]):
            _read_across(tile, plan, layer, shape, scratch, places, entities, first, states)
            windows_in_lanes.lstm_layer(tile, plan, layer, shape, packed, scratch)
            _write_across(plan, layer, shape, windows, scratch, entities, first, states)
        slab, slab_rows = shape[of.OUTPUTS] + shape[of.OUTPUT_ROWS], shape[of.OUTPUT_ROWS]
        if shape[of.FORECAST] >= 0:
            windows_in_lanes.dense_layer(
                dense_tile, shape, slab, slab_rows, shape[of.HIDDEN],
                shape[of.FORECAST_W], shape[of.FORECAST_BIAS], shape[of.FORECAST],
                shape[of.FORECAST_ROWS], packed, scratch,
            )  # fmt: skip
            slab, slab_rows = shape[of.FORECAST], shape[of.FORECAST_ROWS]
        # A step's outputs fit into the nearest cache, all steps' do not.
        for t in range(shape[of.STEPS]):
            for b in range(min(windows, len(starts) - first)):
                for r in range(outputs.shape[2]):
                    outputs[first + b, t, r] = scratch[(slab + t * slab_rows + r) * windows + b]
        first = take(queue) * windows


@rolled
def advance_few(
    tile: type[Tile],
    dense_tile: type[Tile],
    plan: TimeArray,
    numbers: TimeArray,
    packed: Float32Array,
    scratch: Float32Array,
    places: TimeArray,
    rows: Float32Array,
    starts: TimeArray,
    lengths: TimeArray,
    entities: TimeArray,
    states: Float32Array,
    queue: TimeArray,
    outputs: Float32Array,
) -> None:
    """As `advance_many`, with units in lanes."""
    windows, shape = rows_of(tile), whole(numbers)
    first = take(queue) * windows
    while first < len(starts):
        windows_along(windows, shape, rows, starts, lengths, first, scratch)
        for layer in range(shape[of.ENCODER_LAYERS]):
            _copy_along(plan, layer, shape, windows, scratch, entities, first, states, False)
            units_in_lanes.lstm_layer(tile, plan, layer, shape, packed, scratch)
            _copy_along(plan, layer, shape, windows, scratch, entities, first, states, True)
        slab, slab_rows = shape[of.OUTPUTS] + shape[of.OUTPUT_ROWS], shape[of.OUTPUT_ROWS]
        if shape[of.FORECAST] >= 0:
            units_in_lanes.dense_layer(
                dense_tile, windows, shape, slab, slab_rows, shape[of.HIDDEN],
                shape[of.FORECAST_W], shape[of.FORECAST_BIAS], shape[of.FORECAST],
                shape[of.FORECAST_ROWS], packed, scratch,
            )  # fmt: skip
            slab, slab_rows = shape[of.FORECAST], shape[of.FORECAST_ROWS]
        for b in range(min(windows, len(starts) - first)):
            for t in range(shape[of.STEPS]):
                at = (slab + t * slab_rows) * windows + b * slab_rows
                for r in range(outputs.shape[2]):
                    outputs[first + b, t, r] = scratch[at + r]
        first = take(queue) * windows
