"""A tile of accumulators that stays in registers: rows x vectors of lanes.

Every product of the kernels is `add_product`: terms in the order of k into acc[r][v]. Either
operand may be the one that is spread from a scalar, and each sum runs over k from the first to the
last: it has the same bits in every kernel, whatever the tile around it.
"""

# Numba calls these with types of its own, and compares the signatures to the letter.
# mypy: allow-untyped-defs, allow-untyped-decorators, allow-untyped-calls, allow-subclassing-any

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, register_model

from sentinel.kernels.jit import lean
from sentinel.kernels.lanes import INT32, Lanes, fused, pointer, splat
from sentinel.kernels.types import Float32Array

INDEX = ir.IntType(64)


class Tile(types.Type):
    """`rows` x `vectors` values of `lanes`. A kernel is handed the type, and compiled for it."""

    def __init__(self, lanes: Lanes, rows: int, vectors: int) -> None:
        self.lanes = lanes
        self.rows = rows
        self.vectors = vectors
        super().__init__(f"tile{rows}x{vectors}-{lanes.name}")

    @property
    def width(self) -> int:
        """Floats of one row."""
        return self.vectors * self.lanes.width


@register_model(Tile)
class _TileModel(models.PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Tile) -> None:
        cells = fe_type.rows * fe_type.vectors
        super().__init__(dmm, fe_type, ir.ArrayType(fe_type.lanes.vector, cells))


class Emitter:
    """Loads and stores of one generated piece of code, in terms of rows and vectors."""

    def __init__(self, context: Any, builder: Any, signature: Any, args: Any, tile: Tile) -> None:
        self.context, self.builder, self.signature, self.args = context, builder, signature, args
        self.tile = tile
        self.cells = [(r, v) for r in range(tile.rows) for v in range(tile.vectors)]

    def address(self, array: int, at: ir.Value, step: ir.Value | int, times: int) -> ir.Value:
        """Of element at + times step of the argument number `array`."""
        step = INDEX(step) if isinstance(step, int) else step
        index = self.builder.add(at, self.builder.mul(step, INDEX(times))) if times else at
        kind, value = self.signature.args[array], self.args[array]
        return pointer(self.context, self.builder, kind, value, index)

    def vector(self, array: int, at: ir.Value, step: ir.Value | int, times: int) -> ir.Value:
        """Lanes from there."""
        where = self.address(array, at, step, times)
        kind = self.tile.lanes.vector.as_pointer()
        return self.builder.load(self.builder.bitcast(where, kind), align=4)

    def scalar(self, array: int, at: ir.Value, step: ir.Value | int, times: int) -> ir.Value:
        """The float from there, in every lane."""
        one = self.builder.load(self.address(array, at, step, times), align=4)
        return splat(self.builder, one, self.tile.lanes.width)

    def pack(self, values: dict[tuple[int, int], ir.Value]) -> ir.Value:
        """The tile with these values."""
        made = ir.Constant(self.context.get_value_type(self.tile), ir.Undefined)
        for n, cell in enumerate(self.cells):
            made = self.builder.insert_value(made, values[cell], n)
        return made

    def unpack(self, tile: ir.Value) -> dict[tuple[int, int], ir.Value]:
        """The values of a tile."""
        return {cell: self.builder.extract_value(tile, n) for n, cell in enumerate(self.cells)}


@intrinsic
def zero_tile(typing, tile):
    """acc[r][v] = 0."""

    def emit(context, builder, signature, args):
        return ir.Constant(context.get_value_type(signature.return_type), None)

    return tile.instance_type(tile), emit


@intrinsic
def rows_from(typing, tile, array, at):
    """acc[r][v] = array[at + r], in every lane."""

    def emit(context, builder, signature, args):
        code = Emitter(context, builder, signature, args, signature.return_type)
        rows = [code.scalar(1, args[2], 1, r) for r in range(code.tile.rows)]
        return code.pack({(r, v): rows[r] for r, v in code.cells})

    return tile.instance_type(tile, array, types.intp), emit


@intrinsic
def load_tile(typing, tile, array, at, row):
    """acc[r][v] = lanes from array[at + r row + v W]; row = 0: the same in every row."""

    def emit(context, builder, signature, args):
        code = Emitter(context, builder, signature, args, signature.return_type)
        width = code.tile.lanes.width
        values = {}
        for r, v in code.cells:
            start = builder.add(args[2], builder.mul(args[3], INDEX(r))) if r else args[2]
            values[r, v] = code.vector(1, start, width, v)
        return code.pack(values)

    return tile.instance_type(tile, array, types.intp, types.intp), emit


