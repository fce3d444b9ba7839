"""The four gates of a tile: all units and windows of it at once, each gate as one wide value.

Across: a row of the tile is one gate of one unit, gate after gate; a vector holds windows. Along: a
row is a window, and holds four stretches of vectors, one for each gate; a vector holds units.
"""

# Numba calls these with types of its own, and compares the signatures to the letter.
# mypy: allow-untyped-defs, allow-untyped-decorators, allow-untyped-calls

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from numba import types
from numba.extending import intrinsic

from sentinel.kernels.lanes import concatenated, cut
from sentinel.kernels.layout import GATES
from sentinel.kernels.tiles import INDEX, Emitter, Tile


class _Cut(NamedTuple):
    """pieces of a gate, of so many vectors each."""

    pieces: int
    vectors: int


def _across(tile: Tile) -> _Cut:
    return _Cut(tile.rows // GATES, tile.vectors)


def _along(tile: Tile) -> _Cut:
    return _Cut(tile.rows, tile.vectors // GATES)


def _gate(cells: Callable[[Tile, int], list[tuple[int, int]]], gate: int) -> Any:
    @intrinsic
    def read(typing, acc):
        lanes = acc.lanes.wide(len(cells(acc, gate)))

        def emit(context, builder, signature, args):
            values = Emitter(context, builder, signature, args, acc).unpack(args[0])
            return concatenated(builder, [values[cell] for cell in cells(acc, gate)])

        return lanes(acc), emit

    return read


def _cells_across(tile: Tile, gate: int) -> list[tuple[int, int]]:
    units, vectors = _across(tile)
    return [(gate * units + u, v) for u in range(units) for v in range(vectors)]


def _cells_along(tile: Tile, gate: int) -> list[tuple[int, int]]:
    rows, vectors = _along(tile)
    return [(r, gate * vectors + v) for r in range(rows) for v in range(vectors)]


i_across, f_across, g_across, o_across = (_gate(_cells_across, gate) for gate in range(GATES))
i_along, f_along, g_along, o_along = (_gate(_cells_along, gate) for gate in range(GATES))


def _load_pieces(of: Callable[[Tile], _Cut]) -> Any:
    @intrinsic
    def load(typing, tile, array, at, step):
        kind = tile.instance_type
        pieces, vectors = of(kind)

        def emit(context, builder, signature, args):
            code, lanes = Emitter(context, builder, signature, args, kind), kind.lanes.width
            found = []
            for piece in range(pieces):
                start = builder.add(args[2], builder.mul(args[3], INDEX(piece)))
                found += [code.vector(1, start, lanes, v) for v in range(vectors)]
            return concatenated(builder, found)

        return kind.lanes.wide(pieces * vectors)(tile, array, types.intp, types.intp), emit

    return load


def _store_pieces(of: Callable[[Tile], _Cut]) -> Any:
    @intrinsic
    def store(typing, tile, array, at, step, value):
        kind = tile.instance_type
        pieces, vectors = of(kind)

        def emit(context, builder, signature, args):
            code, lanes = Emitter(context, builder, signature, args, kind), kind.lanes.width
            parts = cut(builder, args[4], lanes)
            for piece in range(pieces):
                start = builder.add(args[2], builder.mul(args[3], INDEX(piece)))
                for v in range(vectors):
                    where = code.address(1, start, lanes, v)
                    vector = builder.bitcast(where, kind.lanes.vector.as_pointer())
                    builder.store(parts[piece * vectors + v], vector, align=4)
            return context.get_dummy_value()

        return types.void(tile, array, types.intp, types.intp, value), emit

    return store


# One number for each unit and window of a tile, from or to array[at + piece step], ...
load_across, store_across = _load_pieces(_across), _store_pieces(_across)
load_along, store_along = _load_pieces(_along), _store_pieces(_along)
