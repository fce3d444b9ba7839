"""What makes a model ready on a device: the CPU's classes, or their twins on a GPU."""

from __future__ import annotations

from sentinel.model.carrying import StateCarrier
from sentinel.model.device import CudaBackend, Device, of_cpu
from sentinel.model.falling_back import SafeCarrier, SafeScorer
from sentinel.model.parameters import Parameters
from sentinel.model.protocols import CarriesStates, ScoresWindows, TrainsParameters
from sentinel.model.scoring import WindowScorer
from sentinel.model.trainer import Minibatches, Trainer


def window_scorer(parameters: Parameters, steps: int, device: Device) -> ScoresWindows:
    """What scores windows of T steps on this device.

    Raises DeviceError, then or when it is at work, where a GPU fails that has no fallback.
    """
    if not isinstance(device, CudaBackend):
        return WindowScorer(parameters, steps, device)
    from sentinel.model.cuda.scoring import CudaWindowScorer

    if device.fallback is None:
        return CudaWindowScorer(parameters, steps, device)
    cpu = WindowScorer(parameters, steps, device.cpu)
    gpu = device.fallback.attempt(lambda: CudaWindowScorer(parameters, steps, device), lambda: None)
    return SafeScorer(gpu, cpu, device.fallback) if gpu else cpu


def state_carrier(parameters: Parameters, steps: int, device: Device) -> CarriesStates:
    """What carries states on by so many steps on this device.

    Raises DeviceError, then or when it is at work, where a GPU fails that has no fallback.
    """
    if not isinstance(device, CudaBackend):
        return StateCarrier(parameters, steps, device)
    from sentinel.model.cuda.carrying import CudaStateCarrier

    if device.fallback is None:
        return CudaStateCarrier(parameters, steps, device)
    cpu = StateCarrier(parameters, steps, device.cpu)
    gpu = device.fallback.attempt(lambda: CudaStateCarrier(parameters, steps, device), lambda: None)
    return SafeCarrier(gpu, cpu, device.fallback) if gpu else cpu


def window_trainer(
    parameters: Parameters, minibatches: Minibatches, device: Device
) -> TrainsParameters:
    """What trains these parameters, by this device or by its CPU."""
    if isinstance(device, CudaBackend) and device.trains:
        from sentinel.model.cuda.training import CudaTrainer

        return CudaTrainer(parameters, minibatches, device)
    return Trainer(parameters, minibatches, of_cpu(device))
