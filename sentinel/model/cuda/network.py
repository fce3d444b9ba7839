"""A model laid out for training on the device: which layer reads, writes and keeps what, and where.

Every slab is (steps, B, rows), B the windows of a launch; it holds as many as memory is taken for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sentinel.kernels import plan as col
from sentinel.kernels import shape as of
from sentinel.kernels.layout import GATES
from sentinel.model.architecture import Architecture
from sentinel.model.parameters import offsets
from sentinel.model.plan import Plan

# Of so many floats for each window, an array for all windows of a launch.
Take = Callable[[int], Any]


@dataclass(frozen=True, slots=True)
class Values:
    """Values that layers read.

    steps     T; 1: the same ones at every step
    raw       as they were made;  given  what dropout leaves of them, which may be all
    gradient  by them; None: not wanted
    boundary  number of the place where dropout acts; -1: it does not
    """

    steps: int
    rows: int
    raw: Any
    given: Any
    gradient: Any
    boundary: int = -1


@dataclass(frozen=True, slots=True)
class Weights:
    """Where tensors begin in a vector: the packed one, or the flat one of parameters and gradient.

    w_h  -1: of a head, which has none
    """

    w_x: int
    bias: int
    w_h: int = -1


@dataclass(frozen=True, slots=True)
class Layer:
    """One direction of a layer.

    first_row  of its outputs
    z, c       pre-activations (T, B, 4H), which become their gradients, and states (T, B, H)
    base       bias + w_x x: z itself, or (B, 4H) of an input that is the same at every step
    dz         gradient by `base`: z itself, or the sum over the steps
    repeated   the input is such a one
    """

    inputs: Values
    outputs: Values
    first_row: int
    reverse: bool
    packed: Weights
    flat: Weights
    z: Any
    c: Any
    base: Any
    dz: Any
    repeated: bool


@dataclass(frozen=True, slots=True)
class Head:
    """A dense layer, at every step.

    inputs, dinputs  (T, B, rows) and the gradient by them
    out              (T, B, columns), which becomes its gradient; packed in blocks of `width`
    """

    inputs: Any
    dinputs: Any
    rows: int
    columns: int
    width: int
    packed: Weights
    flat: Weights
    out: Any


@dataclass(frozen=True, slots=True)
class Network:
    """Everything that one launch after another passes through.

    encoder, decoder  their layers, level by level, the directions of one beside each other
    """

    x: Values
    encoder: tuple[tuple[Layer, ...], ...]
    latent: Values | None
    decoder: tuple[tuple[Layer, ...], ...]
    rebuilding: Head | None
    forecasting: Head | None

    @property
    def heads(self) -> tuple[Head, ...]:
        """Those that the model has."""
        return tuple(head for head in (self.rebuilding, self.forecasting) if head is not None)


def lay_out(architecture: Architecture, steps: int, plan: Plan, take: Take) -> Network:
    """The network of a model for windows of T steps, by the offsets of its plan for scoring."""
    return _Builder(architecture, steps, plan, take).build()


def floats_of_window(architecture: Architecture, steps: int, plan: Plan) -> int:
    """Floats that `lay_out` takes for each window."""
    sizes: list[int] = []
    lay_out(architecture, steps, plan, sizes.append)
    return sum(sizes)


class _Builder:
    def __init__(self, architecture: Architecture, steps: int, plan: Plan, take: Take) -> None:
        self.architecture, self.steps, self.plan, self.take = architecture, steps, plan, take
        self.starts = {name: start for name, (start, _) in offsets(architecture).items()}
        self.boundaries = self.layers = 0

    def values(self, steps: int, rows: int, *, dropped: bool) -> Values:
        raw, gradient = self.take(steps * rows), self.take(steps * rows)
        if not dropped or self.architecture.dropout == 0:
            return Values(steps, rows, raw, raw, gradient)
        self.boundaries += 1
        return Values(steps, rows, raw, self.take(steps * rows), gradient, self.boundaries - 1)

    def layer(self, name: str, inputs: Values, outputs: Values, first_row: int) -> Layer:
        row = self.plan.table[self.layers]
        self.layers += 1
        gates = GATES * self.architecture.hidden
        z = self.take(self.steps * gates)
        repeated = bool(row[col.REPEATED])
        return Layer(
            inputs, outputs, first_row, bool(row[col.REVERSE]),
            Weights(int(row[col.W_X]), int(row[col.BIAS]), int(row[col.W_H])),
            self.flat(name, "w_x", "w_h"), z, self.take(self.steps * self.architecture.hidden),
            self.take(gates) if repeated else z, self.take(gates) if repeated else z, repeated,
        )  # fmt: skip

    def flat(self, name: str, w_x: str, w_h: str = "") -> Weights:
        starts = self.starts
        return Weights(
            starts[f"{name}.{w_x}"], starts[f"{name}.bias"],
            starts[f"{name}.{w_h}"] if w_h else -1,
        )  # fmt: skip

    def head(self, name: str, values: Any, rows: int, horizons: int, w: int, bias: int) -> Head:
        shape, channels = self.plan.shape, self.architecture.channels
        inputs, gradient = values
        return Head(
            inputs, gradient, rows, horizons * channels, channels,
            Weights(int(shape[w]), int(shape[bias])), self.flat(name, "w"),
            self.take(self.steps * horizons * channels),
        )  # fmt: skip

    def build(self) -> Network:
        architecture, steps = self.architecture, self.steps
        hidden, encoded = architecture.hidden, architecture.encoded
        x = self.take(steps * architecture.channels)
        values = first = Values(steps, architecture.channels, x, x, None)
        encoder, decoder, latent, rebuilding, forecasting = [], [], None, None, None
        for number in range(architecture.encoder_layers):
            last = number == architecture.encoder_layers - 1
            outputs = self.values(steps, encoded, dropped=not last)
            encoder.append(
                tuple(
                    self.layer(f"encoder.{number}.{direction}", values, outputs, part * hidden)
                    for part, direction in enumerate(architecture.directions)
                )
            )
            values = outputs
        if architecture.forecast:
            forecasting = self.head(
                "forecast", (values.raw, values.gradient), encoded, architecture.horizons,
                of.FORECAST_W, of.FORECAST_BIAS,
            )  # fmt: skip
        if architecture.decoder_layers:
            values = latent = self.values(1, encoded, dropped=True)
            for number in range(architecture.decoder_layers):
                outputs = self.values(steps, hidden, dropped=True)
                decoder.append((self.layer(f"decoder.{number}", values, outputs, 0),))
                values = outputs
            rebuilding = self.head(
                "output", (values.given, values.gradient), hidden, 1, of.OUTPUT_W, of.OUTPUT_BIAS
            )
        return Network(first, tuple(encoder), latent, tuple(decoder), rebuilding, forecasting)
