"""The autoencoder once more, in NumPy and float64: plain, slow, what every variant must agree with.

Source: the equations of the package `sentinel.kernels`; no tiles, no lanes, no packing.
"""

from __future__ import annotations

import numpy as np

from sentinel.kernels.layout import GATE_F, GATE_G, GATE_I, GATE_O, GATES
from sentinel.model.parameters import Parameters
from sentinel.records import FloatArray


def reconstruct(parameters: Parameters, x: FloatArray) -> FloatArray:
    """What the model makes of windows.  x (T, F, B), scaled, 0 where masked; the same back."""
    architecture, y = parameters.architecture, outputs(parameters, x)
    hidden = architecture.hidden
    latent = y[-1].copy()
    # The backward direction ends at the first reading.
    latent[hidden:] = y[0, hidden:]
    y = np.repeat(latent[None], len(x), axis=0)
    for number in range(architecture.decoder_layers):
        y = layer(parameters, f"decoder.{number}", y)
    w, bias = parameters["output.w"].astype(np.float64), parameters["output.bias"]
    return np.asarray(np.einsum("fh,thb->tfb", w, y) + bias[:, None])


def forecasts(parameters: Parameters, x: FloatArray) -> FloatArray:
    """What a model forecasts after each reading of windows.  x (T, F, B), out (T, horizons F, B)"""
    y = outputs(parameters, x)
    w, bias = parameters["forecast.w"].astype(np.float64), parameters["forecast.bias"]
    return np.asarray(np.einsum("fh,thb->tfb", w, y) + bias[:, None])


def loss(parameters: Parameters, x: FloatArray) -> float:
    """What training makes smaller, of windows (T, F, B) that lack no value, without dropout."""
    architecture, total = parameters.architecture, 0.0
    if architecture.decoder_layers:
        total += float(np.mean((reconstruct(parameters, x) - x) ** 2))
    if architecture.forecast:
        found = forecasts(parameters, x).reshape(len(x), architecture.horizons, *x.shape[1:])
        errors = [
            ((found[:-ahead, ahead - 1] - x[ahead:]) ** 2).ravel()
            for ahead in range(1, min(architecture.horizons, len(x) - 1) + 1)
        ]
        total += float(np.mean(errors[0]))
        if architecture.horizons > 1:
            total += float(np.mean(np.concatenate(errors)))
    return total


def outputs(parameters: Parameters, x: FloatArray) -> FloatArray:
    """The encoder's outputs (T, H or 2H, B) for windows x (T, F, B)."""
    y = x
    for number in range(parameters.architecture.encoder_layers):
        both = [
            layer(parameters, f"encoder.{number}.{direction}", y)
            for direction in parameters.architecture.directions
        ]
        y = np.concatenate(both, axis=1)
    return y


def layer(parameters: Parameters, name: str, x: FloatArray) -> FloatArray:
    """Every output of one LSTM layer from a zero state.  x (T, K, B), out (T, H, B)."""
    w_x, w_h, bias = (
        parameters[f"{name}.{tensor}"].astype(np.float64) for tensor in ("w_x", "w_h", "bias")
    )
    steps = range(len(x) - 1, -1, -1) if name.endswith("backward") else range(len(x))
    h = np.zeros((w_h.shape[1], x.shape[2]))
    c = np.zeros_like(h)
    y = np.empty((len(x), *h.shape))
    for t in steps:
        z = (w_x @ x[t] + w_h @ h + bias[:, None]).reshape(GATES, *h.shape)
        i, f, o = (1 / (1 + np.exp(-z[gate])) for gate in (GATE_I, GATE_F, GATE_O))
        c = f * c + i * np.tanh(z[GATE_G])
        h = o * np.tanh(c)
        y[t] = h
    return y
