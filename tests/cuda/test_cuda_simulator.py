"""The CUDA twin computes what the CPU does: all under `simulated`, in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent

pytestmark = pytest.mark.cuda


@pytest.mark.parametrize("module", sorted(path.name for path in HERE.glob("simulated/test_*.py")))
def test_simulated(module: str) -> None:
    pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")
    arguments = ["-q", "-p", "no:cacheprovider", str(HERE / "simulated" / module)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
        capture_output=True, text=True, check=False, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
