"""What one start compiles for the GPU, the next one finds."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.cuda

KEYS = """
from types import SimpleNamespace
from sentinel.kernels.cuda.score_windows import score_kernel
from sentinel.kernels.cuda.states import advance_kernel
from sentinel.model.architecture import Architecture
from sentinel.model.cuda.tilings import tiling_of

codegen = SimpleNamespace(magic_tuple=tuple)
for channels, make in (8, score_kernel), (8, advance_kernel), (9, score_kernel):
    kernel = make(tiling_of(Architecture(channels, 32), 99 * 1024))
    print(kernel._cache._index_key("signature", codegen))
"""


def test_every_process_finds_a_kernel_by_the_same_key() -> None:
    pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")
    found = [
        subprocess.run(
            [sys.executable, "-c", KEYS], env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True, timeout=200,
        ).stdout.splitlines()
        for seed in ("1", "2")
    ]  # fmt: skip
    assert found[0] == found[1]
    assert len(set(found[0])) == 3
