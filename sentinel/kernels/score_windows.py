"""Score windows: the two kernels that `fit`, `score` and the daemon call, for many and for few.

Both take tiles of windows from a queue, so any number of threads may run one call together; the
result of a window is the same bits in either, wherever it stands and whatever stands beside it.
"""

from __future__ import annotations

from sentinel.kernels import plan as col
from sentinel.kernels import shape as of
from sentinel.kernels import units_in_lanes, windows_in_lanes
from sentinel.kernels.jit import rolled
from sentinel.kernels.slabs import (
    add_errors,
    begin_errors,
    end_errors,
    hand_out,
    window_errors,
    windows_across,
    windows_along,
)
from sentinel.kernels.tables import row_of, whole
from sentinel.kernels.tiles import Tile, rows_of, width_of
from sentinel.kernels.types import Float32Array, TimeArray
from sentinel.kernels.work_queue import take


@rolled
def score_many(
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
    queue: TimeArray,
    errors: Float32Array,
    expected: Float32Array,
) -> None:
    """Windows in lanes. rows, starts, lengths: `windows_across`; errors, expected: `hand_out`.

    numbers          the array that kernels.shape describes
    scratch, places  one for each thread; 64-byte aligned, zeros before the first use
    queue            (1,) the next tile of windows to take; shared by the threads of one call
    """
    windows, shape = width_of(tile), whole(numbers)
    first = take(queue) * windows
    while first < len(starts):
        full = windows_across(tile, shape, rows, starts, lengths, first, places, scratch)
        begin_errors(tile, shape, windows, full, scratch)
        for layer in range(len(plan)):
            if layer == shape[of.ENCODER_LAYERS]:
                windows_in_lanes.copy_latent(plan, shape, windows, scratch)
            windows_in_lanes.begin_layer(tile, plan, layer, shape, packed, scratch)
            for step in range(shape[of.STEPS]):
                windows_in_lanes.lstm_step(tile, plan, layer, shape, step, packed, scratch)
                # The last layer, of a decoder, reads forwards.
                if layer == len(plan) - 1:
                    slot = (step + 1) & row_of(plan, layer)[col.Y_SLOTS]
                    windows_in_lanes.dense_step(
                        dense_tile, shape[of.DECODED] + (slot - 1) * shape[of.DECODED_ROWS],
                        shape[of.HIDDEN], shape[of.OUTPUT_W], shape[of.OUTPUT_BIAS],
                        shape[of.X_HAT] + step * shape[of.X_HAT_ROWS], shape[of.CHANNEL_ROWS],
                        packed, scratch,
                    )  # fmt: skip
                    add_errors(tile, shape, windows, full, step, scratch)
        end_errors(tile, shape, windows, scratch)
        hand_out(shape, first, windows, windows, 1, scratch, errors, expected)
        first = take(queue) * windows


@rolled
def score_few(
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
    queue: TimeArray,
    errors: Float32Array,
    expected: Float32Array,
) -> None:
    """Units in lanes; otherwise as `score_many`."""
    windows, shape = rows_of(tile), whole(numbers)
    f_rows = shape[of.CHANNEL_ROWS]
    first = take(queue) * windows
    while first < len(starts):
        windows_along(windows, shape, rows, starts, lengths, first, scratch)
        for layer in range(len(plan)):
            if layer == shape[of.ENCODER_LAYERS]:
                units_in_lanes.copy_latent(shape, windows, scratch)
            units_in_lanes.lstm_layer(tile, plan, layer, shape, packed, scratch)
        units_in_lanes.dense_layer(
            dense_tile, windows, shape, shape[of.DECODED], shape[of.DECODED_ROWS], shape[of.HIDDEN],
            shape[of.OUTPUT_W], shape[of.OUTPUT_BIAS], shape[of.X_HAT], shape[of.CHANNEL_ROWS],
            packed, scratch,
        )  # fmt: skip
        # Its lanes are those of every tile of this kind: one compilation serves them all.
        window_errors(dense_tile, shape, windows, False, scratch)
        hand_out(shape, first, windows, 1, f_rows, scratch, errors, expected)
        first = take(queue) * windows
