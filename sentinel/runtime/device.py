"""CPU or GPU: asked for, or measured here, and handed down as a value."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Literal

from sentinel.errors import ConfigError, DeviceError, ModelError
from sentinel.model.architecture import Architecture
from sentinel.model.cuda.failures import device_failures
from sentinel.model.device import CudaBackend, Device
from sentinel.model.falling_back import Fallback
from sentinel.model.prepared import Backend
from sentinel.model.twins import difference_of_twins
from sentinel.runtime.gpu import Gpu, NoGpu, probe
from sentinel.runtime.workload import Workload, seconds_of_batches, seconds_of_step

log = logging.getLogger(__name__)

Asked = Literal["auto", "cpu", "cuda"]
OnFailure = Literal["stop", "cpu"]
# A training on a GPU draws other numbers for noise and dropout: which of both it is shall not hang
# by a hair.
TRAINING_GAIN_MIN = 2


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


def demand_gpu(asked: Asked, on_failure: OnFailure) -> None:
    """Refuse now what `choose_device` would refuse once the CPU's kernels are compiled.

    Raises ConfigError where "cuda" is asked for, there is no GPU, and the CPU is not to take over.
    """
    if asked == "cuda" and on_failure == "stop":
        found = probe()
        if isinstance(found, NoGpu):
            raise _refusal(found)


def choose_device(
    architecture: Architecture,
    work: Workload,
    cpu: Backend,
    asked: Asked = "auto",
    on_failure: OnFailure = "stop",
) -> DeviceChoice:
    """What is asked for; "auto": the GPU where it is there, right, and faster for every batch.

    work  what there is to compute; a GPU trains where "cuda" is asked for, or "auto" finds it much
          faster
    cpu   the CPU's kernels, chosen already
    Raises ConfigError where "cuda" is asked for and fails, unless `on_failure` is "cpu". A GPU that
    fails later leaves the rest to the CPU then, and always where "auto" has chosen it.
    """
    if asked == "cpu":
        return DeviceChoice(cpu, 'asked for by device = "cpu"')
    found = probe()
    problem = found if isinstance(found, NoGpu) else None
    if isinstance(found, Gpu):
        gpu = CudaBackend(cpu, found.shared_bytes, found.multiprocessors, trains=work.minibatch > 0)
        try:
            with device_failures():
                problem = _wrong(architecture, gpu)
                if problem is None and asked == "cuda":
                    chosen = gpu if on_failure == "stop" else _with_fallback(gpu)
                    return DeviceChoice(chosen, f'{found.name}, asked for by device = "cuda"')
                if problem is None:
                    return _faster(architecture, work, gpu, found.name)
        except (DeviceError, ModelError) as error:
            problem = NoGpu(f"{found.name}: {error.what}", error.hint)
        # Where a library of CUDA is missing, and where there is no room for what it compiles.
        except (ImportError, OSError, MemoryError) as error:
            log.debug("the GPU failed", exc_info=error)
            what = f"{type(error).__name__}: {error}".splitlines()[0]
            problem = NoGpu(
                f"{found.name} failed ({what})", 'look at nvidia-smi, or device = "cpu"'
            )
    assert problem is not None
    if asked == "auto":
        return DeviceChoice(cpu, problem.reason)
    if on_failure == "stop":
        raise _refusal(problem)
    log.warning(
        'device "cuda" was asked for, and the CPU computes: %s; %s', problem.reason, problem.hint
    )
    return DeviceChoice(cpu, problem.reason, fell_back=True)


def fell_back(asked: Asked, device: Device) -> bool:
    """Whether the CPU computes what the GPU should, from the start on or by now."""
    if isinstance(device, CudaBackend):
        return device.fallback is not None and device.fallback.happened
    return asked == "cuda"


def _refusal(problem: NoGpu) -> ConfigError:
    return ConfigError(f'device "cuda": {problem.reason}', hint=problem.hint)


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


def _faster(
    architecture: Architecture, work: Workload, gpu: CudaBackend, name: str
) -> DeviceChoice:
    """The faster of both, by a measurement."""
    of_gpu, of_cpu = (seconds_of_batches(device, architecture, work) for device in (gpu, gpu.cpu))
    told = ", ".join(
        f"{batch}: {1e3 * there:.2f} ms against {1e3 * here:.2f}"
        for batch, there, here in zip(work.batches, of_gpu, of_cpu, strict=True)
    )
    if not all(there < here for there, here in zip(of_gpu, of_cpu, strict=True)):
        return DeviceChoice(gpu.cpu, f"{name} is not faster for every batch ({told})")
    chosen = _with_fallback(gpu)
    if work.minibatch:
        there, here = (seconds_of_step(device, architecture, work) for device in (gpu, gpu.cpu))
        chosen = replace(chosen, trains=TRAINING_GAIN_MIN * there < here)
        told += f"; a step of training: {1e3 * there:.2f} ms against {1e3 * here:.2f}"
    return DeviceChoice(chosen, f"{name} is faster than the CPU ({told})")
