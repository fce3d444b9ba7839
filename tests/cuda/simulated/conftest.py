"""Tests of the CUDA twin in numba-cuda's simulator: `tests/cuda/test_cuda_simulator.py` runs them.

The simulator is chosen when numba.cuda is first imported: these tests have a process of their own.
It makes a Python thread of every CUDA thread; so models, windows and blocks are tiny.
"""

from __future__ import annotations

import os

import pytest

from tests.cuda.tiny import train_in_tiny_blocks

SIMULATED = os.environ.get("NUMBA_ENABLE_CUDASIM") == "1"
collect_ignore_glob = [] if SIMULATED else ["test_*.py"]


@pytest.fixture(autouse=True)
def tiny_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of few threads, several windows each; more windows than a block takes."""
    from sentinel.model.cuda import tilings
    from tests.cuda.turns import take_turns

    take_turns(monkeypatch)
    monkeypatch.setattr(tilings, "THREADS_MANY", 16)
    monkeypatch.setattr(tilings, "THREADS_FEW", 8)
    monkeypatch.setattr(tilings, "WINDOWS_MAX", 8)
    train_in_tiny_blocks(monkeypatch)
