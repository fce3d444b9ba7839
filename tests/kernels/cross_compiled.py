"""Kernels compiled for CPUs that this machine is not, as far as their instructions: never run.

Numba types and lowers a kernel here, for none in particular; then LLVM optimises it for another
CPU, by the very options of the kernels, and writes its assembly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numba
import pytest
from llvmlite import binding

from sentinel.kernels import rolled
from sentinel.kernels.jit import KERNEL
from sentinel.model.prepared import PreparedKernel


class _LoweredError(Exception):
    """Enough of a compilation; carries the LLVM code of all that the kernel calls."""


def _lowered(maker: Any) -> str:
    """LLVM code of a kernel that one of `scoring_makers` would compile, not yet optimised."""

    def stop(library: Any) -> None:
        raise _LoweredError(str(library._final_module))

    function, tiles, _, plan, *_, arguments = maker.args
    assert maker.func is PreparedKernel
    # What counts references is LLVM code for this CPU already.
    options = {**KERNEL, "cache": False, "_nrt": False}
    kernel = numba.njit(**options, pipeline_class=rolled.Rolled)(function.py_func)
    number, integer = plan.table[:0, 0].astype("f4"), plan.table[:0, 0]
    whole = (*tiles, plan.table, plan.shape, number, number, integer, *arguments)
    with (
        patch.object(rolled._Library, "_optimize_final_module", stop),
        pytest.raises(_LoweredError) as found,
    ):
        kernel.compile(tuple(numba.typeof(argument) for argument in whole))
    return str(found.value)


def assembly_of(maker: Any, triple: str, cpu: str, features: str) -> list[str]:
    """The instructions and labels, for this CPU; skips where LLVM was built without its target."""
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    try:
        target = binding.Target.from_triple(triple)
    except RuntimeError as error:
        pytest.skip(f"this llvmlite compiles for no {triple}: {error}")
    machine = target.create_target_machine(cpu=cpu, features=features, opt=3, reloc="pic")
    code = re.sub(r'^target (triple|datalayout) = ".*"$', "", _lowered(maker), flags=re.M)
    module = binding.parse_assembly(code)
    module.triple, module.data_layout = triple, str(machine.target_data)
    library = SimpleNamespace(_final_module=module, _codegen=SimpleNamespace(_tm=machine))
    rolled._Library._optimize_final_module(library)  # type: ignore[arg-type]
    lines = machine.emit_assembly(module).splitlines()
    return [" ".join(line.split()) for line in lines if re.match(r"\t[a-z]|\.L\w+:", line)]


def inner_loops(assembly: list[str]) -> Iterator[list[str]]:
    """The instructions of each loop that is one block: what jumps to its own beginning."""
    block: list[str] = []
    label = ""
    for line in assembly:
        if line.startswith(".L"):
            label, block = line.split(":")[0], []
            continue
        block.append(line)
        if re.search(rf"{re.escape(label)}$", line) and label:
            yield block


def count(lines: list[str], pattern: str) -> int:
    """How many of them begin so."""
    return sum(re.match(pattern, line) is not None for line in lines)
