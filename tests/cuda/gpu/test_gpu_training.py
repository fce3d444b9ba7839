"""A GPU trains as the CPU does: gradients, steps, and the same bits for the same seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sentinel.model.architecture import Architecture
from sentinel.model.cuda.learning import CudaLearner
from sentinel.model.device import CudaBackend
from sentinel.model.learning import Learner
from sentinel.model.parameters import Parameters
from sentinel.model.training import TrainingSettings, train_steps
from sentinel.model.twins import difference_of_twins
from sentinel.model.windows import WindowSet
from tests.cuda.gpu.sizes import windows
from tests.cuda.gpu_here import SIMULATED
from tests.kernels.samples import assert_close, random_parameters

# architecture, steps T, windows B, burn-in
CASES = {
    "rebuilds and forecasts": (Architecture(2, 3, forecast=True), 2, 3, 0),
} if SIMULATED else {
    "rebuilds and forecasts": (Architecture(8, 64, forecast=True), 60, 64, 0),
    "wide": (Architecture(38, 128), 40, 256, 0),
    "deep, both ways, odd": (Architecture(7, 50, 3, 2, bidirectional=True), 15, 33, 0),
    "far ahead": (Architecture(7, 20, 1, 0, forecast=True, horizons=16), 50, 35, 12),
    "several units of a thread": (Architecture(5, 300), 13, 3, 0),
    "one of each": (Architecture(1, 1), 1, 1, 0),
    "many windows": (Architecture(8, 64), 60, 5000, 0),
}  # fmt: skip
TRAINED = Architecture(2, 2) if SIMULATED else Architecture(3, 32, forecast=True)
STEPS = 2 if SIMULATED else 50
SETTINGS = TrainingSettings(
    steps=2 if SIMULATED else 200, batch_size=3 if SIMULATED else 64, schedule="one-cycle"
)


@pytest.mark.parametrize("case", CASES)
def test_gradients_are_those_of_the_cpu_and_the_same_bits_again(
    gpu: CudaBackend, case: str
) -> None:
    architecture, steps, count, burn_in = CASES[case]
    parameters, places = (
        random_parameters(architecture, 3),
        windows(steps, architecture.channels, count),
    )
    with Learner(architecture, steps, gpu.cpu, burn_in=burn_in) as learner:
        expected_loss, expected = learner.gradient(parameters, *places)
    twin = CudaLearner(architecture, steps, gpu, count, burn_in=burn_in)
    twin.load(parameters)
    found = []
    for _ in range(3):
        loss, norm = twin.collect(twin.minibatch(*places))
        found.append((repr(loss), norm, twin.gradient.copy_to_host().tobytes()))
    assert len(set(found)) == 1
    assert loss.total == pytest.approx(expected_loss.total, rel=1e-5)
    gradient = Parameters(architecture, np.frombuffer(found[0][2], np.float32))
    for name, tensor in Parameters(architecture, expected).tensors.items():
        assert_close(gradient[name], tensor, tol=1e-6, eps=1e-4)


@pytest.mark.parametrize("optimizer", ["adam"] if SIMULATED else ["adam", "adamw", "rmsprop"])
def test_training_goes_where_the_cpu_goes(gpu: CudaBackend, optimizer: str) -> None:
    rng = np.random.default_rng(0)
    t = np.arange(20 * STEPS)[:, None] * np.linspace(0.05, 0.3, TRAINED.channels)
    rows = (np.sin(t) + 0.1 * rng.standard_normal(t.shape)).astype(np.float32)
    starts = np.arange(19 * STEPS)
    shown = WindowSet(rows, starts, np.full(len(starts), STEPS), STEPS)
    settings = replace(SETTINGS, optimizer=optimizer)  # type: ignore[arg-type]
    trains = replace(gpu, trains=True)
    there, again, here = (
        train_steps(TRAINED, shown, settings, device) for device in (trains, trains, gpu)
    )
    assert there.parameters.flat.tobytes() == again.parameters.flat.tobytes()
    assert there.train_loss == pytest.approx(here.train_loss, rel=0.01)
    assert there.gradient_norm == pytest.approx(here.gradient_norm, rel=0.01)
    # What is drawn is drawn anew there, but as much of it.
    there, here = (
        train_steps(TRAINED, shown, replace(settings, input_noise=0.1), device)
        for device in (trains, gpu)
    )
    assert there.train_loss == pytest.approx(here.train_loss, rel=0.1)


def test_the_self_check_passes(gpu: CudaBackend) -> None:
    for architecture in {TRAINED, *(architecture for architecture, *_ in CASES.values())}:
        assert difference_of_twins(replace(gpu, trains=True), architecture) <= 1
