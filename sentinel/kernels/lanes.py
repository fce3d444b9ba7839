"""A SIMD value for Numba: W float32 lanes with ordinary operators.

`F32X4`, `F32X8`, `F32X16` are Numba types; a kernel is handed one, inside a `Tile`, as it would be
handed a dtype. A formula written with `+ - * /` and the functions below compiles for lanes, for a
float32 scalar and for a CUDA thread alike. No flag of any operation allows the compiler to reorder
it or to assume that there is no NaN.
"""

# Numba calls the functions that type and lower; it compares some signatures to the letter.
# mypy: allow-untyped-defs, allow-untyped-decorators, allow-untyped-calls, allow-subclassing-any

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import (
    intrinsic,
    lower_builtin,
    models,
    overload,
    register_model,
    type_callable,
)  # fmt: skip

from sentinel.kernels import avx512
from sentinel.kernels.avx512 import call
from sentinel.kernels.types import Scalar

FLOAT, INT32 = ir.FloatType(), ir.IntType(32)


class Lanes(types.Type):
    """`width` float32 side by side, in registers of `register` each.

    fused  x y + z is one instruction, rounded once
    A value wider than a register is several of them, whose long chains of operations run side by
    side; one after the other they would leave the arithmetic units waiting.
    """

    def __init__(self, register: int, *, fused: bool, width: int = 0) -> None:
        self.register = register
        self.width = width or register
        self.fused = fused
        super().__init__(f"f32x{self.width}-of-{register}{'' if fused else '-unfused'}")

    def wide(self, times: int) -> Lanes:
        """So many of these as one value."""
        return Lanes(self.register, fused=self.fused, width=times * self.width)

    @property
    def vector(self) -> ir.VectorType:
        """The LLVM type."""
        return ir.VectorType(FLOAT, self.width)


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Lanes) -> None:
        super().__init__(dmm, fe_type, fe_type.vector)


# SSE2 and every other 128-bit machine; AVX2 with FMA3; AVX-512.
F32X4 = Lanes(4, fused=False)
F32X8 = Lanes(8, fused=True)
F32X16 = Lanes(16, fused=True)


# Pieces of generated code, for this module and for `tiles`.


def splat(builder: ir.IRBuilder, x: ir.Value, width: int) -> ir.Value:
    """The scalar x in every lane."""
    undefined = ir.Constant(ir.VectorType(FLOAT, width), ir.Undefined)
    first = builder.insert_element(undefined, x, INT32(0))
    zeros = ir.Constant(ir.VectorType(INT32, width), [0] * width)
    return builder.shuffle_vector(first, undefined, zeros)


def fused(builder: ir.IRBuilder, lanes: Lanes, x: ir.Value, y: ir.Value, z: ir.Value) -> ir.Value:
    """The sum x y + z, in one rounding where the lanes have the instruction."""
    if lanes.fused:
        return call(builder, f"llvm.fma.v{lanes.width}f32", lanes.vector, [x, y, z])
    return builder.fadd(builder.fmul(x, y), z)


def concatenated(builder: ir.IRBuilder, parts: Sequence[ir.Value]) -> ir.Value:
    """Vectors of one length as one vector; their number is a power of two."""
    parts = list(parts)
    while len(parts) > 1:
        width = 2 * parts[0].type.count
        order = ir.Constant(ir.VectorType(INT32, width), list(range(width)))
        pairs = zip(parts[::2], parts[1::2], strict=True)
        parts = [builder.shuffle_vector(low, high, order) for low, high in pairs]
    return parts[0]


def cut(builder: ir.IRBuilder, value: ir.Value, width: int) -> list[ir.Value]:
    """A vector as vectors of so many lanes."""
    undefined = ir.Constant(value.type, ir.Undefined)
    starts = range(0, value.type.count, width)
    orders = [
        ir.Constant(ir.VectorType(INT32, width), list(range(start, start + width)))
        for start in starts
    ]
    return [builder.shuffle_vector(value, undefined, order) for order in orders]


def pointer(
    context: Any, builder: ir.IRBuilder, array_type: Any, array: ir.Value, index: ir.Value
) -> ir.Value:
    """Address of element `index` of a flat array."""
    data = context.data_model_manager[array_type].get_field_position("data")
    return builder.gep(builder.extract_value(array, data), [index])


