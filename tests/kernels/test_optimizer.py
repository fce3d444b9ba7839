"""Adam, RMSprop and the global norm, against their formulas in float64."""

from __future__ import annotations

import numpy as np
import pytest

from sentinel.kernels.optimizer import adam_step, global_norm, rmsprop_step
from tests.kernels.samples import assert_close, normal

STEPS = 25
RATE = 3e-3
# Steps of very different size: the moments of a wrongly clipped gradient differ.
CLIPS = [1.0, 0.01, 0.3, 1.0, 0.7]


def gradients() -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    sizes = 10.0 ** rng.uniform(-6, 2, 301)  # some are so small that epsilon shows
    return [(sizes * rng.standard_normal(301)).astype(np.float32) for _ in range(STEPS)]


@pytest.mark.parametrize("decay", [0.0, 0.05])
def test_adam_follows_kingma_and_ba_with_the_decay_of_loshchilov_and_hutter(decay: float) -> None:
    """The decay acts on the parameters: neither the moments nor the clipping see it."""
    parameters = normal(np.random.default_rng(1), 301)
    m, v = np.zeros_like(parameters), np.zeros_like(parameters)
    theta, m64, v64 = parameters.astype(np.float64), np.zeros(301), np.zeros(301)
    for step, gradient in enumerate(gradients(), 1):
        clip = CLIPS[step % len(CLIPS)]
        adam_step(parameters, gradient, m, v, step, RATE, clip, decay)
        g = clip * gradient.astype(np.float64)
        m64 = 0.9 * m64 + 0.1 * g
        v64 = 0.999 * v64 + 0.001 * g**2
        theta = (1 - RATE * decay) * theta
        theta -= RATE * (m64 / (1 - 0.9**step)) / (np.sqrt(v64 / (1 - 0.999**step)) + 1e-8)
    assert_close(parameters, theta, tol=2e-6, eps=1e-6)
    assert_close(m, m64, tol=1e-12, eps=1e-4)
    assert_close(v, v64, tol=1e-20, eps=1e-4)


def test_rmsprop_divides_by_the_running_root_mean_square() -> None:
    parameters = normal(np.random.default_rng(1), 301)
    v = np.zeros_like(parameters)
    theta, v64 = parameters.astype(np.float64), np.zeros(301)
    for step, gradient in enumerate(gradients(), 1):
        clip = CLIPS[step % len(CLIPS)]
        rmsprop_step(parameters, gradient, v, RATE, clip)
        g = clip * gradient.astype(np.float64)
        v64 = 0.99 * v64 + 0.01 * g**2
        theta = theta - RATE * g / (np.sqrt(v64) + 1e-8)
    assert_close(parameters, theta, tol=2e-6, eps=1e-6)
    assert_close(v, v64, tol=1e-20, eps=1e-4)


@pytest.mark.parametrize("size", [0, 1, 1000, 100_003])
def test_global_norm_is_euclidean_and_does_not_lose_small_terms(size: int) -> None:
    gradient = normal(np.random.default_rng(2), size)
    assert global_norm(gradient) == pytest.approx(
        np.linalg.norm(gradient.astype(np.float64)), rel=1e-12
    )
    # In float32, a million times 1 beside 1e4 squared would stay 1e8.
    far = np.ones(1_000_001, np.float32)
    far[0] = 1e4
    assert global_norm(far) == pytest.approx(np.sqrt(1e8 + 1e6), rel=1e-12)


def test_a_nan_in_the_gradient_reaches_the_norm() -> None:
    assert np.isnan(global_norm(np.array([1.0, np.nan, 2.0], np.float32)))
