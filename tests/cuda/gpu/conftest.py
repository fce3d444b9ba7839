"""Tests that want an NVIDIA GPU, skipped where there is none: `python -m tests.cuda.gpu` runs them.

They need NumPy, Numba, numba-cuda and pytest only. `tests/cuda/test_cuda_simulator.py` runs them
too, with tiny sizes in the simulator: on a GPU they shall not fail by mistakes of their own.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.model.device import CudaBackend
from sentinel.runtime.gpu import NoGpu
from tests.cuda.gpu_here import SIMULATED, backend_of, gpu_here
from tests.cuda.tiny import train_in_tiny_blocks


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.gpu)
            item.add_marker(pytest.mark.filterwarnings("error:Grid size"))


@pytest.fixture(scope="session")
def gpu() -> CudaBackend:
    """The GPU; beside it the CPU's fastest kernels, on all its threads."""
    found = gpu_here()
    if isinstance(found, NoGpu):
        pytest.skip(f"no GPU: {found.reason}")
    from sentinel.model.prepared import Backend
    from sentinel.runtime.kernels import cpu_features, runnable, threads_of

    return backend_of(found, Backend(runnable(cpu_features())[0], threads_of(0)))


@pytest.fixture(autouse=True)
def tiny_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the simulator, which makes a Python thread of every CUDA thread."""
    if SIMULATED:
        from sentinel.model.cuda import tilings
        from tests.cuda.turns import take_turns

        take_turns(monkeypatch)
        monkeypatch.setattr(tilings, "THREADS_MANY", 16)
        monkeypatch.setattr(tilings, "THREADS_FEW", 8)
        monkeypatch.setattr(tilings, "WINDOWS_MAX", 8)
        train_in_tiny_blocks(monkeypatch)
