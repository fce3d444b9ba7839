"""What makes a model ready on a device: the CPU's classes, or their twins on a GPU."""

from __future__ import annotations

from collections.abc import Sequence

from sentinel.entities import EntityArrays
from sentinel.model.carried import CarriedStates, EncoderState
from sentinel.model.device import CudaBackend, Device, of_cpu
from sentinel.model.falling_back import SafeScorer, SafeStates
from sentinel.model.parameters import Parameters
from sentinel.model.protocols import CarriesStates, ScoresWindows, TrainsParameters
from sentinel.model.scoring import WindowScorer
from sentinel.model.trainer import Minibatches, Trainer
from sentinel.model.waves import STEPS
from sentinel.records import Float32Array


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


def carried_states(
    parameters: Parameters, start: Float32Array, device: Device, steps: Sequence[int] = STEPS
) -> CarriesStates:
    """The states of no entity yet, and what carries them on by so many steps on this device.

    start  as of `CarriedStates`
    Raises DeviceError, then or when it is at work, where a GPU fails that has no fallback.
    """
    if not isinstance(device, CudaBackend):
        return CarriedStates(parameters, start, device, steps)
    from sentinel.model.cuda.carrying import CudaCarriedStates

    if device.fallback is None:
        return CudaCarriedStates(parameters, EntityArrays(EncoderState(start)), device, steps)
    cpu = CarriedStates(parameters, start, device.cpu, steps)
    gpu = device.fallback.attempt(
        lambda: CudaCarriedStates(parameters, cpu, device, steps), lambda: None
    )
    return SafeStates(gpu, cpu, device.fallback) if gpu else cpu


def window_trainer(
    parameters: Parameters, minibatches: Minibatches, device: Device
) -> TrainsParameters:
    """What trains these parameters, by this device or by its CPU."""
    if isinstance(device, CudaBackend) and device.trains:
        from sentinel.model.cuda.training import CudaTrainer

        return CudaTrainer(parameters, minibatches, device)
    return Trainer(parameters, minibatches, of_cpu(device))
