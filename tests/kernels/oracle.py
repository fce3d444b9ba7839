"""An LSTM autoencoder in float64 NumPy, written from the equations and from nothing else.

It shares no line with the kernels: windows come first here, each gate has its own matrix over
[h, x], and nothing is fused. Per layer, step by step (Hochreiter & Schmidhuber 1997; forget gate:
Gers, Schmidhuber & Cummins 2000):

    f = sigmoid(W_f [h, x] + b_f)    i = sigmoid(W_i [h, x] + b_i)    o = sigmoid(W_o [h, x] + b_o)
    g = tanh(W_g [h, x] + b_g)       c = f c + i g                    h = o tanh(c)

Arrays go in and out as in the kernels: x (T, K, B); tensors by the names of the model file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Tensors = Mapping[str, Array]

STORED_ORDER = "ifgo"


def sigmoid(x: Array) -> Array:
    """The logistic function, without overflow for large negative x."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1 / (1 + small), small / (1 + small))


def lstm(x: Array, w_x: Array, w_h: Array, bias: Array, *, reverse: bool = False) -> Array:
    """Every output y (T, H, B) of one layer from a zero state; x (T, K, B)."""
    hidden, windows = w_h.shape[1], x.shape[2]
    w, b = {}, {}
    for number, gate in enumerate(STORED_ORDER):
        rows = slice(number * hidden, (number + 1) * hidden)
        w[gate] = np.concatenate([w_h[rows], w_x[rows]], axis=1)
        b[gate] = bias[rows]
    h, c = np.zeros((windows, hidden)), np.zeros((windows, hidden))
    readings = [x_t.T for x_t in x]
    outputs = []
    for reading in reversed(readings) if reverse else readings:
        hx = np.concatenate([h, reading], axis=1)
        f = sigmoid(hx @ w["f"].T + b["f"])
        i = sigmoid(hx @ w["i"].T + b["i"])
        o = sigmoid(hx @ w["o"].T + b["o"])
        g = np.tanh(hx @ w["g"].T + b["g"])
        c = f * c + i * g
        h = o * np.tanh(c)
        outputs.append(h.T)
    return np.stack(outputs[::-1] if reverse else outputs)


def _layer(tensors: Tensors, name: str, x: Array, *, reverse: bool = False) -> Array:
    w_x, w_h, bias = (tensors[f"{name}.{part}"] for part in ("w_x", "w_h", "bias"))
    return lstm(x, w_x, w_h, bias, reverse=reverse)


def encode(tensors: Tensors, x: Array) -> tuple[Array, Array]:
    """Outputs (T, H or 2H, B) of the last encoder layer, and the latent state (H or 2H, B)."""
    layer = 0
    y = x
    latent = x[-1]
    while f"encoder.{layer}.forward.w_x" in tensors:
        there = _layer(tensors, f"encoder.{layer}.forward", y)
        if f"encoder.{layer}.backward.w_x" in tensors:
            back = _layer(tensors, f"encoder.{layer}.backward", y, reverse=True)
            # Read right to left, the last state is the one at the first reading.
            latent = np.concatenate([there[-1], back[0]])
            y = np.concatenate([there, back], axis=1)
        else:
            latent, y = there[-1], there
        layer += 1
    return y, latent


def reconstruct(tensors: Tensors, x: Array) -> Array:
    """x_hat (T, F, B): the latent state repeated, through the decoder and the dense head."""
    _, latent = encode(tensors, x)
    y = np.stack([latent for _ in x])
    layer = 0
    while f"decoder.{layer}.w_x" in tensors:
        y = _layer(tensors, f"decoder.{layer}", y)
        layer += 1
    w, bias = tensors["output.w"], tensors["output.bias"]
    return np.stack([w @ y_t + bias[:, None] for y_t in y])


def loss(tensors: Tensors, x: Array, mask: NDArray[np.floating]) -> float:
    """Mean squared error over the unmasked values."""
    there = mask == 1
    difference = reconstruct(tensors, x)[there] - x[there]
    return float(np.mean(difference**2))


def finite_differences(function: Callable[[Array], float], at: Array, step: float = 1e-5) -> Array:
    """Central differences of a function of one array, entry by entry; error about step squared."""
    slopes = np.empty_like(at)
    for index in np.ndindex(at.shape):
        up, down = at.copy(), at.copy()
        up[index] += step
        down[index] -= step
        slopes[index] = (function(up) - function(down)) / (2 * step)
    return slopes


def slope_along(
    function: Callable[[Array], float], at: Array, direction: Array, step: float = 1e-4
) -> float:
    """Central difference of a function of one array along a direction of length 1."""
    ahead, behind = function(at + step * direction), function(at - step * direction)
    return (ahead - behind) / (2 * step)
