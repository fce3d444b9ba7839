"""A product of two matrices by register tiles, each sum in the order of its terms.

A BLAS is free to sum in another order for another number of rows; then a score would depend on the
company in which a reading comes.
"""

from __future__ import annotations

import numpy as np

from sentinel.kernels.jit import lean
from sentinel.kernels.plan import padded
from sentinel.kernels.tiles import Tile, add_product, load_tile, rows_of, store_tile, width_of
from sentinel.kernels.types import Float32Array


def panels(matrix: Float32Array, width: int) -> Float32Array:
    """A matrix (depth, columns) as a product reads it: panel after panel of `width` columns.

    The last panel is filled with zeros. A panel's rows follow each other in memory; at the stride
    of a whole row they would fall into the same few sets of the cache.
    Source: Goto & van de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 34
    (2008).
    """
    depth, columns = matrix.shape
    room = np.zeros((depth, padded(columns, width)), np.float32)
    room[:, :columns] = matrix
    return np.ascontiguousarray(room.reshape(depth, -1, width).swapaxes(0, 1)).reshape(-1)


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
    b     (depth x columns,) in `panels` of the tile's width, of which columns is a multiple
    out   (rows x columns,), updated from column `first` on, a multiple of the width, too
    """
    for m in range(first, columns, width_of(tile)):
        acc = load_tile(tile, out, m, columns)
        acc = add_product(acc, a, 0, a_row, 1, b, m * depth, width_of(tile), depth)
        store_tile(out, m, columns, acc)


@lean
def product_rows(tile: type[Tile]) -> int:
    """Rows of a product."""
    rows: int = rows_of(tile)
    return rows
