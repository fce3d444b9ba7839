"""Noise on the inputs: in training alone, on values that are there, and never on the targets."""

from __future__ import annotations

import numpy as np
import pytest

from sentinel.model.architecture import Architecture
from sentinel.model.learning import Learner, Loss
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import Backend
from tests.kernels.samples import Float32Array, random_parameters, random_windows
from tests.model.laid_out import laid_out

FORECASTING = Architecture(3, 8, 2, 2, dropout=0.2, forecast=True)


def gradient_of(
    parameters: Parameters,
    x: Float32Array,
    seed: int | None,
    *,
    noise: float = 0.3,
    threads: int = 1,
) -> tuple[Loss, Float32Array]:
    rng = None if seed is None else np.random.default_rng(seed)
    with Learner(parameters.architecture, len(x), Backend(threads=threads), noise) as learner:
        loss, gradient = learner.gradient(parameters, *laid_out(x), rng)
    return loss, gradient.copy()


def with_holes(windows: int = 20) -> Float32Array:
    x, mask = random_windows(6, 3, windows, seed=2, missing=0.2)
    return np.where(mask == 1, x, np.float32(np.nan))


def test_without_a_generator_there_is_none() -> None:
    parameters = random_parameters(FORECASTING, seed=1)
    loss, gradient = gradient_of(parameters, with_holes(), None)
    plain_loss, plain = gradient_of(parameters, with_holes(), None, noise=0.0)
    assert repr(loss) == repr(plain_loss)
    assert gradient.tobytes() == plain.tobytes()


def test_the_same_draw_gives_the_same_bits_on_any_number_of_threads() -> None:
    parameters, x = random_parameters(FORECASTING, seed=1), with_holes(70)
    found = [gradient_of(parameters, x, 1, threads=threads) for threads in (1, 1, 2, 3)]
    assert len({(repr(loss), gradient.tobytes()) for loss, gradient in found}) == 1
    assert np.any(gradient_of(parameters, x, 2)[1] != found[0][1])


@pytest.mark.parametrize("name", FORECASTING.shapes())
def test_gradient_is_the_slope_of_the_loss_under_the_same_draw(name: str) -> None:
    parameters, x = random_parameters(FORECASTING, seed=1), with_holes()
    found = Parameters(FORECASTING, gradient_of(parameters, x, 5)[1])[name]
    direction = found / np.linalg.norm(found)
    ends = []
    for step in (0.02, -0.02):
        moved = Parameters(FORECASTING, parameters.flat.copy())
        moved[name][...] += np.float32(step) * direction
        ends.append(gradient_of(moved, x, 5)[0].total)
    slope = (ends[0] - ends[1]) / 0.04
    assert slope == pytest.approx(np.linalg.norm(found), rel=0.02, abs=1e-5)


def test_targets_stay_clean() -> None:
    """Heads that see nothing of the input: the loss is that of the readings as they were."""
    parameters = random_parameters(FORECASTING, seed=1)
    parameters["output.w"][...] = parameters["forecast.w"][...] = 0
    noisy, _ = gradient_of(parameters, with_holes(), 1, noise=3.0)
    clean, _ = gradient_of(parameters, with_holes(), None, noise=0.0)
    assert repr(noisy) == repr(clean)


def test_what_is_missing_gets_none() -> None:
    """A channel that is never there says nothing, so its weights have no gradient."""
    x = with_holes()
    x[:, 1] = np.nan
    _, gradient = gradient_of(random_parameters(FORECASTING, seed=1), x, 1)
    w_x = Parameters(FORECASTING, gradient)["encoder.0.forward.w_x"]
    assert np.all(w_x[:, 1] == 0)
    assert np.all(np.any(w_x[:, [0, 2]] != 0, axis=0))


@pytest.mark.parametrize("noise", [0.1, 2.0])
def test_noise_has_the_standard_deviation_that_was_asked_for(noise: float) -> None:
    """Seen through a model that is almost linear in its input: its loss is quadratic in it."""
    architecture = Architecture(1, 1, forecast=True)
    parameters = Parameters(architecture)
    small = 1e-3
    parameters["encoder.0.forward.w_x"][...] = [[0.0], [0.0], [small], [0.0]]
    parameters["forecast.w"][...] = 4 / small  # h is about half of half of the candidate
    x = np.zeros((2, 1, 4000), np.float32)
    loss, _ = gradient_of(parameters, x, 1, noise=noise)
    expected = noise**2
    assert loss.forecast == pytest.approx(expected, rel=5 * np.sqrt(2 / 4000))
