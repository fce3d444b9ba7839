"""Train on a tile of windows: loss and gradient, as `score_windows` is for scores."""

from __future__ import annotations

from sentinel.kernels import plan as col
from sentinel.kernels import shape as of
from sentinel.kernels.gradient import dense_layer_backward, loss_gradient, lstm_layer_backward
from sentinel.kernels.jit import jit, lean
from sentinel.kernels.slabs import fill_mask, windows_across
from sentinel.kernels.tables import row_of, whole
from sentinel.kernels.tiles import Tile, width_of
from sentinel.kernels.types import Float32Array, TimeArray
from sentinel.kernels.windows_in_lanes import copy_latent, dense_layer, lstm_layer


@lean
def _perturb(shape: TimeArray, windows: int, scratch: Float32Array) -> None:
    """Keep x as the target, and add the noise to x where there is a value."""
    for n in range(shape[of.STEPS] * shape[of.CHANNEL_ROWS] * windows):
        value = scratch[shape[of.X] * windows + n]
        scratch[shape[of.TARGET] * windows + n] = value
        noise = scratch[shape[of.NOISE] * windows + n] * scratch[shape[of.MASK] * windows + n]
        scratch[shape[of.X] * windows + n] = value + noise


@lean
def _drop(boundaries: TimeArray, boundary: int, windows: int, scratch: Float32Array) -> None:
    """What is left of the source: dropped = source x factor."""
    at = row_of(boundaries, boundary)
    for n in range(at[col.B_STEPS] * at[col.B_ROWS] * windows):
        factor = scratch[at[col.B_FACTOR] * windows + n]
        scratch[at[col.B_DROPPED] * windows + n] = scratch[at[col.B_SOURCE] * windows + n] * factor


@lean
def _drop_backward(
    boundaries: TimeArray, boundary: int, windows: int, scratch: Float32Array
) -> None:
    """Add ddropped x factor to dsource."""
    at = row_of(boundaries, boundary)
    for n in range(at[col.B_STEPS] * at[col.B_ROWS] * windows):
        factor = scratch[at[col.B_FACTOR] * windows + n]
        scratch[at[col.B_DSOURCE] * windows + n] += (
            scratch[at[col.B_DDROPPED] * windows + n] * factor
        )


@lean
def _forward(
    tile: type[Tile],
    dense_tile: type[Tile],
    plan: TimeArray,
    boundaries: TimeArray,
    shape: TimeArray,
    packed: Float32Array,
    scratch: Float32Array,
) -> None:
    windows, boundary = width_of(tile), 0
    for n in range(len(plan) + 1):
        if n == shape[of.ENCODER_LAYERS]:
            copy_latent(plan, shape, windows, scratch)
        if boundary < len(boundaries) and boundaries[boundary, col.B_LAYER] == n:
            _drop(boundaries, boundary, windows, scratch)
            boundary += 1
        if n < len(plan):
            lstm_layer(tile, plan, n, shape, packed, scratch)
    if shape[of.X_HAT] >= 0:
        dense_layer(
            dense_tile, shape, shape[of.DECODED], shape[of.DECODED_ROWS], shape[of.HIDDEN],
            shape[of.OUTPUT_W], shape[of.OUTPUT_BIAS], shape[of.X_HAT], shape[of.CHANNEL_ROWS],
            packed, scratch,
        )  # fmt: skip
    if shape[of.FORECAST] >= 0:
        dense_layer(
            dense_tile, shape, shape[of.OUTPUTS] + shape[of.OUTPUT_ROWS], shape[of.OUTPUT_ROWS],
            shape[of.HIDDEN] * shape[of.DIRECTIONS], shape[of.FORECAST_W], shape[of.FORECAST_BIAS],
            shape[of.FORECAST], shape[of.FORECAST_ROWS], packed, scratch,
        )  # fmt: skip


@lean
def _ends_in_states(shape: TimeArray, layer: int) -> bool:
    """Whether only the latent state is made of a layer's outputs.

    Not said of two directions: they share a slab, the padding of one is where the other begins.
    """
    last: bool = layer == shape[of.ENCODER_LAYERS] - 1
    return last and shape[of.DIRECTIONS] == 1 and shape[of.FORECAST] < 0


@lean
def _clear_gradients(
    plan: TimeArray,
    boundaries: TimeArray,
    shape: TimeArray,
    windows: int,
    scratch: Float32Array,
) -> None:
    """Slabs that gradients are added to; not the one that the last dense layer writes."""
    for n in range(len(plan)):
        of_layer = row_of(plan, n)
        first, rows = of_layer[col.DY], of_layer[col.Y_ROWS]
        slots = shape[of.STEPS] + 2
        if _ends_in_states(shape, n):
            first, slots = first + shape[of.STEPS] * rows, 1
        if of_layer[col.FIRST_ROW] == 0 and of_layer[col.DY] + rows != shape[of.DDECODED]:
            for i in range(first * windows, (first + slots * rows) * windows):
                scratch[i] = 0
    for n in range(len(boundaries)):
        at = row_of(boundaries, n)
        if at[col.B_DDROPPED] != shape[of.DDECODED]:
            for i in range(at[col.B_STEPS] * at[col.B_ROWS] * windows):
                scratch[at[col.B_DDROPPED] * windows + i] = 0
    for i in range(shape[of.LATENT_ROWS] * windows):
        scratch[shape[of.DLATENT] * windows + i] = 0


