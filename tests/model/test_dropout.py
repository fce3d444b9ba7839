"""Dropout: between layers, in training alone, keeping the expectation, with its own gradient."""

from __future__ import annotations

import numpy as np
import pytest

from sentinel.model.architecture import Architecture
from sentinel.model.autoencoder import forward, loss_and_gradient, reconstruct
from sentinel.model.parameters import Parameters
from tests.kernels.samples import random_parameters, random_windows

DEEP = Architecture(3, 40, 2, 2, bidirectional=True, dropout=0.3)
BETWEEN = {"encoder.1", "decoder.0", "decoder.1", "output"}


def test_scoring_drops_nothing() -> None:
    parameters = random_parameters(DEEP, seed=1)
    plain = Architecture(3, 40, 2, 2, bidirectional=True)
    same = Parameters(plain, parameters.flat)
    x, _ = random_windows(9, 3, 4, seed=2)
    trace = forward(parameters, x, keep=False)
    assert trace.drops == {}
    np.testing.assert_array_equal(trace.x_hat, reconstruct(same, x))


def test_training_drops_the_given_share_between_the_layers_and_scales_the_rest() -> None:
    x, _ = random_windows(30, 3, 16, seed=2)
    rng = np.random.default_rng(3)
    trace = forward(random_parameters(DEEP, seed=1), x, keep=False, rng=rng)
    assert set(trace.drops) == BETWEEN
    for drop in trace.drops.values():
        assert set(np.unique(drop)) == {np.float32(0), np.float32(1) / np.float32(0.7)}
        deviation = np.sqrt(0.3 * 0.7 / drop.size)
        assert abs(np.mean(drop == 0) - 0.3) < 5 * deviation
        assert drop.mean(dtype=np.float64) == pytest.approx(1.0, abs=5 * deviation / 0.7)


def test_expectation_of_the_head_is_that_of_scoring() -> None:
    """One linear layer behind the dropout, so that the mean over many draws is the undropped."""
    parameters = random_parameters(Architecture(2, 30, dropout=0.5), seed=1)
    parameters["decoder.0.w_x"][...] = 0  # dropout before the decoder: not linear, so cut off
    x, _ = random_windows(3, 2, 1, seed=2)
    rng = np.random.default_rng(4)
    draws = np.stack([forward(parameters, x, keep=False, rng=rng).x_hat for _ in range(3000)])
    error = draws.std(axis=0) / np.sqrt(len(draws))
    assert np.all(error > 0)
    assert np.all(np.abs(draws.mean(axis=0) - reconstruct(parameters, x)) < 5 * error)


@pytest.mark.parametrize("name", DEEP.shapes())
def test_gradient_is_the_slope_of_the_loss_under_the_same_draw(name: str) -> None:
    """Float32 differences along the gradient: coarse, but they see a forgotten mask."""
    parameters = random_parameters(DEEP, seed=1)
    x, mask = random_windows(6, 3, 4, seed=2, missing=0.2)
    scale = 1 / float(mask.sum())

    def loss(moved: Parameters, into: Parameters) -> float:
        drops = np.random.default_rng(5)
        return scale * loss_and_gradient(moved, x, mask, scale, into, drops)

    gradient = Parameters(DEEP)
    loss(parameters, gradient)
    direction = gradient[name] / np.linalg.norm(gradient[name])
    ends = []
    for step in (0.02, -0.02):
        moved = Parameters(DEEP, parameters.flat.copy())
        moved[name][...] += np.float32(step) * direction
        ends.append(loss(moved, Parameters(DEEP)))
    slope = (ends[0] - ends[1]) / 0.04
    assert slope == pytest.approx(np.linalg.norm(gradient[name]), rel=0.02, abs=1e-5)


def test_the_same_draw_gives_the_same_bits() -> None:
    parameters = random_parameters(DEEP, seed=1)
    x, _ = random_windows(6, 3, 4, seed=2)

    def once(seed: int) -> np.ndarray:
        return forward(parameters, x, keep=False, rng=np.random.default_rng(seed)).x_hat

    np.testing.assert_array_equal(once(1), once(1))
    assert np.any(once(1) != once(2))
