"""Which device computes: a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

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


Device: TypeAlias = Backend | CudaBackend


def of_cpu(device: Device) -> Backend:
    """The kernels for what a GPU has no twin of."""
    return device.cpu if isinstance(device, CudaBackend) else device
