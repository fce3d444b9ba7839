"""The CUDA twin computes what the CPU does: `simulated` and `gpu`, in processes of their own.

The simulator is plain Python on one core, so that as many of them run as there are.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

HERE = Path(__file__).parent

pytestmark = pytest.mark.cuda

Done = subprocess.CompletedProcess[str]

MODULES = sorted(
    path.relative_to(HERE).as_posix()
    for folder in ("simulated", "gpu")
    for path in HERE.glob(f"{folder}/test_*.py")
)


def run(module: str) -> Done:
    arguments = ["-q", "-p", "no:cacheprovider", str(HERE / module)]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
        capture_output=True, text=True, check=False, timeout=500,
    )  # fmt: skip


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest) -> Iterator[Mapping[str, Future[Done]]]:
    """Those of the modules that are asked for, side by side."""
    pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")
    asked = [
        item.callspec.params["module"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.originalname == "test_simulated"
    ]
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        yield {module: pool.submit(run, module) for module in asked}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("module", MODULES)
def test_simulated(module: str, runs: Mapping[str, Future[Done]]) -> None:
    done = runs[module].result()
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
