"""Which device computes: a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from sentinel.kernels.slabs import SPANS
from sentinel.model.falling_back import Fallback
from sentinel.model.prepared import Backend


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


FLOAT32_BYTES = 4
# What a call of so many windows finds stays in a CPU's cache.
CPU_CALL_WINDOWS = 4096
# A GPU wants several wide tiles for each multiprocessor, and something to copy while it works.
CUDA_CALL_WINDOWS = 1 << 16
# Of errors and expected readings of a call, on the device as in the host's pinned memory.
CUDA_CALL_BYTES = 256 << 20

Device: TypeAlias = Backend | CudaBackend


def of_cpu(device: Device) -> Backend:
    """The kernels for what a GPU has no twin of."""
    return device.cpu if isinstance(device, CudaBackend) else device


def call_windows(device: Device, channels: int) -> int:
    """How many windows this device is best given at once, as long as there are so many."""
    if not isinstance(device, CudaBackend):
        return CPU_CALL_WINDOWS
    found_bytes = FLOAT32_BYTES * (SPANS + 1) * channels
    return max(CPU_CALL_WINDOWS, min(CUDA_CALL_WINDOWS, CUDA_CALL_BYTES // found_bytes))
