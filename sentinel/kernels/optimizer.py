"""Global norm, and one step of Adam or RMSprop over the flat vector of all parameters."""

from __future__ import annotations

import numpy as np

from sentinel.kernels.jit import jit
from sentinel.kernels.types import Float32Array


@jit
def global_norm(gradient: Float32Array) -> float:
    """Euclidean norm of a flat gradient, summed in float64."""
    total = 0.0
    for n in range(gradient.size):
        total += np.float64(gradient[n]) * np.float64(gradient[n])
    return float(np.sqrt(total))


@jit
def adam_step(
    parameters: Float32Array,
    gradient: Float32Array,
    m: Float32Array,
    v: Float32Array,
    step: int,
    learning_rate: float,
    clip: float,
    weight_decay: float,
) -> None:
    """One step of Adam; parameters and the moments m, v (all (P,)) are updated in place.

    step  1, 2, ...;  clip  factor on the gradient (min(1, limit / norm))
    weight_decay  of AdamW: decoupled from the gradient; 0: plain Adam
    Source: Kingma & Ba, "Adam", ICLR 2015, algorithm 1, with its beta 0.9, 0.999 and eps 1e-8;
    Loshchilov & Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, algorithm 2.
    """
    beta1, beta2, epsilon = np.float32(0.9), np.float32(0.999), np.float32(1e-8)
    one = np.float32(1)
    rate = np.float32(learning_rate / (1.0 - 0.9**step))
    correction = np.float32(1.0 / (1.0 - 0.999**step))
    factor, left = np.float32(clip), np.float32(1.0 - learning_rate * weight_decay)
    for n in range(parameters.size):
        g = gradient[n] * factor
        m[n] = beta1 * m[n] + (one - beta1) * g
        v[n] = beta2 * v[n] + (one - beta2) * g * g
        change = rate * m[n] / (np.sqrt(v[n] * correction) + epsilon)
        parameters[n] = parameters[n] * left - change


@jit
def rmsprop_step(
    parameters: Float32Array,
    gradient: Float32Array,
    v: Float32Array,
    learning_rate: float,
    clip: float,
) -> None:
    """One step of RMSprop, decay 0.99, eps 1e-8; parameters and v (P,) are updated in place.

    Source: Tieleman & Hinton, Coursera "Neural Networks for Machine Learning", lecture 6.5 (2012).
    """
    decay, epsilon, one = np.float32(0.99), np.float32(1e-8), np.float32(1)
    rate, factor = np.float32(learning_rate), np.float32(clip)
    for n in range(parameters.size):
        g = gradient[n] * factor
        v[n] = decay * v[n] + (one - decay) * g * g
        parameters[n] -= rate * g / (np.sqrt(v[n]) + epsilon)
