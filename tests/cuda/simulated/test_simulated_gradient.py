"""The gradient by the CUDA twin is the CPU's, tensor by tensor, for every kind of model."""

from __future__ import annotations

from dataclasses import astuple
from functools import cache

import numpy as np
import pytest

from sentinel.kernels import plan as col
from sentinel.kernels import shape as of
from sentinel.kernels.cuda.draws import drop_factor, normal
from sentinel.model.architecture import Architecture
from sentinel.model.cuda import learning, tilings
from sentinel.model.cuda.learning import CudaLearner
from sentinel.model.cuda.network import floats_of_window
from sentinel.model.cuda.passing import words
from sentinel.model.cuda.scoring import plan_for
from sentinel.model.device import CudaBackend
from sentinel.model.learning import Learner, Loss
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import Backend
from sentinel.records import Float32Array
from tests.kernels.samples import assert_close, random_parameters, random_windows
from tests.model.laid_out import laid_out

CPU = Backend()
# One multiprocessor: wide tiles. Many: a window each.
ONE, MANY = CudaBackend(CPU, 99 * 1024, 1), CudaBackend(CPU, 99 * 1024, 100)
KEY = (0x9ABCDEF << 32) + 0x12345678
# architecture, steps T, windows B, burn-in
CASES = {
    "odd H": (Architecture(2, 3), 4, 5, 0),
    "one step": (Architecture(2, 3, 2, 2), 1, 3, 0),
    "layers": (Architecture(3, 5, 2, 2), 3, 5, 0),
    "bidirectional layers": (Architecture(2, 3, 2, 1, bidirectional=True), 3, 3, 0),
    "both heads": (Architecture(2, 3, forecast=True), 4, 3, 0),
    "far ahead, nothing rebuilt": (Architecture(3, 2, 2, 0, forecast=True, horizons=3), 5, 3, 1),
    "more channels than units": (Architecture(9, 2), 3, 3, 0),
}


@cache
def setting(case: str) -> tuple[Parameters, Float32Array, Float32Array]:
    architecture, steps, windows, _ = CASES[case]
    x, mask = random_windows(steps, architecture.channels, windows, seed=4, missing=0.2)
    mask[: steps // 2, :, 1] = 0  # a window padded on the left
    return random_parameters(architecture, seed=3), x * mask, mask


def found_by(learner: CudaLearner, case: str) -> tuple[Loss, float, Parameters]:
    parameters, x, mask = setting(case)
    learner.load(parameters)
    loss, norm = learner.collect(learner.minibatch(*laid_out(x, mask)))
    return loss, norm, gradient_of(learner)


def gradient_of(learner: CudaLearner) -> Parameters:
    return Parameters(learner.architecture, learner.gradient.copy_to_host())


def assert_same(found: Parameters, expected: Float32Array) -> None:
    for name, tensor in Parameters(found.architecture, expected).tensors.items():
        assert_close(found[name], tensor, tol=3e-7, eps=1e-5)


@cache
def expected_of(case: str) -> tuple[Loss, Float32Array]:
    architecture, steps, _, burn_in = CASES[case]
    parameters, x, mask = setting(case)
    with Learner(architecture, steps, CPU, burn_in=burn_in) as learner:
        loss, gradient = learner.gradient(parameters, *laid_out(x, mask))
    return loss, gradient.copy()


def assert_right(case: str, backend: CudaBackend) -> CudaLearner:
    """The device finds what the CPU finds."""
    architecture, steps, windows, burn_in = CASES[case]
    expected_loss, expected = expected_of(case)
    twin = CudaLearner(architecture, steps, backend, windows, burn_in=burn_in)
    loss, norm, gradient = found_by(twin, case)
    np.testing.assert_allclose(astuple(loss), astuple(expected_loss), rtol=2e-6)
    np.testing.assert_allclose(norm, np.linalg.norm(expected.astype(np.float64)), rtol=2e-6)
    assert_same(gradient, expected)
    return twin


@pytest.mark.parametrize("case", CASES)
def test_gradients_are_those_of_the_cpu(case: str) -> None:
    assert assert_right(case, ONE).kernels.tiling.windows > 1


@pytest.mark.parametrize("case", ["odd H", "bidirectional layers"])
def test_a_tile_may_be_a_single_window(case: str) -> None:
    assert assert_right(case, MANY).kernels.tiling.windows == 1


def test_weights_that_do_not_fit_are_read_where_they_are() -> None:
    twin = assert_right("layers", CudaBackend(CPU, 500, 1))
    assert not twin.kernels.tiling.staged


def test_a_thread_may_have_several_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tilings, "UNIT_THREADS_MAX", 2)
    assert assert_right("layers", ONE).kernels.tiling.units == 3


def test_a_thread_may_have_several_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    for per_thread in (2, 4):
        monkeypatch.setattr(tilings, "PER_THREAD_MANY", (per_thread,))
        assert assert_right("odd H", ONE).kernels.tiling.per_thread == per_thread


