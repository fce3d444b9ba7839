"""The NVIDIA GPU of this machine, or why there is none to use. Cheap where there is none."""

from __future__ import annotations

import ctypes
import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

# Of shared memory that a block may have, what the driver and small arrays of the kernels take.
SHARED_BYTES_KEPT = 4096
# Older devices give a block too little shared memory, and the drivers' compilers drop them.
CAPABILITY_MIN = (7, 0)
CUDA_MIN = (12, 0)
# As in pyproject.toml, which says why no other version.
REQUIREMENT = "numba-cuda[cu{}]>=0.30,<0.31"
DRIVER_LIBRARY = "libcuda.so.1"
# Where the driver's kernel module says its version.
DRIVER_VERSION = Path("/proc/driver/nvidia/version")


@dataclass(frozen=True, slots=True)
class Gpu:
    """What a device has.

    cuda          version of CUDA that its driver speaks
    capability    compute capability: (9, 0) is sm_90
    shared_bytes  of shared memory that a block of threads may have
    driver        version of the driver, as nvidia-smi says it; "": not known
    """

    name: str
    cuda: tuple[int, int]
    capability: tuple[int, int]
    memory_bytes: int
    free_bytes: int
    multiprocessors: int
    shared_bytes: int
    driver: str = ""


@dataclass(frozen=True, slots=True)
class NoGpu:
    """Why there is none to use, and what to do about it."""

    reason: str
    hint: str


def probe() -> Gpu | NoGpu:
    """Ask for the first GPU. Nothing of CUDA is imported unless package and driver are there."""
    missing = []
    try:
        library = ctypes.CDLL(DRIVER_LIBRARY)
    except OSError as error:
        missing.append(
            NoGpu(
                f"no NVIDIA driver ({error})",
                "install the driver; in a container, hand the GPU in (--gpus, --device)",
            )
        )
    if find_spec("numba_cuda") is None:
        missing.append(
            NoGpu(
                "numba-cuda is not installed",
                f"pip install '{REQUIREMENT.format(12)}', or [cu13] where nvidia-smi says CUDA 13",
            )
        )
    if missing:
        return NoGpu(
            ", and ".join(one.reason for one in missing), "; ".join(one.hint for one in missing)
        )
    outdated = driver_too_old(_speaks(library), _bindings())
    if outdated:
        return outdated
    try:
        found = _first()
    # numba-cuda, the driver's bindings and their compilers have a tree of exceptions each.
    except Exception as error:
        return NoGpu(
            f"the driver gives no GPU ({_first_line(error)})",
            "look at nvidia-smi; systemd's unit hides GPUs without its drop-in sentinel-gpu.conf",
        )
    return too_old(found) or found


def too_old(gpu: Gpu) -> NoGpu | None:
    """Why a device is too old; None: it is not."""
    if gpu.capability < CAPABILITY_MIN:
        return NoGpu(
            f"{gpu.name} has compute capability {_dotted(gpu.capability)}",
            f"use a GPU of {_dotted(CAPABILITY_MIN)} or newer",
        )
    return None


def driver_too_old(cuda: tuple[int, int], bindings: int) -> NoGpu | None:
    """Why a driver is too old; None: it is not.

    cuda      version of CUDA that it speaks
    bindings  major version of CUDA that the installed bindings are for
    """
    wanted = max(CUDA_MIN, (bindings, 0))
    if cuda >= wanted:
        return None
    hint = f"install a driver for CUDA {_dotted(wanted)} or newer"
    if cuda >= CUDA_MIN:
        hint += f", or pip install '{REQUIREMENT.format(cuda[0])}'"
    return NoGpu(
        f"the driver speaks CUDA {_dotted(cuda)}, and CUDA {_dotted(wanted)} is wanted", hint
    )


def described(gpu: Gpu) -> str:
    """One line for people."""
    gib = 1 << 30
    return (
        f"{gpu.name}, sm_{gpu.capability[0]}{gpu.capability[1]}, {gpu.multiprocessors} "
        f"multiprocessors, {gpu.memory_bytes / gib:.1f} GiB ({gpu.free_bytes / gib:.1f} free), "
        f"driver {gpu.driver or 'of unknown version'} (CUDA {_dotted(gpu.cuda)})"
    )


def driver_version(said: str) -> str:
    """The version in what the kernel module says of itself; "": none."""
    found = re.search(r"\s(\d{3,}\.\d+(\.\d+)?)\s", said)
    return found.group(1) if found else ""


def _speaks(library: ctypes.CDLL) -> tuple[int, int]:
    """The version of CUDA that the driver speaks; it is not started for that."""
    number = ctypes.c_int()
    library.cuDriverGetVersion(ctypes.byref(number))
    return number.value // 1000, number.value % 1000 // 10


def _bindings() -> int:
    try:
        return int(version("cuda-bindings").split(".")[0])
    except PackageNotFoundError:
        return CUDA_MIN[0]


def _first() -> Gpu:
    from numba import cuda
    from numba.cuda.cudadrv.driver import driver

    device = cuda.get_current_device()
    free, total = cuda.current_context().get_memory_info()
    name = device.name.decode() if isinstance(device.name, bytes) else str(device.name)
    major, minor = driver.get_version()
    try:
        said = DRIVER_VERSION.read_text(encoding="utf-8")
    except OSError:  # in a container it need not be there
        said = ""
    return Gpu(
        name, (int(major), int(minor)), tuple(device.compute_capability)[:2], int(total), int(free),
        int(device.MULTIPROCESSOR_COUNT),
        int(device.MAX_SHARED_MEMORY_PER_BLOCK_OPTIN) - SHARED_BYTES_KEPT, driver_version(said),
    )  # fmt: skip


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
