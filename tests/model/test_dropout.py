"""Dropout: between layers, in training alone, keeping the expectation, with its own gradient."""

from __future__ import annotations

import numpy as np
import pytest

from sentinel.kernels import plan as col
from sentinel.model.architecture import Architecture
from sentinel.model.learning import Learner, Loss
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import Backend
from sentinel.model.scoring import WindowScorer
from tests.kernels.samples import Float32Array, random_parameters, random_windows
from tests.model.laid_out import laid_out

DEEP = Architecture(3, 40, 2, 2, bidirectional=True, dropout=0.3)
PLAIN = Architecture(3, 40, 2, 2, bidirectional=True)
# Rows of the plan's table that read dropped values: encoder.1, decoder.0, decoder.1, the output.
BETWEEN = [2, 4, 5, 6]


def gradient_of(
    parameters: Parameters, x: Float32Array, seed: int | None, threads: int = 1
) -> tuple[Loss, Float32Array]:
    rng = None if seed is None else np.random.default_rng(seed)
    with Learner(parameters.architecture, len(x), Backend(threads=threads)) as learner:
        loss, gradient = learner.gradient(parameters, *laid_out(x), rng)
    return loss, gradient.copy()


def test_scoring_drops_nothing() -> None:
    parameters = random_parameters(DEEP, seed=1)
    same = Parameters(PLAIN, parameters.flat)
    x, _ = random_windows(9, 3, 4, seed=2)
    found, expected = (
        WindowScorer(each, 9, Backend()).score(*laid_out(x)) for each in (parameters, same)
    )
    assert found.errors.tobytes() == expected.errors.tobytes()
    assert found.expected.tobytes() == expected.expected.tobytes()


def test_training_without_a_generator_drops_nothing() -> None:
    parameters = random_parameters(DEEP, seed=1)
    x, _ = random_windows(9, 3, 4, seed=2)
    loss, gradient = gradient_of(parameters, x, None)
    plain_loss, plain = gradient_of(Parameters(PLAIN, parameters.flat), x, None)
    assert repr(loss) == repr(plain_loss)
    assert gradient.tobytes() == plain.tobytes()
    assert np.any(gradient_of(parameters, x, 3)[1] != plain)


def test_training_drops_the_given_share_between_the_layers_and_scales_the_rest() -> None:
    x, _ = random_windows(30, 3, 16, seed=2)
    with Learner(DEEP, len(x), Backend()) as learner:
        learner.gradient(random_parameters(DEEP, seed=1), *laid_out(x), np.random.default_rng(3))
        assert learner.plan.boundaries[:, col.B_LAYER].tolist() == BETWEEN
        scratch, windows = learner.scratch[0][0], learner.tile.width
        for row in learner.plan.boundaries:
            source, dropped, factor = (
                scratch[row[at] * windows :][: row[col.B_STEPS] * row[col.B_ROWS] * windows]
                for at in (col.B_SOURCE, col.B_DROPPED, col.B_FACTOR)
            )
            assert set(np.unique(factor)) == {np.float32(0), np.float32(1 / 0.7)}
            deviation = np.sqrt(0.3 * 0.7 / factor.size)
            assert abs(np.mean(factor == 0) - 0.3) < 5 * deviation
            assert factor.mean(dtype=np.float64) == pytest.approx(1.0, abs=5 * deviation / 0.7)
            np.testing.assert_array_equal(dropped, source * factor)
            assert np.any(source != 0)


def test_expectation_of_the_head_is_that_of_scoring() -> None:
    """One linear layer behind the dropout, so that the mean over many draws is the undropped.

    The gradient by the output's bias is linear in what the head gives.
    """
    architecture = Architecture(2, 30, dropout=0.5)
    parameters = random_parameters(architecture, seed=1)
    parameters["decoder.0.w_x"][...] = 0  # dropout before the decoder: not linear, so cut off
    x, _ = random_windows(3, 2, 8, seed=2)
    rng = np.random.default_rng(4)
    where = laid_out(x)
    draws = np.empty((1500, 2))
    with Learner(architecture, len(x), Backend()) as learner:
        for draw in draws:
            draw[:] = Parameters(architecture, learner.gradient(parameters, *where, rng)[1])[
                "output.bias"
            ]
        plain = Parameters(architecture, learner.gradient(parameters, *where)[1])["output.bias"]
    error = draws.std(axis=0) / np.sqrt(len(draws))
    assert np.all(error > 0)
    assert np.all(np.abs(draws.mean(axis=0) - plain) < 5 * error)


@pytest.mark.parametrize("name", DEEP.shapes())
def test_gradient_is_the_slope_of_the_loss_under_the_same_draw(name: str) -> None:
    """Float32 differences along the gradient: coarse, but they see a forgotten mask."""
    parameters = random_parameters(DEEP, seed=1)
    x, mask = random_windows(6, 3, 4, seed=2, missing=0.2)
    x = np.where(mask == 1, x, np.float32(np.nan))
    found = Parameters(DEEP, gradient_of(parameters, x, 5)[1])[name]
    direction = found / np.linalg.norm(found)
    ends = []
    for step in (0.02, -0.02):
        moved = Parameters(DEEP, parameters.flat.copy())
        moved[name][...] += np.float32(step) * direction
        ends.append(gradient_of(moved, x, 5)[0].total)
    slope = (ends[0] - ends[1]) / 0.04
    assert slope == pytest.approx(np.linalg.norm(found), rel=0.02, abs=1e-5)


def test_the_same_draw_gives_the_same_bits_on_any_number_of_threads() -> None:
    parameters = random_parameters(DEEP, seed=1)
    x, _ = random_windows(6, 3, 70, seed=2)
    found = [gradient_of(parameters, x, 1, threads) for threads in (1, 1, 2, 3)]
    assert len({(repr(loss), gradient.tobytes()) for loss, gradient in found}) == 1
    assert np.any(gradient_of(parameters, x, 2)[1] != found[0][1])


def test_windows_of_different_tiles_are_dropped_differently() -> None:
    parameters = random_parameters(DEEP, seed=1)
    x, _ = random_windows(6, 3, 1, seed=2)
    with Learner(DEEP, len(x), Backend()) as learner:
        many = np.repeat(x, 2 * learner.tile.width, axis=2)
        learner.gradient(parameters, *laid_out(many), np.random.default_rng(1))
        first, second = learner.gradients
        assert np.any(first != second)
