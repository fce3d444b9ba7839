"""Where no GPU is asked for, nothing of CUDA is imported: it is slow, and need not be there."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.cuda


@pytest.mark.parametrize(
    "module", ["sentinel.__main__", "sentinel.cli.run", "sentinel.cli.fit", "sentinel.cli.score"]
)
def test_nothing_of_cuda_is_imported(module: str) -> None:
    code = (
        f"import sys, {module}\n"
        "print([m for m in sys.modules if m.startswith(('numba.cuda', 'numba_cuda', 'cuda.'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"
