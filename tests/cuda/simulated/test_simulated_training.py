"""Training on the CUDA twin goes where the CPU's goes, step by step, and twice to the same bits."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numba import cuda, types
from numba.cuda.cudadrv.driver import CudaAPIError
from numba.cuda.simulator.kernel import FakeCUDAKernel
from numba.np import numpy_support

from sentinel.errors import DeviceError
from sentinel.model import twins
from sentinel.model.architecture import Architecture
from sentinel.model.backends import window_trainer
from sentinel.model.device import CudaBackend, Device
from sentinel.model.learning import Learner
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import Backend
from sentinel.model.trainer import Minibatches, Optimizer
from sentinel.model.training import Trained, TrainingSettings, train, train_steps
from sentinel.model.twins import difference_of_twins
from sentinel.model.windows import WindowSet
from tests.cuda.training_signatures import SIGNATURES
from tests.kernels.samples import assert_close, random_parameters

CPU = Backend()
TWIN = CudaBackend(CPU, 99 * 1024, 2, trains=True)
SMALL, STEPS = Architecture(1, 2), 3
SETTINGS = TrainingSettings(
    batch_size=4, learning_rate=1e-2, epochs_max=2, epoch_windows_max=7, evaluation_windows_max=5
)


def windows(channels: int, *, missing: float = 0.1) -> WindowSet:
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((30, channels)).astype(np.float32)
    rows[rng.random(rows.shape) < missing] = np.nan
    starts = np.arange(20)
    return WindowSet(rows, starts, np.where(starts % 5, STEPS, STEPS - 1), STEPS)


def assert_same_way(gpu: Parameters, cpu: Parameters, rate: float) -> None:
    """Adam makes a step of the rate's size of the smallest gradient: so large is its rounding."""
    for name, tensor in cpu.tensors.items():
        assert_close(gpu[name], tensor, tol=2e-3 * rate, eps=1e-6)


@pytest.mark.parametrize("clip_norm", [1e9, 0.2], ids=["whole", "clipped"])
@pytest.mark.parametrize("optimizer", ["adam", "adamw", "rmsprop"])
def test_steps_of_the_optimiser_are_those_of_the_cpu(
    optimizer: Optimizer, clip_norm: float
) -> None:
    shown = windows(1)
    minibatches = Minibatches(STEPS, 5, optimizer=optimizer, clip_norm=clip_norm, weight_decay=0.1)
    start = random_parameters(SMALL, seed=1)
    found = []
    for each in (TWIN, CPU):
        rng, told = np.random.default_rng(0), []
        begun = Parameters(SMALL, start.flat.copy())
        with window_trainer(begun, minibatches, each) as trainer:
            for _ in range(3):
                loss, norm = trainer.step(
                    shown.rows, *shown.places(rng.integers(0, 20, 5)), rng, 1e-2
                )
                told.append((loss.reconstruction, norm))
            found.append((trainer.parameters(), told))
    (gpu, gpu_told), (cpu, cpu_told) = found
    assert min(norm for _, norm in cpu_told) > 0.2
    assert_same_way(gpu, cpu, 1e-2)
    np.testing.assert_allclose(gpu_told, cpu_told, rtol=1e-4)
    assert np.abs(gpu.flat - start.flat).max() > 1e-2


def by_epochs(of: Device) -> Trained:
    return train(SMALL, windows(1), windows(1), SETTINGS, of)


def test_training_by_epochs_ends_where_the_cpu_ends() -> None:
    gpu, cpu = by_epochs(TWIN), by_epochs(CPU)
    assert_same_way(gpu.parameters, cpu.parameters, 1e-2)
    assert (gpu.steps, gpu.epochs, gpu.best_epoch) == (cpu.steps, cpu.epochs, cpu.best_epoch)
    for name in ("train_loss", "validation_loss", "gradient_norm", "clipped_share"):
        assert getattr(gpu, name) == pytest.approx(getattr(cpu, name), rel=1e-4)


