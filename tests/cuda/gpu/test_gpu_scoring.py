"""A GPU finds what the CPU finds: every shape, every kind of model, any number of windows."""

from __future__ import annotations

import numpy as np
import pytest

from sentinel.model.architecture import Architecture
from sentinel.model.backends import window_scorer
from sentinel.model.device import CudaBackend
from sentinel.model.scoring import WindowErrors
from sentinel.model.twins import difference_of_twins
from tests.cuda.close import assert_twins
from tests.cuda.gpu.sizes import BATCHES, MANY, ODD, ODD_BATCHES, SHAPES, windows
from tests.cuda.gpu_here import SIMULATED
from tests.kernels.samples import random_parameters

F, H = (2, 3) if SIMULATED else (5, 48)
ARCHITECTURES = {
    "layers": Architecture(F, H, 2, 2),
    "three layers": Architecture(F, H, 3, 3),
    "bidirectional": Architecture(F, H, bidirectional=True),
    "bidirectional layers": Architecture(F, H, 2, 1, bidirectional=True),
    "deep decoder": Architecture(F, H, 1, 3),
    "both heads": Architecture(F, H, forecast=True),
    "both heads, horizons": Architecture(F, H, 2, 1, forecast=True, horizons=3),
    "wide layers": Architecture(F, 5 if SIMULATED else 160, 2, 2),
}


def assert_same(gpu: WindowErrors, cpu: WindowErrors) -> None:
    assert_twins(gpu.errors, cpu.errors)
    assert_twins(gpu.expected, cpu.expected)


def assert_scores_are_the_cpu_s(
    gpu: CudaBackend, architecture: Architecture, steps: int, batch: int
) -> None:
    parameters = random_parameters(architecture, seed=1)
    places = windows(steps, architecture.channels, batch, seed=batch)
    there, here = (
        window_scorer(parameters, steps, device).score(*places) for device in (gpu, gpu.cpu)
    )
    assert_same(there, here)


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_benchmarked_shapes(gpu: CudaBackend, shape: tuple[int, int, int], batch: int) -> None:
    steps, channels, hidden = shape
    assert_scores_are_the_cpu_s(gpu, Architecture(channels, hidden), steps, batch)


@pytest.mark.parametrize("batch", ODD_BATCHES)
@pytest.mark.parametrize("shape", ODD, ids=str)
def test_odd_sizes(gpu: CudaBackend, shape: tuple[int, int, int], batch: int) -> None:
    steps, channels, hidden = shape
    assert_scores_are_the_cpu_s(gpu, Architecture(channels, hidden), steps, batch)


@pytest.mark.parametrize("batch", ODD_BATCHES[-2:])
@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_every_kind_of_model(gpu: CudaBackend, architecture: Architecture, batch: int) -> None:
    assert_scores_are_the_cpu_s(gpu, architecture, 4 if SIMULATED else 19, batch)


def test_a_window_s_bits_do_not_depend_on_the_others(gpu: CudaBackend) -> None:
    steps, channels, hidden = SHAPES[0 if SIMULATED else 1]
    parameters = random_parameters(Architecture(channels, hidden), seed=1)
    scorer = window_scorer(parameters, steps, gpu)
    rows, starts, lengths = windows(steps, channels, MANY)
    together = scorer.score(rows, starts, lengths)
    chosen = np.random.default_rng(1).permutation(MANY)[:7]
    for part in (chosen, chosen[:1], np.sort(chosen)):
        alone = scorer.score(rows, starts[part], lengths[part])
        assert alone.errors.tobytes() == together.errors[part].tobytes()
        assert alone.expected.tobytes() == together.expected[part].tobytes()


def test_parameters_are_taken_at_once_and_no_number_is_made_up(gpu: CudaBackend) -> None:
    steps, channels, hidden = SHAPES[0]
    first, second = (random_parameters(Architecture(channels, hidden), seed=s) for s in (1, 2))
    places = windows(steps, channels, 5)
    scorer = window_scorer(first, steps, gpu)
    scorer.load(second)
    assert_same(scorer.score(*places), window_scorer(second, steps, gpu.cpu).score(*places))
    second["encoder.0.forward.w_h"][0, 0] = np.nan
    scorer.load(second)
    found = scorer.score(np.ones((steps, channels), np.float32), np.array([0]), np.array([steps]))
    assert np.isnan(found.errors).all()


@pytest.mark.parametrize("kind", ["bidirectional layers", "both heads"])
def test_the_self_check_passes(gpu: CudaBackend, kind: str) -> None:
    assert difference_of_twins(gpu, ARCHITECTURES[kind]) <= 1
