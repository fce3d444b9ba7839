"""Random tensors and windows for the tests of the kernels and the model, and how close is close.

Everything is drawn in float32 and handed to the oracle in float64: both start from the same
numbers.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sentinel.model.architecture import Architecture
from sentinel.model.parameters import Parameters

Float32Array = NDArray[np.float32]
FloatArray = NDArray[np.float64]


def normal(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> Float32Array:
    """Normally distributed float32."""
    return (scale * rng.standard_normal(shape)).astype(np.float32)


def random_parameters(architecture: Architecture, seed: int) -> Parameters:
    """Parameters as initialised, and random biases too: a zero bias would hide its own mistakes."""
    rng = np.random.default_rng(seed)
    made = Parameters.initial(architecture, rng)
    for tensor in made.tensors.values():
        if tensor.ndim == 1:
            tensor += normal(rng, *tensor.shape, scale=0.3)
    return made


def random_windows(
    steps: int, channels: int, windows: int, seed: int, *, missing: float = 0.0
) -> tuple[Float32Array, Float32Array]:
    """x (T, F, B) and its mask; a share of the values is missing: 0 and masked."""
    rng = np.random.default_rng(seed)
    x = normal(rng, steps, channels, windows)
    mask = (rng.random(x.shape) >= missing).astype(np.float32)
    return x * mask, mask


def float64(tensors: Mapping[str, Float32Array]) -> dict[str, FloatArray]:
    """The same tensors for the oracle."""
    return {name: tensor.astype(np.float64) for name, tensor in tensors.items()}


def assert_close(got: ArrayLike, expected: ArrayLike, *, tol: float, eps: float) -> None:
    """|got - expected| <= tol + |expected| eps, everywhere; says by how much it is exceeded."""
    got, expected = np.asarray(got, np.float64), np.asarray(expected, np.float64)
    assert got.shape == expected.shape, f"shape {got.shape}, expected {expected.shape}"
    excess = np.abs(got - expected) / (tol + np.abs(expected) * eps)
    worst = np.unravel_index(np.argmax(np.where(np.isnan(excess), np.inf, excess)), excess.shape)
    assert np.all(excess <= 1), (
        f"at {tuple(map(int, worst))}: {got[worst]!r}, expected {expected[worst]!r}; "
        f"{excess[worst]:.3g} times the tolerance; {np.mean(~(excess <= 1)):.1%} of values are off"
    )
