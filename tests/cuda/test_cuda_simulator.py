"""The CUDA twin computes what the CPU does: `simulated` and `gpu`, in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

pytestmark = pytest.mark.cuda

MODULES = sorted(
    path.relative_to(HERE).as_posix()
    for folder in ("simulated", "gpu")
    for path in HERE.glob(f"{folder}/test_*.py")
)


@pytest.fixture(scope="module", autouse=True)
def numba_cuda() -> None:
    pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")


@pytest.mark.parametrize("module", MODULES)
def test_simulated(module: str) -> None:
    arguments = ["-q", "-p", "no:cacheprovider", str(HERE / module)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
        capture_output=True, text=True, check=False, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
