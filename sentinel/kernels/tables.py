"""Tables of integers in compiled code: `table[COLUMN]` is one load, and so it is for the compiler.

An element of a NumPy array costs Numba a millisecond and a half of every compilation, and kernels
read hundreds of them from the tables of a model (`plan`, `shape`).
"""

# Numba calls the functions that type and lower; it compares some signatures to the letter.
# mypy: allow-untyped-defs, allow-untyped-decorators, allow-untyped-calls, allow-subclassing-any

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core.typing.templates import AbstractTemplate, infer
from numba.extending import intrinsic, lower_builtin, models, register_model

INDEX = ir.IntType(64)


class Table(types.Type):
    """Integers that stay what they are as long as a kernel runs; read by constant positions."""

    def __init__(self) -> None:
        super().__init__("table")


TABLE = Table()


@register_model(Table)
class _TableModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Table) -> None:
        super().__init__(dmm, fe_type, INDEX.as_pointer())


@infer
class _TypeOfElement(AbstractTemplate):
    key = "static_getitem"

    def generic(self, args, kws):
        return types.intp(*args) if args[0] is TABLE else None


@lower_builtin("static_getitem", Table, types.IntegerLiteral)
def _element(context, builder, signature, args):
    table, position = args
    found = builder.load(builder.gep(table, [INDEX(position)]))
    # Of use where loops store floats between two loads.
    found.set_metadata("invariant.load", builder.module.add_metadata([]))
    return found


@intrinsic
def whole(typing, array):
    """An int64 array (N,) as a table."""

    def emit(context, builder, signature, args):
        return context.make_array(signature.args[0])(context, builder, args[0]).data

    return TABLE(array), emit


@intrinsic
def row_of(typing, array, number):
    """A row of an int64 array (R, N), contiguous, as a table."""

    def emit(context, builder, signature, args):
        kind = signature.args[0]
        found = context.make_array(kind)(context, builder, args[0])
        columns = builder.extract_value(found.shape, 1)
        return builder.gep(found.data, [builder.mul(args[1], columns)])

    return TABLE(array, types.intp), emit