@lean
def _backward(
    tile: type[Tile],
    plan: TimeArray,
    boundaries: TimeArray,
    shape: TimeArray,
    packed: Float32Array,
    scratch: Float32Array,
    gradient: Float32Array,
) -> None:
    """From the gradients by x_hat and forecast, in their slabs, to those of all tensors."""
    windows, boundary = width_of(tile), len(boundaries) - 1
    encoded = shape[of.HIDDEN] * shape[of.DIRECTIONS]
    _clear_gradients(plan, boundaries, shape, windows, scratch)
    if shape[of.X_HAT] >= 0:
        dense_layer_backward(
            tile, shape, shape[of.DECODED], shape[of.DDECODED],
            shape[of.DECODED_ROWS], shape[of.HIDDEN], shape[of.OUTPUT_W_T], shape[of.X_HAT],
            shape[of.CHANNEL_ROWS], shape[of.CHANNELS],
            shape[of.G_OUTPUT_W], shape[of.G_OUTPUT_BIAS], True, packed, scratch, gradient,
        )  # fmt: skip
    if shape[of.FORECAST] >= 0:
        dense_layer_backward(
            tile, shape, shape[of.OUTPUTS] + shape[of.OUTPUT_ROWS],
            shape[of.DOUTPUTS], shape[of.OUTPUT_ROWS], encoded,
            shape[of.FORECAST_W_T], shape[of.FORECAST],
            shape[of.FORECAST_ROWS], shape[of.HORIZONS] * shape[of.CHANNELS],
            shape[of.G_FORECAST_W], shape[of.G_FORECAST_BIAS], False, packed, scratch, gradient,
        )  # fmt: skip
    for n in range(len(plan), -1, -1):
        if n < len(plan):
            lstm_layer_backward(
                tile, plan, n, shape, _ends_in_states(shape, n),
                packed, scratch, gradient,
            )  # fmt: skip
        if boundary >= 0 and boundaries[boundary, col.B_LAYER] == n:
            _drop_backward(boundaries, boundary, windows, scratch)
            boundary -= 1
        if n == shape[of.ENCODER_LAYERS]:
            # The backward direction ends at the first reading.
            size = shape[of.HIDDEN] * windows
            for direction in range(shape[of.DIRECTIONS]):
                t = 0 if direction == 1 else shape[of.STEPS] - 1
                to = (shape[of.DOUTPUTS] + t * shape[of.OUTPUT_ROWS]) * windows + direction * size
                for i in range(size):
                    scratch[to + i] += scratch[shape[of.DLATENT] * windows + direction * size + i]


@lean
def _forecast_loss_gradient(
    tile: type[Tile], shape: TimeArray, target: int, ahead: int, scale: float, scratch: Float32Array
) -> float:
    """As `loss_gradient`, of what the outputs up to step t forecast of step t + ahead.

    Neither the first steps, which have seen too little, nor the last ones have a target.
    """
    windows, rows = width_of(tile), shape[of.FORECAST_ROWS]
    out, one = shape[of.FORECAST] + (ahead - 1) * shape[of.CHANNELS], shape[of.CHANNEL_ROWS]
    first = min(shape[of.BURN_IN], shape[of.STEPS])
    stop = max(shape[of.STEPS] - ahead, first)
    for t in range(shape[of.STEPS]):
        if t < first or t >= stop:
            for n in range(shape[of.CHANNELS] * windows):
                scratch[(out + t * rows) * windows + n] = 0
    return loss_gradient(
        tile, shape, target + (first + ahead) * one, shape[of.MASK] + (first + ahead) * one,
        out + first * rows, rows, stop - first, scale, scratch,
    )  # fmt: skip


@jit
def train_tiles(
    tile: type[Tile],
    dense_tile: type[Tile],
    plan: TimeArray,
    boundaries: TimeArray,
    numbers: TimeArray,
    packed: Float32Array,
    scratch: Float32Array,
    places: TimeArray,
    rows: Float32Array,
    starts: TimeArray,
    lengths: TimeArray,
    first: int,
    scale: float,
    next_scale: float,
    ahead_scale: float,
    gradient: Float32Array,
) -> tuple[float, float, float]:
    """Squared errors of windows first .. first + S: reconstruction, next readings, all forecasts.

    numbers                 the array that kernels.shape describes
    rows, starts, lengths   `windows_across`
    scale, next_scale, ahead_scale  1 / number of values compared in the whole minibatch, or 0
    gradient                (P,), added to: of the errors, each times its scale
    Factors of the boundaries and noise are in their slabs already.
    """
    windows, shape = width_of(tile), whole(numbers)
    if windows_across(tile, shape, rows, starts, lengths, first, places, scratch):
        fill_mask(shape, windows, scratch)
    target = shape[of.X]
    if shape[of.NOISY] == 1:
        _perturb(shape, windows, scratch)
        target = shape[of.TARGET]
    _forward(tile, dense_tile, plan, boundaries, shape, packed, scratch)
    error, error_next, error_ahead = 0.0, 0.0, 0.0
    if shape[of.X_HAT] >= 0:
        error = loss_gradient(
            tile, shape, target, shape[of.MASK], shape[of.X_HAT], shape[of.CHANNEL_ROWS],
            shape[of.STEPS], scale, scratch,
        )  # fmt: skip
    if shape[of.FORECAST] >= 0:
        for ahead in range(1, shape[of.HORIZONS] + 1):
            both = ahead_scale + next_scale if ahead == 1 else ahead_scale
            found = _forecast_loss_gradient(tile, shape, target, ahead, both, scratch)
            error_next += found if ahead == 1 else 0.0
            error_ahead += found
    _backward(tile, plan, boundaries, shape, packed, scratch, gradient)
    return error, error_next, error_ahead
