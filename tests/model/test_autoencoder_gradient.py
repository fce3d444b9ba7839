"""The gradient of the loss against finite differences of the float64 oracle, by tensor and name.

The oracle's own slopes stand in for those of the float32 loss, whose differences would drown in
its rounding.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from sentinel.model.architecture import Architecture
from sentinel.model.autoencoder import loss_and_gradient
from sentinel.model.parameters import Parameters
from tests.kernels import oracle
from tests.kernels.samples import (
    Float32Array,
    assert_close,
    float64,
    random_parameters,
    random_windows,
)

# architecture, steps T, windows B, share of missing values
SMALL = {
    "one layer": (Architecture(2, 3), 6, 3, 0.0),
    "one layer, masked": (Architecture(3, 4), 5, 4, 0.4),
    "one step": (Architecture(2, 3, 2, 2), 1, 3, 0.0),
    "two layers": (Architecture(2, 3, 2, 2), 5, 3, 0.2),
    "bidirectional": (Architecture(2, 3, 1, 1, bidirectional=True), 5, 2, 0.2),
    "deep, bidirectional": (Architecture(3, 2, 3, 2, bidirectional=True), 4, 2, 0.2),
}
LARGE = {
    "H 16": (Architecture(3, 16), 40, 5, 0.1),
    "H 50, two layers": (Architecture(7, 50, 2, 2), 15, 9, 0.1),
    "H 64, bidirectional": (Architecture(8, 64, 1, 1, bidirectional=True), 30, 33, 0.1),
    "H 200": (Architecture(5, 200), 13, 3, 0.1),
}
CASES = SMALL | LARGE


def by_tensor(cases: dict[str, tuple[Architecture, int, int, float]]) -> list[tuple[str, str]]:
    return [(case, name) for case, made in cases.items() for name in made[0].shapes()]


@cache
def setting(case: str) -> tuple[Parameters, Float32Array, Float32Array]:
    architecture, steps, windows, missing = CASES[case]
    x, mask = random_windows(steps, architecture.channels, windows, seed=4, missing=missing)
    if missing:
        mask[:, 0, 0] = 0  # a channel without a value
        mask[: steps // 2, :, 1] = 0  # a window padded on the left
        x *= mask
    return random_parameters(architecture, seed=3), x, mask


@cache
def gradient_of(case: str) -> Parameters:
    parameters, x, mask = setting(case)
    gradient = Parameters(parameters.architecture)
    total = loss_and_gradient(parameters, x, mask, 1 / float(mask.sum()), gradient)
    exact = oracle.loss(float64(parameters.tensors), x.astype(np.float64), mask)
    assert total / float(mask.sum()) == pytest.approx(exact, rel=1e-6)
    return gradient


@pytest.mark.parametrize(("case", "name"), by_tensor(SMALL))
def test_every_entry_of_the_gradient_is_the_slope_of_the_loss(case: str, name: str) -> None:
    parameters, x, mask = setting(case)
    exact, x64 = float64(parameters.tensors), x.astype(np.float64)
    slopes = oracle.finite_differences(
        lambda tensor: oracle.loss({**exact, name: tensor}, x64, mask), exact[name]
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
    parameters, x, mask = setting(case)
    exact, x64 = float64(parameters.tensors), x.astype(np.float64)
    found = gradient_of(case)[name].astype(np.float64)
    size = float(np.linalg.norm(found))
    rng = np.random.default_rng(5)
    for direction in (found, rng.standard_normal(found.shape), rng.standard_normal(found.shape)):
        unit = direction / np.linalg.norm(direction)
        slope = oracle.slope_along(
            lambda tensor: oracle.loss({**exact, name: tensor}, x64, mask), exact[name], unit
        )
        assert_close(np.sum(found * unit), slope, tol=2e-6 * size, eps=2e-6)


def test_gradients_of_parts_of_a_minibatch_add_up() -> None:
    parameters, x, mask = setting("two layers")
    scale = 1 / float(mask.sum())
    parts = Parameters(parameters.architecture)
    for some in (slice(0, 1), slice(1, 3)):
        loss_and_gradient(
            parameters,
            np.ascontiguousarray(x[:, :, some]),
            np.ascontiguousarray(mask[:, :, some]),
            scale,
            parts,
        )
    assert_close(parts.flat, gradient_of("two layers").flat, tol=1e-7, eps=1e-5)
