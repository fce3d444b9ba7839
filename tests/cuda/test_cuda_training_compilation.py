"""The kernels of training compile for real devices within their budgets, without a GPU at hand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.cuda.training_signatures import SIGNATURES

pytestmark = pytest.mark.cuda
pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")

# Of a block, by compute capability (CUDA C++ Programming Guide, table of technical specifications).
SHARED_BYTES = {(8, 0): 163 * 1024, (9, 0): 227 * 1024}
# Two blocks of 256 threads share the 65,536 of a multiprocessor.
REGISTERS_MAX, SPILLED_BYTES_MAX = 128, 0
THREADS = 256


def compiled(
    kernel: Any, threads: int, capability: tuple[int, int], folder: Path,
    dynamic_bytes: int = 0,
) -> str:  # fmt: skip
    """The PTX, once it has been found to keep to the budgets."""
    from tests.cuda.compiling import budget_of, ptx_of

    ptx = ptx_of(kernel, SIGNATURES[kernel.py_func.__name__], threads, capability)
    assert f".target sm_{capability[0]}{capability[1]}" in ptx
    assert re.search(r"\b(atom|red)\.", ptx) is None
    budget = budget_of(ptx, capability, folder)
    assert budget.registers <= REGISTERS_MAX
    assert budget.spilled_bytes <= SPILLED_BYTES_MAX
    assert budget.static_shared_bytes + dynamic_bytes <= SHARED_BYTES[capability]
    return ptx


@pytest.mark.parametrize(
    ("hidden", "windows", "capability"),
    [(32, 8, (8, 0)), (64, 1, (9, 0)), (64, 8, (9, 0)), (64, 64, (9, 0)), (128, 4, (9, 0))],
)
def test_a_layer_compiles_within_its_budget(
    hidden: int, windows: int, capability: tuple[int, int], tmp_path: Path
) -> None:
    from sentinel.kernels.cuda.recurrent import backward_kernel, forward_kernel
    from sentinel.model.cuda.tilings import recurrent_tiling

    tiling = recurrent_tiling(hidden, SHARED_BYTES[capability], windows)
    assert tiling.staged == (hidden < 128)
    for make in (forward_kernel, backward_kernel):
        ptx = compiled(make(tiling), tiling.threads, capability, tmp_path, tiling.shared_bytes)
        assert ".local" not in ptx
        assert "call" not in ptx
        assert "approx" not in ptx


@pytest.mark.parametrize("capability", SHARED_BYTES, ids=["sm_80", "sm_90"])
def test_products_compile_within_their_budget(capability: tuple[int, int], tmp_path: Path) -> None:
    from sentinel.kernels.cuda.products import Blocking, multiply_kernel, sum_products_kernel

    blocking = Blocking()
    for make in (multiply_kernel, sum_products_kernel):
        ptx = compiled(make(blocking), blocking.threads, capability, tmp_path)
        assert ".local" not in ptx
        assert "ld.shared.v4.f32" in ptx
        assert "fma.rn.f32" in ptx


def kernels_by_value() -> dict[str, Any]:
    from sentinel.kernels.cuda import handing, losses, optimizer

    made = [
        losses.inputs_kernel(THREADS), losses.rebuilt_loss_kernel(THREADS),
        losses.forecast_loss_kernel(THREADS), handing.drop_kernel(THREADS),
        handing.sum_steps_kernel(THREADS), optimizer.pack_kernel(THREADS),
        optimizer.sum_parts_kernel(THREADS), *handing.latent_kernels(THREADS),
        *optimizer.step_kernels(THREADS),
    ]  # fmt: skip
    return {kernel.py_func.__name__: kernel for kernel in made}


@pytest.mark.parametrize("name", kernels_by_value())
def test_what_takes_value_after_value_compiles(name: str, tmp_path: Path) -> None:
    compiled(kernels_by_value()[name], THREADS, (9, 0), tmp_path)