# Functions of lanes: `_of_lanes` says how one is computed, where at least one operand is lanes and
# the others are the same lanes or float32 scalars, which are spread. Lowered directly: an overload
# would be a compilation of its own for every operator.

Emit = Callable[..., ir.Value]


def _common(*kinds: Any) -> Lanes | None:
    found = [kind for kind in kinds if isinstance(kind, Lanes)]
    same = found and all(kind in (found[0], types.float32) for kind in kinds)
    return found[0] if same else None


def _of_lanes(function: Callable[..., Any], operands: int, emit: Emit) -> None:
    def lower(context: Any, builder: Any, signature: Any, args: Any) -> ir.Value:
        lanes = signature.return_type
        spread = [
            value if kind == lanes else splat(builder, value, lanes.width)
            for kind, value in zip(signature.args, args, strict=True)
        ]
        return emit(builder, lanes, *spread)

    # Numba reads the number of operands from the signature.
    typers = {
        1: lambda x: _common(x),  # noqa: PLW0108
        2: lambda x, y: _common(x, y),  # noqa: PLW0108
        3: lambda x, y, z: _common(x, y, z),  # noqa: PLW0108
    }
    type_callable(function)(lambda context: typers[operands])
    kinds = (Lanes, types.Float)
    combinations: list[tuple[Any, ...]] = [()]
    for _ in range(operands):
        combinations = [(*some, kind) for some in combinations for kind in kinds]
    for combination in combinations:
        if Lanes in combination:
            lower_builtin(function, *combination)(lower)


_of_lanes(operator.add, 2, lambda builder, lanes, x, y: builder.fadd(x, y))
_of_lanes(operator.sub, 2, lambda builder, lanes, x, y: builder.fsub(x, y))
_of_lanes(operator.mul, 2, lambda builder, lanes, x, y: builder.fmul(x, y))
_of_lanes(operator.truediv, 2, lambda builder, lanes, x, y: builder.fdiv(x, y))


def fma(x: Scalar, y: Scalar, z: Scalar) -> Scalar:
    """The sum x y + z."""
    return x * y + z


def at_most(x: Scalar, top: Scalar) -> Scalar:
    """The smaller of both; a NaN in x stays NaN."""
    # A comparison with NaN is false: this way round it lets the NaN through.
    return top if x > top else x


def not_less(x: Scalar, y: Scalar) -> Scalar:
    """1 where x >= y, else 0; so not_less(x, x) says where x is a number."""
    return np.float32(1) if x >= y else np.float32(0)


def masked(x: Scalar, mask: Scalar) -> Scalar:
    """Its x where the mask is above 0, else 0, whatever x is."""
    return x if mask > 0 else np.float32(0)


def fraction(x: Scalar) -> Scalar:
    """What x is above the whole number below it, rounded to the nearest; AVX-512: downwards."""
    return x - np.floor(x)


def quotient(x: Scalar, y: Scalar) -> Scalar:
    """The quotient x / y for y from 1 to 2^120; AVX-512: to two units in the last place."""
    return x / y


def times_power_of_two(x: Scalar, y: Scalar) -> Scalar:
    """The product x 2^n, n the whole number below y and up to 127; 0 will do where y < -126."""
    return np.float32(x * 2.0 ** np.floor(y))


def _constant(lanes: Lanes, value: float) -> ir.Value:
    return ir.Constant(lanes.vector, [value] * lanes.width)


def _emit_at_most(builder: Any, lanes: Lanes, x: Any, top: Any) -> ir.Value:
    return builder.select(builder.fcmp_ordered(">", x, top), top, x)


def _emit_not_less(builder: Any, lanes: Lanes, x: Any, y: Any) -> ir.Value:
    one, zero = _constant(lanes, 1.0), _constant(lanes, 0.0)
    return builder.select(builder.fcmp_ordered(">=", x, y), one, zero)


def _emit_masked(builder: Any, lanes: Lanes, x: Any, mask: Any) -> ir.Value:
    zero = _constant(lanes, 0.0)
    return builder.select(builder.fcmp_ordered(">", mask, zero), x, zero)


# 2^23 + 127, added to a whole number, leaves it plus the bias of the exponent in the lowest bits.
POWER_LOW, POWER_BIAS, POWER_SHIFT = -126.0, 8388735.0, 23


