"""Global norm, and one step of Adam or RMSprop over the flat vector of all parameters."""

from __future__ import annotations

import math

import numpy as np

from sentinel.kernels.jit import jit, shared
from sentinel.kernels.types import Float32Array, Scalar

BETA1, BETA2 = np.float32(0.9), np.float32(0.999)
DECAY, EPSILON, ONE = np.float32(0.99), np.float32(1e-8), np.float32(1)


@shared
def adam_rates(
    step: int, learning_rate: float, weight_decay: float
) -> tuple[np.float32, np.float32, np.float32]:
    """What `adam` needs at step 1, 2, ...: rate, correction of v, share of a parameter left."""
    return (
        np.float32(learning_rate / (1.0 - 0.9**step)),
        np.float32(1.0 / (1.0 - 0.999**step)),
        np.float32(1.0 - learning_rate * weight_decay),
    )


@shared
def adam(
    parameter: Scalar,
    g: Scalar,
    m: Scalar,
    v: Scalar,
    rate: Scalar,
    correction: Scalar,
    left: Scalar,
) -> tuple[Scalar, Scalar, Scalar]:
    """One parameter's step by the gradient g: (parameter, m, v).

    rate, correction, left  `adam_rates`
    """
    m = BETA1 * m + (ONE - BETA1) * g
    v = BETA2 * v + (ONE - BETA2) * g * g
    change = rate * m / (np.float32(math.sqrt(v * correction)) + EPSILON)
    return parameter * left - change, m, v


@shared
def rmsprop(parameter: Scalar, g: Scalar, v: Scalar, rate: Scalar) -> tuple[Scalar, Scalar]:
    """One parameter's step by the gradient g: (parameter, v)."""
    v = DECAY * v + (ONE - DECAY) * g * g
    return parameter - rate * g / (np.float32(math.sqrt(v)) + EPSILON), v


@shared
def clip_factor(norm: float, limit: float) -> float:
    """What makes a gradient of this norm no longer than the limit."""
    return min(1.0, limit / norm) if norm > 0 else 1.0


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

    step  1, 2, ...;  clip  factor on the gradient (`clip_factor`)
    weight_decay  of AdamW: decoupled from the gradient; 0: plain Adam
    Source: Kingma & Ba, "Adam", ICLR 2015, algorithm 1, with its beta 0.9, 0.999 and eps 1e-8;
    Loshchilov & Hutter, "Decoupled Weight Decay Regularization", ICLR 2019, algorithm 2.
    """
    rate, correction, left = adam_rates(step, learning_rate, weight_decay)
    factor = np.float32(clip)
    for n in range(parameters.size):
        parameters[n], m[n], v[n] = adam(
            parameters[n], gradient[n] * factor, m[n], v[n], rate, correction, left
        )


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
    rate, factor = np.float32(learning_rate), np.float32(clip)
    for n in range(parameters.size):
        parameters[n], v[n] = rmsprop(parameters[n], gradient[n] * factor, v[n], rate)
