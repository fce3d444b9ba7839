"""The scoring kernel finds what the CPU's does: for every kind of model, tile and window."""

from __future__ import annotations

import numpy as np
import pytest

from sentinel.kernels.slabs import WHOLE
from sentinel.model.architecture import Architecture
from sentinel.model.backends import window_scorer
from sentinel.model.cuda import scoring, tilings
from sentinel.model.cuda.scoring import CudaWindowScorer
from sentinel.model.device import CudaBackend
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import Backend
from sentinel.model.reference import reconstruct
from sentinel.model.scoring import WindowErrors, WindowScorer
from sentinel.records import Float32Array, TimeArray
from tests.cuda.close import assert_twins
from tests.kernels.samples import random_parameters

CPU = Backend()
# One multiprocessor: wide tiles take many windows. Many: narrow ones.
ONE, MANY = CudaBackend(CPU, 99 * 1024, 1), CudaBackend(CPU, 99 * 1024, 100)
STEPS, WINDOWS = 5, 13
ARCHITECTURES = {
    "odd H": Architecture(2, 3),
    "one of each": Architecture(1, 1),
    "layers": Architecture(3, 5, 2, 2),
    "bidirectional layers": Architecture(2, 3, 2, 1, bidirectional=True),
    "deep decoder, forecasts": Architecture(1, 4, 1, 3, forecast=True),
    "more channels than units": Architecture(7, 2, 1, 2),
}


def windows(channels: int, seed: int = 0) -> tuple[Float32Array, TimeArray, TimeArray]:
    """Overlapping windows, in no order; values, channels and whole rows missing; short ones."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((40, channels)).astype(np.float32)
    rows[rng.random(rows.shape) < 0.2] = np.nan
    rows[10:17, 0] = np.nan
    rows[30:] = np.nan
    lengths = rng.integers(0, STEPS + 1, WINDOWS)
    lengths[:6] = STEPS
    return rows, rng.integers(0, 40 - STEPS, WINDOWS), lengths


def assert_same(gpu: WindowErrors, cpu: WindowErrors) -> None:
    assert_twins(gpu.errors, cpu.errors)
    assert_twins(gpu.expected, cpu.expected)


@pytest.mark.parametrize("backend", [ONE, MANY], ids=["wide tiles", "narrow tiles"])
@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_errors_are_those_of_the_cpu(architecture: Architecture, backend: CudaBackend) -> None:
    parameters = random_parameters(architecture, seed=1)
    places = windows(architecture.channels)
    found = window_scorer(parameters, STEPS, backend).score(*places)
    assert_same(found, WindowScorer(parameters, STEPS, CPU).score(*places))


def test_errors_are_those_of_the_reference() -> None:
    parameters = random_parameters(ARCHITECTURES["layers"], seed=1)
    x = np.random.default_rng(0).standard_normal((7, STEPS, 3)).astype(np.float32)
    found = window_scorer(parameters, STEPS, ONE).score(
        x.reshape(-1, 3), np.arange(7) * STEPS, np.full(7, STEPS)
    )
    x_hat = reconstruct(parameters, x.transpose(1, 2, 0).astype(np.float64)).transpose(2, 0, 1)
    assert_twins(found.errors[:, WHOLE], np.mean((x_hat - x) ** 2, axis=1))
    assert_twins(found.expected, x_hat[:, -1])


def test_weights_that_do_not_fit_are_read_where_they_are() -> None:
    architecture = ARCHITECTURES["layers"]
    parameters = random_parameters(architecture, seed=1)
    scorer = CudaWindowScorer(parameters, STEPS, CudaBackend(CPU, 1100, 1))
    assert not scorer.many.tiling.staged
    places = windows(architecture.channels)
    assert_same(scorer.score(*places), WindowScorer(parameters, STEPS, CPU).score(*places))


def test_a_thread_may_have_several_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tilings, "UNIT_THREADS_MAX", 2)
    architecture = Architecture(2, 5, 2, 1)
    parameters = random_parameters(architecture, seed=1)
    scorer = CudaWindowScorer(parameters, STEPS, ONE)
    assert scorer.many.tiling.units == 3
    places = windows(architecture.channels)
    assert_same(scorer.score(*places), WindowScorer(parameters, STEPS, CPU).score(*places))


def test_chunks_that_overlap_are_handed_out_where_they_belong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scoring, "CHUNK_BYTES", 4 * STEPS * 2 * 3)
    parameters = random_parameters(ARCHITECTURES["odd H"], seed=1)
    scorer = CudaWindowScorer(parameters, STEPS, ONE)
    assert scorer.chunk == 3
    places = windows(2)
    assert_same(scorer.score(*places), WindowScorer(parameters, STEPS, CPU).score(*places))


def test_no_window_is_an_answer_too() -> None:
    scorer = window_scorer(random_parameters(ARCHITECTURES["odd H"], seed=1), STEPS, ONE)
    found = scorer.score(np.zeros((0, 2), np.float32), np.zeros(0, np.int64), np.zeros(0, np.int64))
    assert found.errors.shape == (0, 3, 2)


def test_a_weight_that_is_no_number_makes_no_plausible_score() -> None:
    architecture = ARCHITECTURES["odd H"]
    parameters = random_parameters(architecture, seed=1)
    parameters["encoder.0.forward.w_h"][4, 1] = np.nan
    rows = np.ones((STEPS, 2), np.float32)
    found = window_scorer(parameters, STEPS, ONE).score(rows, np.array([0]), np.array([STEPS]))
    assert np.isnan(found.errors).all()
    assert np.isnan(found.expected).all()


def test_other_parameters_are_taken_at_once() -> None:
    architecture = ARCHITECTURES["odd H"]
    scorer = window_scorer(Parameters(architecture), STEPS, ONE)
    parameters = random_parameters(architecture, seed=2)
    scorer.load(parameters)
    places = windows(2)
    assert_same(scorer.score(*places), WindowScorer(parameters, STEPS, CPU).score(*places))
