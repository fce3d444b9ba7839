"""CPU or GPU: asked for, or measured here, and handed down as a value."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from sentinel.errors import ConfigError, DeviceError
from sentinel.model.architecture import Architecture
from sentinel.model.backends import carried_states, window_scorer
from sentinel.model.carrying import zero_states
from sentinel.model.device import CudaBackend, Device
from sentinel.model.falling_back import Fallback
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import Backend
from sentinel.model.twins import difference_of_twins
from sentinel.runtime.gpu import Gpu, NoGpu, probe

log = logging.getLogger(__name__)

Asked = Literal["auto", "cpu", "cuda"]
OnFailure = Literal["stop", "cpu"]
# Windows, or entities, of a call: of a quiet stream, and of a busy one or a file.
BATCHES = (256, 4096)
ROUNDS = 3


@dataclass(frozen=True, slots=True)
class DeviceChoice:
    """What computes from the start on.

    reason     why, for people
    fell_back  a GPU was asked for in vain
    """

    device: Device
    reason: str
    fell_back: bool = False

    @property
    def name(self) -> str:
        """As in the configuration."""
        return "cuda" if isinstance(self.device, CudaBackend) else "cpu"


def choose_device(
    architecture: Architecture,
    steps: int,
    cpu: Backend,
    asked: Asked = "auto",
    on_failure: OnFailure = "stop",
    *,
    training: bool = False,
) -> DeviceChoice:
    """What is asked for; "auto": the GPU where it is there, right, and faster for every batch.

    steps     T
    cpu       the CPU's kernels, chosen already
    training  what "cuda" asks for is to train, too; with "auto" the CPU trains
    Raises ConfigError where "cuda" is asked for and fails, unless `on_failure` is "cpu". A GPU that
    fails later leaves the rest to the CPU then, and always where "auto" has chosen it.
    """
    if asked == "cpu":
        return DeviceChoice(cpu, 'asked for by device = "cpu"')
    found = probe()
    problem = found if isinstance(found, NoGpu) else None
    if isinstance(found, Gpu):
        trains = training and asked == "cuda"
        gpu = CudaBackend(cpu, found.shared_bytes, found.multiprocessors, trains=trains)
        try:
            problem = _wrong(architecture, gpu)
            if problem is None and asked == "cuda":
                chosen = gpu if on_failure == "stop" else _with_fallback(gpu)
                return DeviceChoice(chosen, f'{found.name}, asked for by device = "cuda"')
            if problem is None:
                return _faster(architecture, steps, gpu, found.name)
        except DeviceError as error:
            problem = NoGpu(f"{found.name}: {error.what}", error.hint)
        # numba-cuda, the driver's bindings and their compilers have a tree of exceptions each;
        # whichever it is: what is tried here does not work, and the operator is told.
        except Exception as error:
            log.debug("the GPU failed", exc_info=error)
            what = f"{type(error).__name__}: {error}".splitlines()[0]
            problem = NoGpu(
                f"{found.name} failed ({what})", 'look at nvidia-smi, or device = "cpu"'
            )
    assert problem is not None
    if asked == "auto":
        return DeviceChoice(cpu, problem.reason)
    if on_failure == "stop":
        raise ConfigError(f'device "cuda": {problem.reason}', hint=problem.hint)
    log.warning(
        'device "cuda" was asked for, and the CPU computes: %s; %s', problem.reason, problem.hint
    )
    return DeviceChoice(cpu, problem.reason, fell_back=True)


def fell_back(asked: Asked, device: Device) -> bool:
    """Whether the CPU computes what the GPU should, from the start on or by now."""
    if isinstance(device, CudaBackend):
        return device.fallback is not None and device.fallback.happened
    return asked == "cuda"


def _with_fallback(gpu: CudaBackend) -> CudaBackend:
    """The same, but the CPU takes over where it fails."""

    def tell(why: str) -> None:
        log.error("%s: from now on the CPU computes", why)

    return replace(gpu, fallback=Fallback(tell))


def _wrong(architecture: Architecture, gpu: CudaBackend) -> NoGpu | None:
    """What the self-check of the GPU finds; None: it computes what the CPU does."""
    excess = difference_of_twins(gpu, architecture)
    if excess <= 1:
        return None
    return NoGpu(
        f"the GPU failed its self-check ({excess:.2g} times the tolerance)",
        "report it, with the output of sentinel info",
    )


def _faster(architecture: Architecture, steps: int, gpu: CudaBackend, name: str) -> DeviceChoice:
    """The faster of both, by a measurement."""
    parameters = Parameters.initial(replace(architecture, dropout=0.0), np.random.default_rng(0))
    of_gpu, of_cpu = (seconds_of(device, parameters, steps) for device in (gpu, gpu.cpu))
    told = ", ".join(
        f"{batch}: {1e3 * there:.2f} ms against {1e3 * here:.2f}"
        for batch, there, here in zip(BATCHES, of_gpu, of_cpu, strict=True)
    )
    if all(there < here for there, here in zip(of_gpu, of_cpu, strict=True)):
        return DeviceChoice(
            _with_fallback(gpu), f"{name} is faster than the CPU (windows at a time: {told})"
        )
    return DeviceChoice(gpu.cpu, f"{name} is not faster for every batch ({told})")


def seconds_of(device: Device, parameters: Parameters, steps: int) -> list[float]:
    """Least seconds of a call, for each of `BATCHES`; from rows of the CPU, as in a daemon.

    Of a model that forecasts, a step of two states for each window is part of it.
    """
    architecture = parameters.architecture
    scorer = window_scorer(parameters, steps, device) if architecture.decoder_layers else None
    carried = None
    if architecture.forecast:
        carried = carried_states(parameters, zero_states(architecture, 1), device)
        carried.grow(2 * max(BATCHES))
    found = []
    for batch in BATCHES:
        rng = np.random.default_rng(0)
        rows = rng.standard_normal((batch * steps, architecture.channels), np.float32)
        starts, lengths = np.arange(batch) * steps, np.full(batch, steps)
        least = float("inf")
        for _ in range(1 + ROUNDS):  # the first one compiles, and makes room
            begun = time.perf_counter()
            if scorer is not None:
                scorer.score(rows, starts, lengths)
            if carried is not None:
                slots, begins = np.arange(2 * batch), np.zeros(2 * batch, np.bool_)
                carried.advance(rows, np.repeat(starts, 2), slots, begins, 1)
            least = min(least, time.perf_counter() - begun)
        found.append(least)
    return found
