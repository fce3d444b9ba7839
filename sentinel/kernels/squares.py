"""Squares of as many rows as a vector has lanes, turned over: rows become lanes, lanes rows.

Where numbers lie row by row and are wanted side by side, a load takes a whole row of them at a
time, and shuffles in registers do the rest.
"""

# Numba calls these with types of its own, and compares the signatures to the letter.
# mypy: allow-untyped-defs, allow-untyped-decorators, allow-untyped-calls

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from sentinel.kernels.lanes import INT32
from sentinel.kernels.tiles import INDEX, Emitter, Tile


def _square(tile: Any) -> Tile:
    lanes = tile.instance_type.lanes
    return Tile(lanes, lanes.width, 1)


def _turned(builder: Any, rows: list[ir.Value]) -> dict[tuple[int, int], ir.Value]:
    """Cells of the square whose columns these are: ever smaller blocks change places."""
    lanes = len(rows)
    kind, part = ir.VectorType(INT32, lanes), lanes // 2
    while part:
        # Of a pair of rows, what both have before the middle, and what both have behind it.
        near = [n if n & part == 0 else n + lanes - part for n in range(lanes)]
        far = [n + part if n & part == 0 else n + lanes for n in range(lanes)]
        for n in range(lanes):
            if n & part == 0:
                pair = rows[n], rows[n + part]
                rows[n] = builder.shuffle_vector(*pair, ir.Constant(kind, near))
                rows[n + part] = builder.shuffle_vector(*pair, ir.Constant(kind, far))
        part //= 2
    return {(r, 0): row for r, row in enumerate(rows)}


@intrinsic
def load_turned(typing, tile, array, at, row):
    """A square: acc[r][0] has array[at + n row + r] in lane n."""
    square = _square(tile)

    def emit(context, builder, signature, args):
        code = Emitter(context, builder, signature, args, square)
        starts = [builder.add(args[2], builder.mul(args[3], INDEX(n))) for n in range(square.rows)]
        return code.pack(_turned(builder, [code.vector(1, start, 0, 0) for start in starts]))

    return square(tile, array, types.intp, types.intp), emit


@intrinsic
def gather_turned(typing, tile, array, places, at, offset):
    """A square: acc[r][0] has array[places[at + n] + offset + r] in lane n.  places int64"""
    square = _square(tile)

    def emit(context, builder, signature, args):
        code = Emitter(context, builder, signature, args, square)
        starts = [
            builder.add(builder.load(code.address(2, args[3], 1, n)), args[4])
            for n in range(square.rows)
        ]
        return code.pack(_turned(builder, [code.vector(1, start, 0, 0) for start in starts]))

    return square(tile, array, places, types.intp, types.intp), emit
