"""Elements of flat arrays by offsets that count from the beginning, one or four at a time.

An index in Python may be negative, and compiled code asks at every access whether it is. These do
not ask; four floats that begin on a multiple of four are one instruction.
"""

# Numba calls these with types of its own, and compares the signatures to the letter.
# mypy: allow-untyped-defs, allow-untyped-decorators, allow-untyped-calls

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from sentinel.kernels.cuda.jit import SIMULATED
from sentinel.kernels.lanes import FLOAT, INT32, pointer

FOUR = 4
# Of shared memory, so that four floats can be read at once; the simulator knows no alignment.
ALIGNMENT = None if SIMULATED else 16
VECTOR = ir.VectorType(FLOAT, FOUR)


def _load(typing, array, at):
    def emit(context, builder, signature, args):
        where = pointer(context, builder, signature.args[0], args[0], args[1])
        return builder.load(where)

    return array.dtype(array, types.intp), emit


def _store(typing, array, at, value):
    def emit(context, builder, signature, args):
        where = pointer(context, builder, signature.args[0], args[0], args[1])
        builder.store(args[2], where)
        return context.get_dummy_value()

    return types.void(array, types.intp, array.dtype), emit


def _load4(typing, array, at):
    kind = types.UniTuple(types.float32, FOUR)

    def emit(context, builder, signature, args):
        where = pointer(context, builder, signature.args[0], args[0], args[1])
        vector = builder.load(builder.bitcast(where, VECTOR.as_pointer()), align=4 * FOUR)
        lanes = [builder.extract_element(vector, INT32(n)) for n in range(FOUR)]
        return context.make_tuple(builder, kind, lanes)

    return kind(array, types.intp), emit


def _store4(typing, array, at, values):
    def emit(context, builder, signature, args):
        where = pointer(context, builder, signature.args[0], args[0], args[1])
        vector = ir.Constant(VECTOR, ir.Undefined)
        for n in range(FOUR):
            lane = builder.extract_value(args[2], n)
            vector = builder.insert_element(vector, lane, INT32(n))
        builder.store(vector, builder.bitcast(where, VECTOR.as_pointer()), align=4 * FOUR)
        return context.get_dummy_value()

    return types.void(array, types.intp, values), emit


def _simulated_load(array, at):
    return array[at]


def _simulated_store(array, at, value):
    array[at] = value


def _simulated_load4(array, at):
    return tuple(array[at : at + FOUR])


def _simulated_store4(array, at, values):
    array[at : at + FOUR] = values


def _known(function):
    """An intrinsic that pickles to the same bytes in every process.

    The key of a cached kernel hashes the pickled functions that its closure holds, and Numba gives
    every intrinsic a random number: without a name, no start would find what another compiled.
    """
    made = intrinsic(function)
    made._set_uuid(f"{__name__}{function.__name__}")
    return made


load: Any = _simulated_load if SIMULATED else _known(_load)
store: Any = _simulated_store if SIMULATED else _known(_store)
load4: Any = _simulated_load4 if SIMULATED else _known(_load4)
store4: Any = _simulated_store4 if SIMULATED else _known(_store4)