@intrinsic
def store_tile(typing, array, at, row, acc):
    """array[at + r row + v W], ... = acc[r][v]."""

    def emit(context, builder, signature, args):
        code = Emitter(context, builder, signature, args, signature.args[3])
        kind = code.tile.lanes.vector.as_pointer()
        for (r, v), value in code.unpack(args[3]).items():
            start = builder.add(args[1], builder.mul(args[2], INDEX(r))) if r else args[1]
            where = code.address(0, start, code.tile.lanes.width, v)
            builder.store(value, builder.bitcast(where, kind), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.intp, acc), emit


@intrinsic
def _add_term(typing, acc, a, a_at, a_row, b, b_at):
    """acc[r][v] += a[a_at + r a_row] x lanes from b[b_at + v W]."""

    def emit(context, builder, signature, args):
        code = Emitter(context, builder, signature, args, signature.return_type)
        lanes, values = code.tile.lanes, code.unpack(args[0])
        vectors = [code.vector(4, args[5], lanes.width, v) for v in range(code.tile.vectors)]
        for r in range(code.tile.rows):
            scalar = code.scalar(1, args[2], args[3], r)
            for v, vector in enumerate(vectors):
                values[r, v] = fused(builder, lanes, scalar, vector, values[r, v])
        return code.pack(values)

    return acc(acc, a, types.intp, types.intp, b, types.intp), emit


@lean
def add_product(
    acc: Tile,
    a: Float32Array,
    a_at: int,
    a_row: int,
    a_step: int,
    b: Float32Array,
    b_at: int,
    b_step: int,
    count: int,
) -> Tile:
    """acc[r][v] += a[a_at + r a_row + k a_step] x lanes from b[b_at + k b_step + v W] for all k."""
    for k in range(count):
        acc = _add_term(acc, a, a_at + k * a_step, a_row, b, b_at + k * b_step)
    return acc


def _constant(name: str, of: Any) -> Any:
    """An intrinsic that gives a property of a tile type as a constant of the compiled code."""

    @intrinsic
    def read(typing, tile):
        value = of(tile.instance_type)
        return types.intp(tile), lambda context, builder, signature, args: INDEX(value)

    read.__doc__ = name
    return read


rows_of = _constant("Rows of a tile.", lambda tile: tile.rows)
vectors_of = _constant("Vectors of a row of a tile.", lambda tile: tile.vectors)
width_of = _constant("Floats of a row of a tile.", lambda tile: tile.width)
lane_count_of = _constant("Lanes of a vector of a tile.", lambda tile: tile.lanes.width)


# Lanes, of the type of a tile's.


@intrinsic
def load_lanes(typing, tile, array, at):
    """Lanes, as wide as the tile's, from array[at], array[at + 1], ...; any alignment."""
    kind = tile.instance_type

    def emit(context, builder, signature, args):
        return Emitter(context, builder, signature, args, kind).vector(1, args[2], 0, 0)

    return kind.lanes(tile, array, types.intp), emit


@intrinsic
def store_lanes(typing, array, at, value):
    """Lanes to array[at], array[at + 1], ...; any alignment."""

    def emit(context, builder, signature, args):
        where = pointer(context, builder, signature.args[0], args[0], args[1])
        builder.store(args[2], builder.bitcast(where, args[2].type.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), emit


@intrinsic
def spread(typing, tile, x):
    """The float32 x in every lane."""
    lanes = tile.instance_type.lanes

    def emit(context, builder, signature, args):
        return splat(builder, args[1], lanes.width)

    return lanes(tile, types.float32), emit


@intrinsic
def gather(typing, tile, array, places, at, offset):
    """Lane n is array[places[at + n] + offset].  places int64"""
    lanes = tile.instance_type.lanes

    def emit(context, builder, signature, args):
        _, array, places, at, offset = args
        found = ir.Constant(lanes.vector, ir.Undefined)
        for n in range(lanes.width):
            place = pointer(context, builder, signature.args[2], places, builder.add(at, INDEX(n)))
            index = builder.add(builder.load(place), offset)
            value = builder.load(pointer(context, builder, signature.args[1], array, index))
            found = builder.insert_element(found, value, INT32(n))
        return found

    return lanes(tile, array, places, types.intp, types.intp), emit
