"""The gradient of the loss against finite differences of the float64 oracle, by tensor and name.

The oracle's own slopes stand in for those of the float32 loss, whose differences would drown in
its rounding.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
import pytest

from sentinel.model.architecture import Architecture
from sentinel.model.learning import Learner, Loss
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import Backend
from tests.kernels import oracle
from tests.kernels.samples import (
    Float32Array,
    FloatArray,
    assert_close,
    float64,
    random_parameters,
    random_windows,
)
from tests.model.laid_out import BACKENDS, laid_out, padded_on_the_left

# architecture, steps T, windows B, share of missing values
SMALL = {
    "one layer": (Architecture(2, 3), 6, 3, 0.0),
    "one layer, masked": (Architecture(3, 4), 5, 4, 0.4),
    "one step": (Architecture(2, 3, 2, 2), 1, 3, 0.0),
    "two layers": (Architecture(2, 3, 2, 2), 5, 3, 0.2),
    "bidirectional": (Architecture(2, 3, 1, 1, bidirectional=True), 5, 2, 0.2),
    "deep, bidirectional": (Architecture(3, 2, 3, 2, bidirectional=True), 4, 2, 0.2),
    "forecasting": (Architecture(2, 3, 1, 1, forecast=True), 5, 3, 0.2),
    "deep, forecasting": (Architecture(3, 2, 2, 2, forecast=True), 4, 3, 0.2),
    "far ahead": (Architecture(2, 3, 1, 1, forecast=True, horizons=3), 6, 3, 0.2),
    "far ahead, nothing rebuilt": (Architecture(3, 2, 2, 0, forecast=True, horizons=5), 7, 3, 0.2),
    "farther than the window": (Architecture(2, 3, 1, 0, forecast=True, horizons=9), 5, 3, 0.2),
}
LARGE = {
    "H 16": (Architecture(3, 16), 40, 5, 0.1),
    "H 50, two layers": (Architecture(7, 50, 2, 2), 15, 9, 0.1),
    "H 64, bidirectional": (Architecture(8, 64, 1, 1, bidirectional=True), 30, 33, 0.1),
    "H 200": (Architecture(5, 200), 13, 3, 0.1),
    "H 33, forecasting": (Architecture(9, 33, 2, 1, forecast=True), 20, 40, 0.1),
    "H 20, far ahead": (Architecture(7, 20, 1, 0, forecast=True, horizons=16), 50, 35, 0.1),
}
CASES = SMALL | LARGE
BURN_IN = {"far ahead, nothing rebuilt": 2, "H 20, far ahead": 12}


def by_tensor(cases: dict[str, tuple[Architecture, int, int, float]]) -> list[tuple[str, str]]:
    return [(case, name) for case, made in cases.items() for name in made[0].shapes()]


def exact_loss(
    tensors: Mapping[str, FloatArray], x: FloatArray, mask: Float32Array, burn_in: int
) -> float:
    """The oracle's, and where there is a second head, of each next reading too.

    And of all that it forecasts, where it looks farther ahead.
    """
    loss = oracle.loss(tensors, x, mask) if "output.w" in tensors else 0.0
    if "forecast.w" in tensors:
        outputs, _ = oracle.encode(tensors, x)
        channels, errors = x.shape[1], []
        for ahead in range(1, len(tensors["forecast.w"]) // channels + 1):
            rows = slice((ahead - 1) * channels, ahead * channels)
            w, bias = tensors["forecast.w"][rows], tensors["forecast.bias"][rows]
            for t in range(burn_in, len(x) - ahead):
                difference = w @ outputs[t] + bias[:, None] - x[t + ahead]
                errors.append((ahead, difference[mask[t + ahead] == 1] ** 2))
        loss += float(np.mean(np.concatenate([found for ahead, found in errors if ahead == 1])))
        if len(tensors["forecast.w"]) > channels:
            loss += float(np.mean(np.concatenate([found for _, found in errors])))
    return loss


@cache
def setting(case: str) -> tuple[Parameters, Float32Array, Float32Array, int]:
    architecture, steps, windows, missing = CASES[case]
    x, mask = random_windows(steps, architecture.channels, windows, seed=4, missing=missing)
    if missing:
        mask[:, 0, 0] = 0  # a channel without a value
        mask[: steps // 2, :, 1] = 0  # a window padded on the left
        x *= mask
    return random_parameters(architecture, seed=3), x, mask, BURN_IN.get(case, 0)


def found_by(
    backend: Backend, parameters: Parameters, x: Float32Array, mask: Float32Array, burn_in: int = 0
) -> tuple[Loss, Float32Array]:
    with Learner(parameters.architecture, len(x), backend, burn_in=burn_in) as learner:
        loss, gradient = learner.gradient(parameters, *laid_out(x, mask))
    return loss, gradient.copy()


@cache
def gradient_of(case: str) -> Parameters:
    parameters, x, mask, burn_in = setting(case)
    architecture = parameters.architecture
    loss, gradient = found_by(Backend(), parameters, x, mask, burn_in)
    exact = exact_loss(float64(parameters.tensors), x.astype(np.float64), mask, burn_in)
    assert loss.total == pytest.approx(exact, rel=1e-6)
    assert loss.values == mask.sum()
    assert np.isnan(loss.reconstruction) == (architecture.decoder_layers == 0)
    assert np.isnan(loss.forecast) == (not architecture.forecast)
    assert np.isnan(loss.ahead) == (architecture.horizons == 1)
    return Parameters(parameters.architecture, gradient)


@pytest.mark.parametrize(("case", "name"), by_tensor(SMALL))
def test_every_entry_of_the_gradient_is_the_slope_of_the_loss(case: str, name: str) -> None:
    parameters, x, mask, burn_in = setting(case)
    exact, x64 = float64(parameters.tensors), x.astype(np.float64)
    slopes = oracle.finite_differences(
        lambda tensor: exact_loss({**exact, name: tensor}, x64, mask, burn_in), exact[name]
    )
    assert_close(gradient_of(case)[name], slopes, tol=3e-7, eps=1e-5)
    if case == "one step" and name.endswith("w_h"):
        assert np.all(slopes == 0)
    else:
        assert np.abs(slopes).max() > 1e-4, "the loss does not depend on the tensor: no test"


@pytest.mark.parametrize(("case", "name"), by_tensor(LARGE))
def test_gradient_of_a_real_size_is_the_slope_along_it(case: str, name: str) -> None:
    """Along the gradient itself, where a wrong entry cannot hide behind a right one's size, and
    along random directions, where it cannot be orthogonal to all."""
    parameters, x, mask, burn_in = setting(case)
    exact, x64 = float64(parameters.tensors), x.astype(np.float64)
    found = gradient_of(case)[name].astype(np.float64)
    size = float(np.linalg.norm(found))
    rng = np.random.default_rng(5)
    for direction in (found, rng.standard_normal(found.shape), rng.standard_normal(found.shape)):
        unit = direction / np.linalg.norm(direction)
        slope = oracle.slope_along(
            lambda tensor: exact_loss({**exact, name: tensor}, x64, mask, burn_in),
            exact[name],
            unit,
        )
        assert_close(np.sum(found * unit), slope, tol=2e-6 * size, eps=2e-6)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)
def test_the_gradient_is_the_same_in_every_variant(backend: Backend, case: str) -> None:
    loss, gradient = found_by(backend, *setting(case))
    portable, expected = found_by(Backend(), *setting(case))
    assert loss.total == pytest.approx(portable.total, rel=1e-6)
    assert_close(gradient, expected, tol=3e-7, eps=1e-5)


@pytest.mark.parametrize("case", ["H 64, bidirectional", "H 33, forecasting"])
@pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)
def test_the_number_of_threads_changes_no_bit_of_the_gradient(backend: Backend, case: str) -> None:
    found = [
        found_by(Backend(backend.variant, threads), *setting(case)) for threads in (1, 2, 3, 2)
    ]
    assert len({(repr(loss), gradient.tobytes()) for loss, gradient in found}) == 1


@pytest.mark.parametrize("case", ["two layers", "H 33, forecasting"])
def test_gradients_of_parts_of_a_minibatch_add_up(case: str) -> None:
    """Each is of a mean: over the values to rebuild, and over those to forecast."""
    parameters, x, mask, _ = setting(case)
    kinds = (mask, mask[1:]) if parameters.architecture.forecast else (mask,)
    assert parameters.architecture.forecast == (len(kinds) == 2)
    if len(kinds) == 2:  # where both means have one weight, the sum has one too
        mask, x = np.ones_like(mask), x + (1 - mask)
    _, whole = found_by(Backend(), parameters, x, mask)
    total = np.zeros_like(whole)
    for some in (slice(0, 1), slice(1, x.shape[2])):
        loss, part = found_by(Backend(), parameters, x[:, :, some], mask[:, :, some])
        total += part * np.float32(loss.values / mask.sum())
    assert_close(total, whole, tol=3e-7, eps=2e-5)


@pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)
@pytest.mark.parametrize(
    "architecture",
    [
        Architecture(3, 9, bidirectional=True),
        Architecture(3, 9, forecast=True),
        Architecture(3, 9, decoder_layers=0, forecast=True, horizons=4),
    ],
    ids=["bidirectional", "forecasting", "far ahead"],
)
def test_a_short_window_is_one_whose_first_steps_hold_nothing(
    backend: Backend, architecture: Architecture
) -> None:
    steps = 10
    lengths = np.random.default_rng(4).integers(3, steps + 1, 40)
    short, whole = padded_on_the_left(steps, 3, lengths, seed=3)
    with Learner(architecture, steps, backend) as learner:
        parameters = random_parameters(architecture, seed=1)
        loss, found = learner.gradient(parameters, *short)
        bits = found.tobytes()
        expected_loss, expected = learner.gradient(parameters, *whole)
    assert np.isfinite(loss.total)
    assert repr(loss) == repr(expected_loss)
    assert bits == expected.tobytes()
