"""The kernels compile for real devices, and keep their sums in registers, without a GPU at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from numba import types

from sentinel.model.architecture import Architecture
from tests.bench.kernel_case import Shape
from tests.bench.kernels import SHAPES

pytestmark = pytest.mark.cuda
pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")

FLOATS, INTEGERS = types.float32[::1], types.int64[::1]
TABLE, OUTPUTS, ERRORS = types.int64[:, ::1], types.float32[:, ::1], types.float32[:, :, ::1]
SCORE = (
    TABLE, INTEGERS, FLOATS, FLOATS, FLOATS, INTEGERS, INTEGERS, ERRORS, OUTPUTS,
)  # fmt: skip
ADVANCE = (TABLE, INTEGERS, FLOATS, FLOATS, FLOATS, *(INTEGERS,) * 4, FLOATS, ERRORS)
# Of a block, by compute capability (CUDA C++ Programming Guide, table of technical specifications).
SHARED_BYTES = {(8, 0): 163 * 1024, (9, 0): 227 * 1024}
# Two blocks of 256 threads, or of 128, share the 65,536 of a multiprocessor.
REGISTERS_MAX = {256: 128, 512: 128, 128: 255}
# Two registers, once a step.
SPILLED_BYTES_MAX = 8


def assert_sums_stay_in_registers(kernel: Any, signature: Any, tiling: Any, folder: Path) -> str:
    """The PTX for the oldest of the devices, once each has been found to keep to the budgets."""
    from tests.cuda.compiling import budget_of, ptx_of

    ptx = ptx_of(kernel, signature, tiling.threads, min(SHARED_BYTES))
    assert ".target sm_80" in ptx
    assert ".local" not in ptx
    assert "call" not in ptx
    assert "approx" not in ptx
    # Its own for each device would be the same but for its first lines, and take as long again.
    for capability, shared_bytes in SHARED_BYTES.items():
        budget = budget_of(ptx, capability, folder)
        assert budget.registers <= REGISTERS_MAX[tiling.threads]
        assert budget.spilled_bytes <= SPILLED_BYTES_MAX
        assert budget.static_shared_bytes + tiling.shared_bytes <= shared_bytes
    return ptx


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_scoring_compiles_within_its_budget(shape: Shape, tmp_path: Path) -> None:
    from sentinel.kernels.cuda.score_windows import score_kernel
    from sentinel.model.cuda.tilings import tiling_of

    architecture = Architecture(shape.channels, shape.hidden)
    tiling, other = (tiling_of(architecture, size) for size in SHARED_BYTES.values())
    assert tiling == other
    assert tiling.staged == (shape.hidden < 128)
    ptx = assert_sums_stay_in_registers(score_kernel(tiling), SCORE, tiling, tmp_path)
    assert "ld.shared.v4.f32" in ptx


def test_scoring_compiled_for_the_newer_device_keeps_to_the_same_budget(tmp_path: Path) -> None:
    from sentinel.kernels.cuda.score_windows import score_kernel
    from sentinel.model.cuda.tilings import tiling_of
    from tests.cuda.compiling import budget_of, ptx_of

    newer = max(SHARED_BYTES)
    tiling = tiling_of(Architecture(8, 32), SHARED_BYTES[newer])
    ptx = ptx_of(score_kernel(tiling), SCORE, tiling.threads, newer)
    assert ".target sm_90" in ptx
    assert ".local" not in ptx
    budget = budget_of(ptx, newer, tmp_path)
    assert budget.registers <= REGISTERS_MAX[tiling.threads]
    assert budget.spilled_bytes <= SPILLED_BYTES_MAX


@pytest.mark.parametrize("few", [False, True], ids=["wide tiles", "narrow tiles"])
def test_carrying_compiles_within_its_budget(few: bool, tmp_path: Path) -> None:
    from sentinel.kernels.cuda.states import advance_kernel
    from sentinel.model.cuda.tilings import tiling_of

    tiling = tiling_of(Architecture(25, 64), SHARED_BYTES[8, 0], few=few, carried=True)
    assert_sums_stay_in_registers(advance_kernel(tiling), ADVANCE, tiling, tmp_path)


@pytest.mark.parametrize("hidden", [1, 7, 32, 64, 100, 128, 200, 1024])
@pytest.mark.parametrize("channels", [1, 38, 4096])
def test_every_model_has_a_tiling_on_the_smallest_devices(channels: int, hidden: int) -> None:
    from sentinel.model.cuda.tilings import tiling_of

    deep = Architecture(channels, hidden, 2, 2, bidirectional=True)
    for architecture in (Architecture(channels, hidden), deep):
        for few in (False, True):
            tiling = tiling_of(architecture, 99 * 1024, few=few)
            assert tiling.shared_bytes <= 99 * 1024
            assert tiling.threads <= 1024
            assert tiling.units * tiling.unit_threads >= hidden


def test_the_benchmark_s_roof_multiplies_and_adds_in_registers_alone(tmp_path: Path) -> None:
    from tests.bench.cuda_roof import SUMS, THREADS, UNROLLED, fma_kernel
    from tests.cuda.compiling import budget_of, ptx_of

    ptx = ptx_of(fma_kernel(THREADS), (FLOATS, types.int64), THREADS, (9, 0))
    loop = ptx.split("\n$L__")[1]
    assert loop.count("fma.rn.f32") == SUMS * UNROLLED
    assert "ld." not in loop
    assert budget_of(ptx, (9, 0), tmp_path).spilled_bytes == 0


def test_rings_compile_and_read_before_they_write() -> None:
    from sentinel.kernels.cuda.rings import THREADS, move_rows, place_rows
    from tests.cuda.compiling import ptx_of

    channels = types.int64
    ptx_of(place_rows, (FLOATS, channels, FLOATS, INTEGERS), THREADS, (8, 0))
    ptx = ptx_of(move_rows, (FLOATS, channels, INTEGERS), THREADS, (9, 0))
    load, barrier, store = (ptx.index(word) for word in ("ld.global.f32", "bar.sync", "st.global"))
    assert load < barrier < store
