"""What one start compiles for the GPU, the next one finds."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.cuda

KEYS = """
from types import SimpleNamespace
from sentinel.kernels.cuda.losses import rebuilt_loss_kernel
from sentinel.kernels.cuda.optimizer import sum_parts_kernel
from sentinel.kernels.cuda.products import Blocking, multiply_kernel, sum_products_kernel
from sentinel.kernels.cuda.recurrent import backward_kernel, forward_kernel
from sentinel.kernels.cuda.score_windows import score_kernel
from sentinel.kernels.cuda.states import advance_kernel
from sentinel.model.architecture import Architecture
from sentinel.model.cuda.tilings import recurrent_tiling, tiling_of

codegen = SimpleNamespace(magic_tuple=tuple)
eight, nine = (tiling_of(Architecture(channels, 32), 99 * 1024) for channels in (8, 9))
recurrent = recurrent_tiling(32, 99 * 1024, 4)
for make, cut in (
    (score_kernel, eight), (advance_kernel, eight), (score_kernel, nine),
    (forward_kernel, recurrent), (backward_kernel, recurrent),
    (multiply_kernel, Blocking()), (sum_products_kernel, Blocking()),
    (rebuilt_loss_kernel, 256), (sum_parts_kernel, 256),
):
    kernel = make(cut)
    print(make.__name__, kernel._cache._index_key("signature", codegen))
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
    assert len(set(found[0])) == 9
