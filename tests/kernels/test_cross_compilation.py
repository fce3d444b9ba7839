"""Every variant is compiled for its CPU, whichever CPU this is: with tiles that stay in registers.

AMX is compiled in `test_amx`; AVX2 and SSE are what every x86-64 machine here has.
"""

from __future__ import annotations

import re

import pytest

from sentinel.kernels.tiles import Tile
from sentinel.kernels.variants import AVX512, PORTABLE, Variant
from sentinel.model.architecture import Architecture
from sentinel.model.prepared import Backend
from sentinel.model.scoring import scoring_makers
from sentinel.runtime.kernels import NEEDED
from tests.kernels.cross_compiled import assembly_of, count, inner_loops

HIDDEN = 32
SKYLAKE = (
    AVX512,
    ("x86_64-unknown-linux-gnu", "skylake-avx512", ",".join(f"+{n}" for n in NEEDED["avx512"])),
    # The product and the sum in one instruction of a whole register.
    [r"vfmadd\d+ps .*%zmm\d+, %zmm\d+$"],
    r".*(%rsp.*%[xyz]mm|%[xyz]mm.*%rsp)",
)
NEON = (
    PORTABLE,
    ("aarch64-unknown-linux-gnu", "generic", "+neon"),
    # Rounded twice, as by SSE: the same scores on both.
    [r"fmul v\d+\.4s", r"fadd v\d+\.4s"],
    r"(ld|st)\w+ [qdsv]\d.*\[sp",
)


def tile_of(variant: Variant, kernel: str) -> Tile:
    return variant.many if kernel == "many" else variant.one_for(HIDDEN)


@pytest.mark.parametrize("kernel", ["many", "one"])
@pytest.mark.parametrize("cpu", [SKYLAKE, NEON], ids=["AVX-512", "NEON"])
def test_the_sums_of_a_tile_are_whole_registers_that_no_loop_spills(
    cpu: tuple[Variant, tuple[str, str, str], list[str], str], kernel: str
) -> None:
    variant, target, instructions, on_the_stack = cpu
    many, _, one = scoring_makers(Architecture(8, HIDDEN), 1, Backend(variant))
    assembly = assembly_of(many if kernel == "many" else one, *target)
    tile = tile_of(variant, kernel)
    loops = [
        loop
        for loop in inner_loops(assembly)
        if all(count(loop, pattern) == tile.rows * tile.vectors for pattern in instructions)
        # Nor does one hold much beside: for each k, its operands, its places and its end.
        and len(loop) <= 2 * tile.rows * tile.vectors * len(instructions)
    ]
    # A reading's product, that of the outputs before, and the decoder's repeated input.
    assert len(loops) >= 3
    assert [line for loop in loops for line in loop if re.match(on_the_stack, line)] == []
