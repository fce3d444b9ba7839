"""A product of two matrices by register tiles, each sum in the order of its terms.

A BLAS is free to sum in another order for another number of rows; then a score would depend on the
company in which a reading comes.
"""

from __future__ import annotations

from sentinel.kernels.jit import lean
from sentinel.kernels.tiles import Tile, add_product, load_tile, rows_of, store_tile, width_of
from sentinel.kernels.types import Float32Array


@lean
def add_matrix_product(
    tile: type[Tile],
    a: Float32Array,
    a_row: int,
    depth: int,
    b: Float32Array,
    columns: int,
    first: int,
    out: Float32Array,
) -> None:
    """Add a b to `out`, for as many rows as the tile has.

    a     (rows x a_row,), of which `depth` numbers of each row count
    b     (depth x columns,); columns is a multiple of the tile's width
    out   (rows x columns,), updated from column `first` on, a multiple of the width, too
    """
    for m in range(first, columns, width_of(tile)):
        acc = load_tile(tile, out, m, columns)
        acc = add_product(acc, a, 0, a_row, 1, b, m, columns, depth)
        store_tile(out, m, columns, acc)


@lean
def product_rows(tile: type[Tile]) -> int:
    """Rows of a product."""
    rows: int = rows_of(tile)
    return rows