def test_training_by_steps_ends_where_the_cpu_ends() -> None:
    architecture = Architecture(2, 2, 1, 0, forecast=True, horizons=2)
    settings = replace(SETTINGS, steps=3, schedule="one-cycle", optimizer="adamw")
    gpu, cpu = (
        train_steps(architecture, windows(2), settings, each, burn_in=1) for each in (TWIN, CPU)
    )
    assert_same_way(gpu.parameters, cpu.parameters, 1e-2)
    assert gpu.train_loss == pytest.approx(cpu.train_loss, rel=1e-4)


def test_the_same_seed_gives_the_same_bits_again() -> None:
    architecture = Architecture(1, 2, dropout=0.3)
    settings = replace(SETTINGS, steps=3, input_noise=0.2)
    found = [
        train_steps(architecture, windows(1), replace(settings, seed=seed), TWIN)
        for seed in (0, 0, 1)
    ]
    bits = [trained.parameters.flat.tobytes() for trained in found]
    assert bits[0] == bits[1] != bits[2]
    assert found[0].train_loss == found[1].train_loss


def test_without_being_asked_the_gpu_does_not_train() -> None:
    gpu, cpu = by_epochs(replace(TWIN, trains=False)), by_epochs(CPU)
    assert gpu.parameters.flat.tobytes() == cpu.parameters.flat.tobytes()


@pytest.mark.parametrize(
    "architecture",
    [Architecture(2, 3, forecast=True), Architecture(1, 2, 1, 0, forecast=True, horizons=2)],
    ids=["both heads", "rebuilds nothing"],
)
def test_the_self_check_of_a_gpu_that_trains_looks_at_gradients(
    architecture: Architecture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twins, "WINDOWS", 3)
    assert difference_of_twins(TWIN, architecture) <= 1
    monkeypatch.setattr(Learner, "gradient", half_a_gradient(Learner.gradient))
    assert difference_of_twins(TWIN, architecture) > 1
    assert difference_of_twins(replace(TWIN, trains=False), architecture) <= 1


def test_kernels_are_called_with_what_is_compiled_for_real_devices(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In the simulator any type would do."""
    called: dict[str, set[tuple[Any, ...]]] = {}
    run = FakeCUDAKernel.__call__

    def remember(kernel: FakeCUDAKernel, *arguments: Any) -> Any:
        if not kernel._device:
            called.setdefault(kernel.fn.__name__, set()).add(tuple(map(type_of, arguments)))
        return run(kernel, *arguments)

    monkeypatch.setattr(FakeCUDAKernel, "__call__", remember)
    architecture = Architecture(1, 2, dropout=0.2, forecast=True)
    start, shown = random_parameters(architecture, seed=1), windows(1)
    optimizers: tuple[Optimizer, ...] = ("adam", "rmsprop")
    for optimizer in optimizers:
        minibatches = Minibatches(STEPS, 2, 0.1, 1, optimizer)
        with window_trainer(start, minibatches, TWIN) as trainer:
            trainer.step(shown.rows, *shown.places(np.arange(2)), np.random.default_rng(0), 1e-2)
    assert called == {name: {signature} for name, signature in SIGNATURES.items()}


def type_of(argument: Any) -> Any:
    scalars = {int: types.int64, float: types.float64, np.float32: types.float32}
    if type(argument) in scalars:
        return scalars[type(argument)]
    return numpy_support.from_dtype(argument.dtype)[::1]


def test_training_that_finds_no_room_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_: object, **__: object) -> Any:
        raise CudaAPIError(2, "Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY")

    trainer = window_trainer(random_parameters(SMALL, seed=1), Minibatches(STEPS, 2), TWIN)
    monkeypatch.setattr(cuda, "device_array", no_room)
    with pytest.raises(DeviceError, match="the GPU is out of memory"):
        by_epochs(TWIN)
    shown = windows(1)
    many = shown.places(np.arange(20))
    with pytest.raises(DeviceError, match="the GPU is out of memory"):
        trainer.step(shown.rows, *many, np.random.default_rng(0), 1e-2)


def half_a_gradient(gradient: Any) -> Any:
    def found(*arguments: Any) -> tuple[Any, Any]:
        loss, whole = gradient(*arguments)
        return loss, whole / 2

    return found
