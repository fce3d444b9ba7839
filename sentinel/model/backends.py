"""What makes a model ready on a device: the CPU's classes, or their twins on a GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sentinel.model.carrying import StateCarrier
from sentinel.model.device import CudaBackend, Device, of_cpu
from sentinel.model.falling_back import Fallback, SafeCarrier, SafeScorer
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import Backend
from sentinel.model.protocols import CarriesStates, ScoresWindows, TrainsParameters
from sentinel.model.scoring import WindowScorer
from sentinel.model.trainer import Minibatches, Trainer

Twin = TypeVar("Twin")
Other = TypeVar("Other")
Safe = TypeVar("Safe")


def window_scorer(parameters: Parameters, steps: int, device: Device) -> ScoresWindows:
    """What scores windows of T steps on this device.

    Raises DeviceError, then or when it is at work, where a GPU fails that has no fallback.
    """
    if not isinstance(device, CudaBackend):
        return WindowScorer(parameters, steps, device)
    from sentinel.model.cuda.scoring import CudaWindowScorer

    return _twin(CudaWindowScorer, WindowScorer, SafeScorer, parameters, steps, device)


def state_carrier(parameters: Parameters, steps: int, device: Device) -> CarriesStates:
    """What carries states on by so many steps on this device.

    Raises DeviceError, then or when it is at work, where a GPU fails that has no fallback.
    """
    if not isinstance(device, CudaBackend):
        return StateCarrier(parameters, steps, device)
    from sentinel.model.cuda.carrying import CudaStateCarrier

    return _twin(CudaStateCarrier, StateCarrier, SafeCarrier, parameters, steps, device)


def _twin(
    of_gpu: Callable[[Parameters, int, CudaBackend], Twin],
    on_cpu: Callable[[Parameters, int, Backend], Other],
    safe: Callable[[Twin, Other, Fallback], Safe],
    parameters: Parameters,
    steps: int,
    device: CudaBackend,
) -> Twin | Other | Safe:
    """The GPU's; with a fallback the CPU's beside it, and alone where the GPU fails already."""
    if device.fallback is None:
        return of_gpu(parameters, steps, device)
    cpu = on_cpu(parameters, steps, device.cpu)
    gpu = device.fallback.attempt(lambda: of_gpu(parameters, steps, device), lambda: None)
    return safe(gpu, cpu, device.fallback) if gpu else cpu


def window_trainer(
    parameters: Parameters, minibatches: Minibatches, device: Device
) -> TrainsParameters:
    """What trains these parameters, by this device or by its CPU."""
    if isinstance(device, CudaBackend) and device.trains:
        from sentinel.model.cuda.training import CudaTrainer

        return CudaTrainer(parameters, minibatches, device)
    return Trainer(parameters, minibatches, of_cpu(device))
