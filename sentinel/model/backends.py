"""Which device computes: a value, and what makes a model ready on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import numpy as np

from sentinel.model.carrying import StateCarrier
from sentinel.model.falling_back import Fallback, SafeCarrier, SafeScorer
from sentinel.model.learning import Loss
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import Backend
from sentinel.model.ring_windows import RingWindows
from sentinel.model.scoring import WindowErrors, WindowScorer
from sentinel.model.trainer import Minibatches, Trainer
from sentinel.records import Float32Array, TimeArray


@dataclass(frozen=True, slots=True)
class CudaBackend:
    """An NVIDIA GPU, and the CPU's kernels for what stays there.

    shared_bytes     of shared memory that a block may have
    multiprocessors  of the device
    fallback         the CPU takes over where the GPU fails amid the work; None: that is an error
    trains           it trains, too; else the CPU does
    """

    cpu: Backend
    shared_bytes: int
    multiprocessors: int
    fallback: Fallback | None = field(default=None, compare=False)
    trains: bool = False


Device: TypeAlias = Backend | CudaBackend


class ScoresWindows(Protocol):
    """`WindowScorer` or its twin."""

    def load(self, parameters: Parameters) -> None:
        """Score with these parameters from now on."""
        ...

    def score(self, rows: Float32Array, starts: TimeArray, lengths: TimeArray) -> WindowErrors:
        """Score windows of consecutive rows."""
        ...

    def score_rings(self, windows: RingWindows) -> WindowErrors:
        """Score full windows of a stream, T rows each; a scorer follows the rings of one."""
        ...


class CarriesStates(Protocol):
    """`StateCarrier` or its twin."""

    def advance(
        self, states: Float32Array, rows: Float32Array, starts: TimeArray, entities: TimeArray
    ) -> Float32Array:
        """Advance the states of some entities, each by its next readings."""
        ...


class TrainsParameters(Protocol):
    """`Trainer` or its twin."""

    def __enter__(self) -> TrainsParameters: ...

    def __exit__(self, *_: object) -> None: ...

    def step(
        self,
        rows: Float32Array,
        starts: TimeArray,
        lengths: TimeArray,
        rng: np.random.Generator,
        learning_rate: float,
    ) -> tuple[Loss, float]:
        """Train on one minibatch; the loss before the step, and its gradient's norm."""
        ...

    def parameters(self) -> Parameters:
        """As they are now; the next step may change what was handed out."""
        ...


def of_cpu(device: Device) -> Backend:
    """The kernels for what a GPU has no twin of."""
    return device.cpu if isinstance(device, CudaBackend) else device


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
