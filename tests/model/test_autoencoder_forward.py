"""The scores of windows against the float64 oracle, over many shapes, in every variant."""

from __future__ import annotations

import numpy as np
import pytest

from sentinel.kernels.slabs import NEWEST, QUARTER, WHOLE
from sentinel.model.architecture import Architecture
from sentinel.model.prepared import Backend
from sentinel.model.reference import reconstruct
from sentinel.model.scoring import WindowScorer
from tests.kernels import oracle
from tests.kernels.samples import assert_close, float64, random_parameters, random_windows
from tests.model.laid_out import BACKENDS, laid_out, padded_on_the_left

# channels, hidden, encoder and decoder layers, bidirectional; steps T, windows B
SHAPES = [
    (1, 1, 1, 1, False, 1, 1),
    (3, 16, 1, 1, False, 1, 3),
    (1, 16, 1, 1, False, 7, 1),
    (3, 50, 1, 1, False, 33, 5),
    (8, 64, 1, 1, False, 64, 32),
    (5, 200, 1, 1, False, 21, 7),
    (2, 16, 2, 2, True, 13, 3),
    (7, 50, 2, 1, True, 31, 9),
    (38, 64, 3, 2, False, 17, 65),
    (25, 200, 1, 1, True, 25, 4),
    (4, 17, 1, 3, False, 9, 11),
]
NAMES = ("channels", "hidden", "encoders", "decoders", "bidirectional", "steps", "windows")


@pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)
@pytest.mark.parametrize(NAMES, SHAPES)
def test_errors_and_expected_readings_are_the_oracles(
    backend: Backend,
    channels: int,
    hidden: int,
    encoders: int,
    decoders: int,
    bidirectional: bool,
    steps: int,
    windows: int,
) -> None:
    architecture = Architecture(channels, hidden, encoders, decoders, bidirectional)
    parameters = random_parameters(architecture, seed=1)
    x, mask = random_windows(steps, channels, windows, seed=2, missing=0.2)
    found = WindowScorer(parameters, steps, backend).score(*laid_out(x, mask))
    x_hat = oracle.reconstruct(float64(parameters.tensors), x.astype(np.float64))
    assert_close(found.expected, x_hat[-1].T, tol=2e-6, eps=1e-6)
    squares = (x_hat - x) ** 2 * mask
    for span, first in ((WHOLE, 0), (QUARTER, steps - -(-steps // 4)), (NEWEST, steps - 1)):
        total, count = squares[first:].sum(axis=0), mask[first:].sum(axis=0)
        np.testing.assert_array_equal(np.isnan(found.errors[:, span]), count.T == 0)
        mean = total / np.maximum(count, 1)
        assert_close(np.nan_to_num(found.errors[:, span]), mean.T, tol=2e-6, eps=5e-6)


@pytest.mark.parametrize(NAMES, SHAPES)
def test_the_reference_of_the_self_check_is_the_oracle(
    channels: int,
    hidden: int,
    encoders: int,
    decoders: int,
    bidirectional: bool,
    steps: int,
    windows: int,
) -> None:
    architecture = Architecture(channels, hidden, encoders, decoders, bidirectional)
    parameters = random_parameters(architecture, seed=1)
    x = random_windows(steps, channels, windows, seed=2)[0].astype(np.float64)
    expected = oracle.reconstruct(float64(parameters.tensors), x)
    assert_close(reconstruct(parameters, x), expected, tol=1e-13, eps=1e-12)


@pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)
@pytest.mark.parametrize("windows", [1, 3, 11, 60])
def test_a_short_window_is_one_whose_first_steps_hold_nothing(
    backend: Backend, windows: int
) -> None:
    """Whatever lies beside it: nothing there is read, or it is never used."""
    steps = 10
    parameters = random_parameters(Architecture(3, 9, bidirectional=True), seed=1)
    lengths = np.random.default_rng(4).integers(3, steps, windows)
    short, whole = padded_on_the_left(steps, 3, lengths, seed=3)
    scorer = WindowScorer(parameters, steps, backend)
    found, expected = scorer.score(*short), scorer.score(*whole)
    assert np.isfinite(found.errors).all()
    assert found.errors.tobytes() == expected.errors.tobytes()
    assert found.expected.tobytes() == expected.expected.tobytes()


def test_other_parameters_of_the_same_architecture_can_be_loaded() -> None:
    """By every kernel: no batch size goes on with the old ones."""
    architecture = Architecture(3, 20, 2, 2, bidirectional=True)
    one, other = (random_parameters(architecture, seed) for seed in (1, 2))
    loaded, fresh = (WindowScorer(parameters, 12, Backend()) for parameters in (one, other))
    loaded.load(other)
    for windows in (1, 2, 5, 40):
        where = laid_out(random_windows(12, 3, windows, seed=3)[0])
        found, expected = loaded.score(*where), fresh.score(*where)
        assert found.errors.tobytes() == expected.errors.tobytes()
