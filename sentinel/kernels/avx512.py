"""AVX-512's own instructions for what other machines take several for; of one register each."""

# LLVM's builder has no types.
# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Sequence

from llvmlite import ir
from numba.core import cgutils

LANES = 16
VECTOR = ir.VectorType(ir.FloatType(), LANES)
EVERYWHERE, CURRENT_ROUNDING = ir.IntType(16)(-1), ir.IntType(32)(4)
# To whole numbers, without a word about what is lost.
DOWN = ir.IntType(32)(9)


def call(builder: ir.IRBuilder, name: str, result: ir.Type, args: Sequence[ir.Value]) -> ir.Value:
    """Call an LLVM intrinsic by its name."""
    signature = ir.FunctionType(result, [arg.type for arg in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, signature, name), args)


def fraction(builder: ir.IRBuilder, x: ir.Value) -> ir.Value:
    """What x is above the whole number below it, rounded downwards."""
    return _masked(builder, "reduce", x, DOWN)


def times_power_of_two(builder: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
    """The product x 2^n, n the whole number below y."""
    return _masked(builder, "scalef", x, y)


def quotient(builder: ir.IRBuilder, x: ir.Value, y: ir.Value) -> ir.Value:
    """A guess of 14 bits and a step of Newton's: a division keeps what multiplies for longer."""
    r = call(builder, "llvm.x86.avx512.rcp14.ps.512", VECTOR, [y, _all(0.0), EVERYWHERE])
    rest = call(builder, "llvm.fma.v16f32", VECTOR, [builder.fneg(y), r, _all(1.0)])
    return builder.fmul(x, call(builder, "llvm.fma.v16f32", VECTOR, [r, rest, r]))


def _masked(builder: ir.IRBuilder, name: str, *args: ir.Value) -> ir.Value:
    every = [*args, _all(0.0), EVERYWHERE, CURRENT_ROUNDING]
    return call(builder, f"llvm.x86.avx512.mask.{name}.ps.512", VECTOR, every)


def _all(value: float) -> ir.Value:
    return ir.Constant(VECTOR, [value] * LANES)
