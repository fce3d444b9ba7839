"""CUDA kernels to PTX, and PTX to machine code, on a machine without a GPU or its driver."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from importlib.metadata import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

CapabilityPair = tuple[int, int]


def ptx_of(
    kernel: Any, signature: tuple[Any, ...], threads: int, capability: CapabilityPair
) -> str:
    """The PTX of a kernel for a compute capability."""
    import numba.cuda
    from numba.cuda import dispatcher

    from sentinel.kernels.cuda.jit import launch_bounds

    device = SimpleNamespace(compute_capability=capability)
    with pytest.MonkeyPatch.context() as patch:
        # The only thing that is asked of a device while its code is compiled.
        patch.setattr(dispatcher, "get_current_device", lambda: device)
        ptx, _ = numba.cuda.compile(
            kernel.py_func, signature, device=False, abi="numba", cc=capability,
            launch_bounds=launch_bounds(threads),
        )  # fmt: skip
    return str(ptx)


def ptxas() -> Path | None:
    """NVIDIA's assembler, where the package that brings it is installed."""
    for package in ("nvidia-cuda-nvcc-cu12", "nvidia-cuda-nvcc"):
        try:
            found = [file for file in files(package) or () if file.name == "ptxas"]
        except ModuleNotFoundError:
            continue
        if found:
            return Path(str(found[0].locate()))
    return None


@dataclass(frozen=True, slots=True)
class Budget:
    """What a thread of a compiled kernel takes."""

    registers: int
    spilled_bytes: int
    static_shared_bytes: int


def budget_of(ptx: str, capability: CapabilityPair, folder: Path) -> Budget:
    """Assemble, and read what ptxas says of the kernel; skips where there is no ptxas."""
    program = ptxas()
    if program is None:
        pytest.skip("ptxas is not installed (nvidia-cuda-nvcc-cu12)")
    source, major_minor = folder / "kernel.ptx", "".join(map(str, capability))
    source.write_text(ptx)
    told = subprocess.run(
        [program, "-v", f"-arch=sm_{major_minor}", "-o", folder / "kernel.cubin", source],
        capture_output=True, text=True, check=True,
    ).stderr  # fmt: skip

    def number(pattern: str) -> int:
        found = re.search(pattern, told)
        return int(found.group(1)) if found else 0

    return Budget(
        number(r"Used (\d+) registers"),
        number(r"(\d+) bytes spill stores"),
        number(r"(\d+) bytes smem"),
    )