def _emit_fraction(builder: Any, lanes: Lanes, x: Any) -> ir.Value:
    if lanes.register == avx512.LANES:
        return _by_register(builder, avx512.fraction, x)
    return builder.fsub(x, _floor(builder, x))


def _emit_quotient(builder: Any, lanes: Lanes, x: Any, y: Any) -> ir.Value:
    if lanes.register == avx512.LANES:
        return _by_register(builder, avx512.quotient, x, y)
    return builder.fdiv(x, y)


def _emit_times_power_of_two(builder: Any, lanes: Lanes, x: Any, y: Any) -> ir.Value:
    if lanes.register == avx512.LANES:
        return _by_register(builder, avx512.times_power_of_two, x, y)
    low, n = _constant(lanes, POWER_LOW), _floor(builder, y)
    n = builder.select(builder.fcmp_ordered("<", n, low), low, n)
    kind = ir.VectorType(INT32, lanes.width)
    bits = builder.bitcast(builder.fadd(n, _constant(lanes, POWER_BIAS)), kind)
    power = builder.shl(bits, ir.Constant(kind, [POWER_SHIFT] * lanes.width))
    return builder.fmul(x, builder.bitcast(power, lanes.vector))


def _floor(builder: Any, x: Any) -> ir.Value:
    suffix = f"v{x.type.count}f32" if isinstance(x.type, ir.VectorType) else "f32"
    return call(builder, f"llvm.floor.{suffix}", x.type, [x])


def _by_register(builder: Any, emit: Emit, *values: Any) -> ir.Value:
    parts = zip(*(cut(builder, value, avx512.LANES) for value in values), strict=True)
    return concatenated(builder, [emit(builder, *part) for part in parts])


_of_lanes(fma, 3, fused)
_of_lanes(at_most, 2, _emit_at_most)
_of_lanes(not_less, 2, _emit_not_less)
_of_lanes(masked, 2, _emit_masked)
_of_lanes(fraction, 1, _emit_fraction)
_of_lanes(quotient, 2, _emit_quotient)
_of_lanes(times_power_of_two, 2, _emit_times_power_of_two)


# The same functions of a scalar, in a CPU kernel or a CUDA thread.


@intrinsic
def _fma(typing, x, y, z):
    def emit(context, builder, signature, args):
        return call(builder, "llvm.fma.f32", FLOAT, args)

    return types.float32(x, y, z), emit


@intrinsic
def _fraction(typing, x):
    def emit(context, builder, signature, args):
        return builder.fsub(args[0], _floor(builder, args[0]))

    return types.float32(x), emit


@intrinsic
def _times_power_of_two(typing, x, y):
    def emit(context, builder, signature, args):
        low, n = FLOAT(POWER_LOW), _floor(builder, args[1])
        n = builder.select(builder.fcmp_ordered("<", n, low), low, n)
        bits = builder.bitcast(builder.fadd(n, FLOAT(POWER_BIAS)), INT32)
        power = builder.bitcast(builder.shl(bits, INT32(POWER_SHIFT)), FLOAT)
        return builder.fmul(args[0], power)

    return types.float32(x, y), emit


@overload(fma)
def _fma_of_scalars(x, y, z):
    return None if _common(x, y, z) else lambda x, y, z: _fma(x, y, z)  # noqa: PLW0108


@overload(fraction)
def _fraction_of_scalars(x):
    return None if _common(x) else lambda x: _fraction(x)  # noqa: PLW0108


@overload(quotient)
def _quotient_of_scalars(x, y):
    return None if _common(x, y) else lambda x, y: x / y


@overload(times_power_of_two)
def _times_power_of_two_of_scalars(x, y):
    return None if _common(x, y) else lambda x, y: _times_power_of_two(x, y)  # noqa: PLW0108


@overload(at_most)
def _at_most_of_scalars(x, top):
    return None if _common(x, top) else lambda x, top: top if x > top else x


@overload(not_less)
def _not_less_of_scalars(x, y):
    if _common(x, y):
        return None
    return lambda x, y: np.float32(1) if x >= y else np.float32(0)


@overload(masked)
def _masked_of_scalars(x, mask):
    return None if _common(x, mask) else lambda x, mask: x if mask > 0 else np.float32(0)
