"""The GPU of this machine for tests and benchmark; in numba-cuda's simulator, a stand-in."""

from __future__ import annotations

from numba import config

from sentinel.model.device import CudaBackend
from sentinel.model.prepared import Backend
from sentinel.runtime.gpu import Gpu, NoGpu, probe

SIMULATED = bool(config.ENABLE_CUDASIM)
STAND_IN = Gpu("simulator", (13, 0), (9, 0), 1 << 30, 1 << 30, 1, 99 * 1024)


def gpu_here() -> Gpu | NoGpu:
    """What there is to run on, or why there is nothing."""
    return STAND_IN if SIMULATED else probe()


def backend_of(gpu: Gpu, cpu: Backend | None = None) -> CudaBackend:
    """The GPU as models take it.  cpu  for what stays there; default: portable, one thread"""
    return CudaBackend(cpu or Backend(), gpu.shared_bytes, gpu.multiprocessors)
