"""Forward and backward through the layers of an LSTM autoencoder.

The layers are walked here; every sum happens in the kernels. A second dense head on the encoder's
outputs (`Encoding.outputs`) is one more `dense_forward` and `dense_backward`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sentinel.kernels import cpu
from sentinel.kernels.errors import squared_error_gradient
from sentinel.kernels.layout import GATES
from sentinel.model.architecture import Architecture
from sentinel.model.parameters import Parameters
from sentinel.records import Float32Array

NOT_WANTED = 0


@dataclass(slots=True)
class LayerTrace:
    """What one layer and direction computed, kept for its gradient."""

    name: str
    reverse: bool
    x: Float32Array
    y: Float32Array
    c: Float32Array
    gates: Float32Array


@dataclass(slots=True)
class Encoding:
    """outputs (T, H or 2H, B): y_1..y_T of the last encoder layer; latent (1, H or 2H, B)."""

    outputs: Float32Array
    latent: Float32Array


@dataclass(slots=True)
class Trace:
    """Everything the backward pass needs: layers in forward order, and the dropout between."""

    encoder: list[list[LayerTrace]]
    decoder: list[LayerTrace]
    encoding: Encoding
    decoded: Float32Array
    x_hat: Float32Array
    drops: dict[str, Float32Array]


def reconstruct(parameters: Parameters, x: Float32Array) -> Float32Array:
    """What the model makes of windows.  x (T, F, B), scaled, 0 where masked; the same back."""
    return forward(parameters, x, keep=False).x_hat


def forward(
    parameters: Parameters,
    x: Float32Array,
    *,
    keep: bool,
    rng: np.random.Generator | None = None,
) -> Trace:
    """Encode and decode windows.

    x     (T, F, B) scaled, 0 where masked
    keep  keep the gates of every step, for `backward`
    rng   draws the dropout (training); None: no dropout
    """
    architecture = parameters.architecture
    drops: dict[str, Float32Array] = {}

    def handed_on(name: str, y: Float32Array) -> Float32Array:
        if rng is None or architecture.dropout == 0:
            return y
        left = 1.0 - architecture.dropout
        drops[name] = (rng.random(y.shape, np.float32) < left).astype(np.float32) / np.float32(left)
        return y * drops[name]

    layers: list[list[LayerTrace]] = []
    outputs = x
    for number in range(architecture.encoder_layers):
        if number:
            outputs = handed_on(f"encoder.{number}", outputs)
        both = [
            _layer(parameters, f"encoder.{number}.{direction}", outputs, len(x), keep=keep)
            for direction in architecture.directions
        ]
        layers.append(both)
        outputs = both[0].y if len(both) == 1 else np.concatenate([part.y for part in both], axis=1)
    # The backward direction ends at the first reading.
    finals = [part.y[0 if part.reverse else -1] for part in layers[-1]]
    latent = np.concatenate(finals)[None]
    encoding = Encoding(outputs, latent)

    decoder: list[LayerTrace] = []
    y = handed_on("decoder.0", latent)
    for number in range(architecture.decoder_layers):
        if number:
            y = handed_on(f"decoder.{number}", y)
        decoder.append(_layer(parameters, f"decoder.{number}", y, len(x), keep=keep))
        y = decoder[-1].y
    y = np.ascontiguousarray(handed_on("output", y))
    x_hat = np.empty(x.shape, np.float32)
    cpu.dense_forward(y, parameters["output.w"], parameters["output.bias"], x_hat)
    return Trace(layers, decoder, encoding, y, x_hat, drops)


def _layer(
    parameters: Parameters, name: str, x: Float32Array, steps: int, *, keep: bool
) -> LayerTrace:
    hidden, windows = parameters.architecture.hidden, x.shape[2]
    y = np.empty((steps, hidden, windows), np.float32)
    c = np.empty((steps, hidden, windows), np.float32)
    gates = np.empty((steps if keep else 1, GATES * hidden, windows), np.float32)
    reverse = name.endswith("backward")
    tensors = (parameters[f"{name}.w_x"], parameters[f"{name}.w_h"], parameters[f"{name}.bias"])
    cpu.lstm_forward(x, *tensors, reverse, y, c, gates)
    return LayerTrace(name, reverse, x, y, c, gates)


def backward(
    parameters: Parameters, trace: Trace, dx_hat: Float32Array, gradient: Parameters
) -> None:
    """Add the gradient of a loss to `gradient`; the trace is used up.

    dx_hat  (T, F, B) gradient of the loss by the reconstruction
    """
    dy = np.zeros_like(trace.decoded)
    cpu.dense_backward(
        trace.decoded, parameters["output.w"], dx_hat, dy,
        gradient["output.w"], gradient["output.bias"],
    )  # fmt: skip
    _through(trace.drops, "output", dy)
    for layer in reversed(trace.decoder):
        dx = np.zeros_like(layer.x)
        _layer_backward(parameters, layer, dy, dx, gradient)
        _through(trace.drops, layer.name, dx)
        dy = dx
    dlatent = dy[0]

    encoded = parameters.architecture.hidden
    douts = np.zeros_like(trace.encoding.outputs)
    for part, layer in enumerate(trace.encoder[-1]):
        rows = slice(part * encoded, (part + 1) * encoded)
        douts[0 if layer.reverse else -1, rows] += dlatent[rows]
    for number in range(len(trace.encoder) - 1, -1, -1):
        both = trace.encoder[number]
        x = both[0].x
        dx = np.zeros_like(x) if number else np.empty((NOT_WANTED, *x.shape[1:]), np.float32)
        for part, layer in enumerate(both):
            dy = np.ascontiguousarray(douts[:, part * encoded : (part + 1) * encoded])
            _layer_backward(parameters, layer, dy, dx, gradient)
        _through(trace.drops, f"encoder.{number}", dx)
        douts = dx


def _layer_backward(
    parameters: Parameters,
    layer: LayerTrace,
    dy: Float32Array,
    dx: Float32Array,
    gradient: Parameters,
) -> None:
    name = layer.name
    cpu.lstm_backward(
        layer.x, parameters[f"{name}.w_x"], parameters[f"{name}.w_h"], layer.reverse,
        layer.y, layer.c, layer.gates, dy, dx,
        gradient[f"{name}.w_x"], gradient[f"{name}.w_h"], gradient[f"{name}.bias"],
    )  # fmt: skip


def _through(drops: dict[str, Float32Array], name: str, dy: Float32Array) -> None:
    if name in drops:
        dy *= drops[name]


def loss_and_gradient(
    parameters: Parameters,
    x: Float32Array,
    mask: Float32Array,
    scale: float,
    gradient: Parameters,
    rng: np.random.Generator | None = None,
) -> float:
    """Sum of masked squared errors of windows; the gradient of scale times it is added.

    x, mask  (T, F, B);  scale  1 / unmasked values of the minibatch
    """
    trace = forward(parameters, x, keep=True, rng=rng)
    dx_hat = np.empty_like(x)
    total = squared_error_gradient(x, trace.x_hat, mask, scale, dx_hat)
    backward(parameters, trace, dx_hat, gradient)
    return total


def untrained(architecture: Architecture, seed: int = 0) -> Parameters:
    """Parameters as training would start from them."""
    return Parameters.initial(architecture, np.random.default_rng(seed))
