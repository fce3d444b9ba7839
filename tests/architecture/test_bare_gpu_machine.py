"""On a borrowed machine with a GPU, NumPy, Numba, numba-cuda and pytest are enough for its tests.

The benchmark needs no more either.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.architecture.source_tree import ROOT

pytestmark = pytest.mark.cuda

# Nothing else can be found, as if it were not installed.
BARE = """
import sys
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder

THERE = {
    "numpy", "numba", "llvmlite", "numba_cuda", "cuda", "sentinel", "tests",
    "pytest", "_pytest", "pluggy", "iniconfig", "packaging", "pygments", "py",
}

class Bare(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        known = THERE | sys.stdlib_module_names
        return super().find_spec(name, path, target) if name.split(".")[0] in known else None

sys.meta_path[:] = [BuiltinImporter, FrozenImporter, Bare]
"""
# A plugin that pytest finds in its list of installed packages would be missed.
NO_PLUGINS = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}


@pytest.fixture(autouse=True, scope="module")
def numba_cuda() -> None:
    pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")


def run_bare(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", BARE + code], cwd=ROOT,
        env={**os.environ, **NO_PLUGINS, **environment},
        capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["kafka", "pyarrow", "msgspec", "hypothesis", "click", "torch"])
def test_the_bare_machine_is_bare(name: str) -> None:
    done = run_bare(f"import {name}")
    assert f"No module named '{name}'" in done.stderr


def test_the_benchmark_and_all_that_it_measures_can_be_imported() -> None:
    done = run_bare(
        "import tests.bench.cuda, tests.bench.cuda_rounds, tests.bench.cuda_table\n"
        "import tests.bench.cuda_training, sentinel.model.cuda.training\n"
        "import sentinel.model.cuda.carrying, sentinel.model.twins, sentinel.detector",
        NUMBA_ENABLE_CUDASIM="1",
    )
    assert done.returncode == 0, done.stderr


def test_the_benchmark_says_in_a_sentence_that_there_is_no_gpu() -> None:
    done = run_bare(
        "import sentinel.runtime.gpu as gpu\n"
        "gpu.DRIVER_LIBRARY = 'libno-such-driver.so.1'\n"
        "from tests.bench.cuda import main\n"
        "main([])"
    )
    assert done.returncode == 1
    assert done.stderr.startswith(
        "tests.bench.cuda measures an NVIDIA GPU: no NVIDIA driver (libno"
    )
    assert len(done.stderr.splitlines()) == 1


def test_tests_of_the_gpu_are_skipped_with_the_reason_where_there_is_none() -> None:
    done = run_bare(
        "import sentinel.runtime.gpu as gpu\n"
        "gpu.DRIVER_LIBRARY = 'libno-such-driver.so.1'\n"
        "import pytest\n"
        "sys.exit(pytest.main(['-q', '-p', 'no:cacheprovider', '-m', 'gpu', 'tests/cuda']))"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no GPU: no NVIDIA driver (libno-such-driver.so.1" in done.stdout
    assert "passed" not in done.stdout
