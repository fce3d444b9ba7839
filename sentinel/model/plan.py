"""The plan of a model: its tensors packed the way a kernel reads them, its slabs laid out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sentinel.kernels import plan as columns
from sentinel.kernels import shape as of
from sentinel.kernels.layout import GATES, STEPS_PER_SUM, TRANSPOSED_ROWS
from sentinel.kernels.plan import padded
from sentinel.kernels.slabs import SPANS
from sentinel.kernels.tiles import Tile
from sentinel.model.architecture import Architecture
from sentinel.model.packing import NOTHING, Grain, Packer
from sentinel.records import Float32Array, TimeArray

# A tile of the dense layer may read and write so many rows beyond the last step.
SPARE_ROWS = 8


@dataclass(frozen=True, slots=True)
class Plan:
    """What a kernel is handed of a model.

    table         (layers and directions, COLUMNS), see kernels.plan
    shape         (SIZE,), see kernels.shape
    boundaries    (B, BOUNDARY_COLUMNS) where training drops values
    index         (P',) where in the flat parameters each packed value comes from; NOTHING: it is 0
    factor        (P',) what it is multiplied by
    nothing       which of them are NOTHING
    scratch_rows  floats of scratch for each window of a tile
    """

    table: TimeArray
    boundaries: TimeArray
    shape: TimeArray
    index: TimeArray
    factor: Float32Array
    nothing: TimeArray
    scratch_rows: int

    def pack(self, flat: Float32Array) -> Float32Array:
        """The packed vector (P',) of flat parameters (P,)."""
        packed = np.take(flat, self.index, mode="wrap")
        packed *= self.factor
        packed[self.nothing] = 0
        return packed


@dataclass(slots=True)
class _Slabs:
    """Hands out the scratch."""

    rows: int = 0

    def take(self, rows: int) -> int:
        start = self.rows
        self.rows += rows
        return start


@dataclass(frozen=True, slots=True)
class _Values:
    """What one layer hands the next: a slab of so many rows a step, and that of its gradient.

    rows      of a step, and `used` of them hold values
    gradient  slab; gradient_rows 0: the gradient is not wanted
    """

    at: int
    rows: int
    used: int
    gradient: int = 0
    gradient_rows: int = 0


class _Builder:
    """Lays out one plan, layer by layer in the order of the forward pass.

    tile    that of training, where it is for training
    newest  of outputs that nobody reads after the next step, only the newest are kept
    """

    def __init__(
        self,
        architecture: Architecture,
        steps: int,
        grain: Grain,
        *,
        tile: Tile | None = None,
        packer: Packer | None = None,
        newest: bool = False,
    ) -> None:
        self.architecture, self.steps, self.tile = architecture, steps, tile
        self.newest = newest
        self.training = tile is not None
        self.packer, self.slabs = packer or Packer(architecture, grain), _Slabs()
        self.table: list[list[int]] = []
        self.boundaries: list[list[int]] = []
        self.unit_rows = padded(architecture.hidden, grain.unit_pad)
        self.gate_rows = GATES * self.unit_rows
        # Spare rows: the last tile of a gradient reads beyond the rows that are used.
        self.y_rows = padded(
            architecture.encoded - architecture.hidden + self.unit_rows, TRANSPOSED_ROWS
        )
        # The gradient of weights walks along the steps. One row more: steps that lie a power of two
        # apart would share a few sets of the cache.
        self.z_rows = self.gate_rows + 1
        self.y_rows += int(self.training)
        # Shared by all layers, where training does not keep it.
        self.c = self.slabs.take(self.unit_rows)
        self.projected = self.slabs.take(self.gate_rows)

    def layer(
        self, name: str, values: _Values, y: int, y_rows: int, first_row: int, dy: int,
        *, newest: bool,
    ) -> None:  # fmt: skip
        """One row of the table."""
        packer, row = self.packer, [0] * columns.COLUMNS
        row[columns.INPUTS] = values.used
        row[columns.REVERSE] = int(name.endswith("backward"))
        row[columns.REPEATED] = int(name == "decoder.0")
        row[columns.W_X] = packer.gates(f"{name}.w_x")
        row[columns.W_H] = packer.gates(f"{name}.w_h")
        row[columns.BIAS] = packer.gates(f"{name}.bias")
        row[columns.X], row[columns.X_ROWS] = values.at, values.rows
        row[columns.Y], row[columns.Y_ROWS], row[columns.FIRST_ROW] = y, y_rows, first_row
        row[columns.Y_SLOTS] = 1 if newest else -1
        row[columns.C], row[columns.PROJECTED] = self.c, self.projected
        if self.training:
            row[columns.C] = self.slabs.take((self.steps + 2) * self.unit_rows)
            row[columns.Z] = self.slabs.take(self.steps * self.z_rows)
            row[columns.W_X_T] = packer.gates_transposed(f"{name}.w_x")
            row[columns.W_H_T] = packer.gates_transposed(f"{name}.w_h")
            row[columns.G_W_X] = packer.start(f"{name}.w_x")
            row[columns.G_W_H] = packer.start(f"{name}.w_h")
            row[columns.G_BIAS] = packer.start(f"{name}.bias")
            row[columns.DY] = dy
            row[columns.DX], row[columns.DX_ROWS] = values.gradient, values.gradient_rows
        self.table.append(row)

    def outputs(self, rows: int, *, newest: bool) -> tuple[int, int]:
        """Slabs for a layer's outputs and their gradient, slots before and after included."""
        size = (2 if newest else self.steps + 2) * rows
        return self.slabs.take(size), self.slabs.take(size) if self.training else 0

    def handed_on(self, values: _Values, steps: int) -> _Values:
        """The same values, or what dropout leaves of them in training."""
        if not self.training or self.architecture.dropout == 0:
            return values
        dropped, factor, gradient = (self.slabs.take((steps + 1) * values.rows) for _ in range(3))
        row = [0] * columns.BOUNDARY_COLUMNS
        row[columns.B_LAYER], row[columns.B_STEPS] = len(self.table), steps
        row[columns.B_ROWS] = values.rows
        row[columns.B_SOURCE], row[columns.B_DSOURCE] = values.at, values.gradient
        row[columns.B_DROPPED], row[columns.B_FACTOR] = dropped, factor
        row[columns.B_DDROPPED] = gradient
        self.boundaries.append(row)
        return _Values(dropped, values.rows, values.used, gradient, values.rows)

    def encoder(self, values: _Values) -> _Values:
        """All layers of the encoder."""
        architecture, y_rows = self.architecture, self.y_rows
        for number in range(architecture.encoder_layers):
            if number:
                values = self.handed_on(values, self.steps)
            last = number == architecture.encoder_layers - 1
            newest = self.newest and last
            y, dy = self.outputs(y_rows, newest=newest)
            for part, direction in enumerate(architecture.directions):
                name, first_row = f"encoder.{number}.{direction}", part * architecture.hidden
                self.layer(name, values, y, y_rows, first_row, dy, newest=newest)
            values = _Values(y + y_rows, y_rows, architecture.encoded, dy + y_rows, y_rows)
        return values

    def decoder(self, values: _Values) -> _Values:
        """All layers of the decoder."""
        rows = self.unit_rows + int(self.training)
        for number in range(self.architecture.decoder_layers):
            values = self.handed_on(values, self.steps if number else 1)
            newest = self.newest and number == self.architecture.decoder_layers - 1
            y, dy = self.outputs(rows, newest=newest)
            self.layer(f"decoder.{number}", values, y, rows, 0, dy, newest=newest)
            values = _Values(y + rows, rows, self.architecture.hidden, dy + rows, rows)
        return self.handed_on(values, self.steps)

    def build(self, *, noisy: bool, burn_in: int = 0) -> Plan:
        """The plan."""
        architecture, packer, slabs, steps = self.architecture, self.packer, self.slabs, self.steps
        head = architecture.forecast and not self.newest
        encoded_rows = padded(architecture.encoded, TRANSPOSED_ROWS)
        channel_rows = padded(architecture.channels, packer.grain.channel_pad)
        x, mask = slabs.take(steps * channel_rows), slabs.take(steps * channel_rows)
        rebuilds = architecture.decoder_layers > 0
        x_hat_steps = 1 if self.newest else steps
        x_hat = slabs.take((x_hat_steps + SPARE_ROWS) * channel_rows) if rebuilds else -1
        forecasts = architecture.horizons * architecture.channels
        forecast_rows = padded(forecasts, packer.grain.channels) if head else 0
        forecast = slabs.take((steps + SPARE_ROWS) * forecast_rows) if head else -1
        latent = slabs.take(encoded_rows)
        dlatent = slabs.take(encoded_rows) if self.training else 0
        outputs = self.encoder(_Values(x, channel_rows, architecture.channels))
        encoder_layers = len(self.table)
        decoded = _Values(latent, encoded_rows, architecture.encoded, dlatent, encoded_rows)
        if rebuilds:
            decoded = self.decoder(decoded)
        slabs.take(SPARE_ROWS * self.unit_rows)
        shape = np.zeros(of.SIZE, np.int64)
        shape[of.STEPS], shape[of.CHANNELS] = steps, architecture.channels
        shape[of.CHANNEL_ROWS], shape[of.HIDDEN] = channel_rows, architecture.hidden
        shape[of.UNIT_ROWS], shape[of.GATE_ROWS] = self.unit_rows, self.gate_rows
        shape[of.Z_ROWS] = self.z_rows
        shape[of.DIRECTIONS] = len(architecture.directions)
        shape[of.ENCODER_LAYERS], shape[of.KEPT] = encoder_layers, self.training
        shape[of.X], shape[of.MASK], shape[of.X_HAT] = x, mask, x_hat
        shape[of.X_HAT_ROWS] = 0 if self.newest else channel_rows
        shape[of.ERRORS], shape[of.PADDING] = slabs.take(2 * SPANS * channel_rows), slabs.take(1)
        shape[of.LATENT], shape[of.LATENT_ROWS] = latent, encoded_rows
        shape[of.OUTPUTS], shape[of.OUTPUT_ROWS] = outputs.at - outputs.rows, outputs.rows
        shape[of.DECODED], shape[of.DECODED_ROWS] = decoded.at, decoded.rows
        if rebuilds:
            shape[of.OUTPUT_W] = packer.channels("output.w")
            shape[of.OUTPUT_BIAS] = packer.channels("output.bias")
        shape[of.FORECAST], shape[of.FORECAST_ROWS] = forecast, forecast_rows
        shape[of.HORIZONS], shape[of.BURN_IN] = architecture.horizons, burn_in
        if head:
            shape[of.FORECAST_W] = packer.channels("forecast.w")
            shape[of.FORECAST_BIAS] = packer.channels("forecast.bias")
        if self.tile is not None:
            shape[of.DOUTPUTS], shape[of.DDECODED] = outputs.gradient, decoded.gradient
            shape[of.DLATENT] = dlatent
            self._training(shape, self.tile, noisy=noisy)
        boundaries = np.array(self.boundaries, np.int64).reshape(-1, columns.BOUNDARY_COLUMNS)
        index, factor = np.concatenate(packer.parts), np.concatenate(packer.factors)
        nothing = np.flatnonzero(index == NOTHING)
        return Plan(np.array(self.table), boundaries, shape, index, factor, nothing, slabs.rows)

    def _training(self, shape: TimeArray, tile: Tile, *, noisy: bool) -> None:
        packer, slabs = self.packer, self.slabs
        size = int(shape[of.STEPS] * shape[of.CHANNEL_ROWS]) if noisy else 0
        shape[of.NOISY], shape[of.TARGET], shape[of.NOISE] = (
            noisy,
            slabs.take(size),
            slabs.take(size),
        )
        architecture = self.architecture
        outputs = architecture.horizons * architecture.channels
        shape[of.DC], shape[of.PARTS] = slabs.take(self.unit_rows), slabs.take(1)
        widest = padded(max(architecture.channels, architecture.encoded), tile.width)
        shape[of.TURNED] = slabs.take(STEPS_PER_SUM * widest)
        size = max(self.gate_rows, padded(outputs, tile.rows)) * widest // tile.width
        shape[of.SUMS_X], shape[of.SUMS_H] = slabs.take(size), slabs.take(size)
        if architecture.decoder_layers:
            shape[of.OUTPUT_W_T] = packer.channels_transposed("output.w")
            shape[of.G_OUTPUT_W] = packer.start("output.w")
            shape[of.G_OUTPUT_BIAS] = packer.start("output.bias")
        if self.architecture.forecast:
            shape[of.FORECAST_W_T] = packer.channels_transposed("forecast.w")
            shape[of.G_FORECAST_W] = packer.start("forecast.w")
            shape[of.G_FORECAST_BIAS] = packer.start("forecast.bias")


def plan_scoring(
    architecture: Architecture,
    steps: int,
    grain: Grain,
    *,
    carried: bool = False,
    packer: Packer | None = None,
    newest: bool = False,
) -> Plan:
    """The plan for scoring windows of so many steps, or for carrying states on by so many.

    newest  the kernel reads outputs before the step after the next, and needs no others; and what
            is rebuilt of a step before the next one
    """
    builder = _Builder(architecture, steps, grain, packer=packer, newest=newest)
    plan = builder.build(noisy=False)
    plan.shape[of.CARRIED] = carried
    return plan


def plan_training(
    architecture: Architecture, steps: int, tile: Tile, *, noisy: bool = False, burn_in: int = 0
) -> Plan:
    """The plan for training on windows of so many steps.

    noisy    their inputs are perturbed
    burn_in  so many steps of a window forecast nothing that counts
    """
    grain = replace(Grain.across(tile), unit_pad=TRANSPOSED_ROWS)
    return _Builder(architecture, steps, grain, tile=tile).build(noisy=noisy, burn_in=burn_in)
