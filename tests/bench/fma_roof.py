"""How fast the floating-point units are at best: multiply and add, in registers alone."""

# Numba calls these with types of its own.
# mypy: allow-untyped-defs, allow-untyped-decorators

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numba.extending import intrinsic

from sentinel.kernels.jit import entry, jit
from sentinel.kernels.lanes import Lanes, fused
from sentinel.kernels.tiles import Tile, load_tile, spread, store_tile, width_of
from sentinel.kernels.types import Float32Array

# Enough sums to hide the latency of the units (4 cycles, 2 units; 6 where it takes a product and a
# sum), and they fit in 16 registers beside their two operands.
ROWS, VECTORS = 6, 2
TERMS = 100_000


@intrinsic
def _scale_and_shift(typing, acc, scale, shift):
    """acc[r][v] = acc[r][v] x scale + shift: no product is the same twice, none can be saved."""

    def emit(context, builder, signature, args):
        tile, moved = signature.return_type, args[0]
        for n in range(tile.rows * tile.vectors):
            value = builder.extract_value(args[0], n)
            value = fused(builder, tile.lanes, value, args[1], args[2])
            moved = builder.insert_value(moved, value, n)
        return moved

    return acc(acc, scale, shift), emit


@jit
def _loop(tile: type[Tile], values: Float32Array, count: int) -> None:
    scale, shift = spread(tile, np.float32(0.5)), spread(tile, np.float32(1))
    acc = load_tile(tile, values, 0, width_of(tile))
    for _ in range(count):
        acc = _scale_and_shift(acc, scale, shift)
    store_tile(values, 0, width_of(tile), acc)


def fma_loop(lanes: Lanes) -> tuple[Callable[[], None], int]:
    """What to time for such lanes, on one thread, and its floating-point operations."""
    tile = Tile(lanes, ROWS, VECTORS)
    # All different: equal sums would be computed once.
    values = np.arange(ROWS * tile.width, dtype=np.float32)
    compiled = entry(_loop, tile, values, TERMS)
    return lambda: compiled(tile, values, TERMS), 2 * TERMS * ROWS * tile.width