class SameDraws(Learner):
    """The CPU's learner, shown what the device draws; for a single tile of windows."""

    def _draw(self, scratch: Float32Array, rng: np.random.Generator, *, drawn: bool) -> None:
        windows, shape = self.tile.width, self.plan.shape
        steps, rows, noise = shape[of.STEPS], shape[of.CHANNEL_ROWS], np.float32(self.noise)
        places = np.ndindex(int(steps), int(rows), windows)
        values = [noise * normal(row, b, t, *words(KEY)) for t, row, b in places]
        fill(scratch, int(shape[of.NOISE]) * windows, values)
        left = np.float32(1 - self.architecture.dropout)
        for number, at in enumerate(self.plan.boundaries.tolist()):
            places = np.ndindex(at[col.B_STEPS], at[col.B_ROWS], windows)
            factors = [drop_factor(row, b, t, number, left, *words(KEY)) for t, row, b in places]
            fill(scratch, at[col.B_FACTOR] * windows, factors)


def fill(scratch: Float32Array, at: int, values: list[np.float32]) -> None:
    scratch[at : at + len(values)] = values


@pytest.mark.parametrize(
    "architecture",
    [
        Architecture(2, 3, 2, 2, bidirectional=True, dropout=0.3),
        Architecture(3, 2, 2, 1, dropout=0.4, forecast=True),
    ],
    ids=["bidirectional", "forecasting"],
)
def test_noise_and_dropout_have_the_gradient_of_the_cpu_under_the_same_draw(
    architecture: Architecture,
) -> None:
    parameters = random_parameters(architecture, seed=1)
    x, mask = random_windows(2, architecture.channels, 3, seed=2, missing=0.2)
    places = laid_out(x, mask)
    with SameDraws(architecture, 2, CPU, 0.3) as learner:
        expected_loss, expected = learner.gradient(parameters, *places)
    twin = CudaLearner(architecture, 2, ONE, 3, 0.3)
    twin.load(parameters)
    loss, _ = twin.collect(twin.minibatch(*places, KEY))
    np.testing.assert_allclose(astuple(loss), astuple(expected_loss), rtol=2e-6)
    assert_same(gradient_of(twin), expected)


def test_every_key_draws_something_else_and_none_draws_nothing() -> None:
    parameters = random_parameters(Architecture(1, 2, dropout=0.3), seed=1)
    x, _ = random_windows(2, 1, 3, seed=2)
    places = laid_out(x)
    twin, plain = (
        CudaLearner(architecture, 2, ONE, 3, noise)
        for architecture, noise in ((parameters.architecture, 0.3), (Architecture(1, 2), 0.0))
    )
    for each in (twin, plain):
        each.load(parameters)
        each.collect(each.minibatch(*places))
    assert gradient_of(twin).flat.tobytes() == gradient_of(plain).flat.tobytes()
    twin.collect(twin.minibatch(*places, KEY))
    drawn = twin.gradient.copy_to_host().tobytes()
    for key in (KEY + 1, KEY + (1 << 32), KEY):
        twin.collect(twin.minibatch(*places, key))
        assert (twin.gradient.copy_to_host().tobytes() == drawn) == (key == KEY)


def test_a_minibatch_that_is_too_large_is_taken_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    architecture = Architecture(2, 3, dropout=0.3, forecast=True)
    parameters = random_parameters(architecture, seed=1)
    x, mask = random_windows(3, 2, 5, seed=2, missing=0.2)
    whole, found = CudaLearner(architecture, 3, ONE, 5, 0.2), []
    monkeypatch.setattr(learning, "SLAB_BYTES_MAX", 3 * whole_bytes(whole) // 5)
    parts = CudaLearner(architecture, 3, ONE, 5, 0.2)
    assert (whole.chunk, parts.chunk) == (5, 3)
    for twin in (whole, parts):
        twin.load(parameters)
        found.append((*twin.collect(twin.minibatch(*laid_out(x, mask), KEY)), gradient_of(twin)))
    (loss, norm, gradient), (other_loss, other_norm, other) = found
    np.testing.assert_allclose(astuple(loss), astuple(other_loss), rtol=1e-6)
    np.testing.assert_allclose(norm, other_norm, rtol=1e-6)
    assert_same(other, gradient.flat)


def whole_bytes(learner: CudaLearner) -> int:
    each = floats_of_window(learner.architecture, learner.steps, plan_for(learner.architecture, 3))
    return 4 * each * learner.chunk


def test_the_same_minibatch_has_the_same_bits_again() -> None:
    case = "far ahead, nothing rebuilt"
    architecture, steps, windows, burn_in = CASES[case]
    found = []
    for _ in range(2):
        twin = CudaLearner(architecture, steps, ONE, windows, burn_in=burn_in)
        for _ in range(2):
            loss, norm, gradient = found_by(twin, case)
            found.append((repr(loss), norm, gradient.flat.tobytes()))
    assert len(set(found)) == 1


def test_a_weight_that_is_no_number_makes_no_plausible_gradient() -> None:
    parameters = random_parameters(Architecture(2, 3), seed=1)
    parameters["encoder.0.forward.w_h"][4, 1] = np.nan
    twin = CudaLearner(parameters.architecture, 3, ONE, 2)
    twin.load(parameters)
    x, _ = random_windows(3, 2, 2, seed=2)
    loss, norm = twin.collect(twin.minibatch(*laid_out(x)))
    assert np.isnan(loss.reconstruction)
    assert np.isnan(norm)
