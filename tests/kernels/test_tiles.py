"""Tiles of registers: sums over k have the same bits in every tile, and loads go where they say."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numba.core.types import Type

from sentinel.kernels.jit import jit
from sentinel.kernels.tiles import (
    Tile,
    add_product,
    gather,
    lane_count_of,
    load_lanes,
    load_tile,
    rows_from,
    rows_of,
    spread,
    store_lanes,
    store_tile,
    vectors_of,
    width_of,
    zero_tile,
)  # fmt: skip
from tests.kernels.exact import Float32Array, assert_same_bits, multiply_add
from tests.kernels.lane_types import EVERY_LANES, LANES
from tests.kernels.samples import normal

# One cell, a tall one, a wide one, and neither a power of two.
SIZES = ((1, 1), (8, 1), (1, 4), (3, 2))
TILES = [
    pytest.param(tile := Tile(LANES[lanes.values[0]], *size), marks=lanes.marks, id=str(tile))
    for lanes in EVERY_LANES
    for size in SIZES
]
ODD = TILES[3::4]


@jit
def product(
    tile: Type, a: Float32Array, row: int, step: int, b: Float32Array, terms: int, out: Float32Array
) -> None:
    """out (rows, width) += a[r, k] b[k]; a by its strides, both from their element 3 on."""
    acc = load_tile(tile, out, 0, width_of(tile))
    acc = add_product(acc, a, 3, row, step, b, 3, width_of(tile), terms)
    store_tile(out, 0, width_of(tile), acc)


@jit
def moved(
    tile: Type, a: Float32Array, row: int, places: np.ndarray, out: Float32Array, size: int
) -> None:
    """What each of the others does, into pieces of out of the given size."""
    store_tile(out, 0, width_of(tile), zero_tile(tile))
    store_tile(out, size, width_of(tile), rows_from(tile, a, 2))
    store_tile(out, 2 * size, width_of(tile), load_tile(tile, a, 1, row))
    store_tile(out, 3 * size, width_of(tile), load_tile(tile, a, 1, 0))
    store_tile(out, 4 * size, row, load_tile(tile, a, 1, row))
    store_lanes(out, 5 * size, load_lanes(tile, a, 5))
    store_lanes(out, 6 * size, spread(tile, a[7]))
    store_lanes(out, 7 * size, gather(tile, a, places, 1, 2))
    out[8 * size] = rows_of(tile)
    out[8 * size + 1] = vectors_of(tile)
    out[8 * size + 2] = width_of(tile)
    out[8 * size + 3] = lane_count_of(tile)


def products(tile: Tile, terms: int, *, transposed: bool) -> tuple[Float32Array, ...]:
    """a (rows, terms), b (terms, width), the start (rows, width), and what is made of it."""
    rng = np.random.default_rng(terms)
    a, b = normal(rng, 8, terms + 1)[: tile.rows], normal(rng, terms + 1, 64)[:, : tile.width]
    start = normal(rng, 8, 64)[: tile.rows, : tile.width]
    stored = a.T if transposed else a
    flat = np.concatenate([np.full(3, np.nan), stored.ravel()]).astype(np.float32)
    row, step = (1, tile.rows) if transposed else (terms + 1, 1)
    out = start.copy()
    lines = np.concatenate([np.full(3, np.nan), b.ravel()]).astype(np.float32)
    product(tile, flat, row, step, lines, terms, out.reshape(-1))
    return a, b, start, out


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("terms", [0, 1, 2, 17, 200])
@pytest.mark.parametrize("tile", TILES)
def test_a_sum_runs_over_k_from_the_first_to_the_last(
    tile: Tile, terms: int, transposed: bool
) -> None:
    a, b, start, found = products(tile, terms, transposed=transposed)
    chain = start
    for k in range(terms):
        chain = multiply_add(tile.lanes, a[:, k, None], b[k], chain)
    assert_same_bits(found, chain)
    exact = start + a[:, :terms].astype(np.float64) @ b[:terms]
    size = np.abs(start) + np.abs(a[:, :terms]).astype(np.float64) @ np.abs(b[:terms])
    assert np.all(np.abs(found - exact) <= (terms + 1) * 2.0**-23 * size)


def test_a_sum_has_the_same_bits_whatever_the_tile() -> None:
    """Of lanes that fuse multiply and add, whatever their width too."""
    sums: dict[bool, set[bytes]] = {True: set(), False: set()}
    for parameter in TILES:
        (tile,) = parameter.values
        if not any(mark.args[0] for mark in parameter.marks):
            found = products(tile, 200, transposed=False)[3]
            sums[tile.lanes.fused].add(found[0, :4].tobytes())
    assert len(sums[False]) == 1
    assert len(sums[True]) <= 1
    assert not sums[True] & sums[False]


@cache
def pieces(tile: Tile) -> tuple[Float32Array, int, np.ndarray, Float32Array]:
    size, row = 512, 77
    a = normal(np.random.default_rng(0), 1000)
    places = np.random.default_rng(1).integers(0, 900, 40)
    out = np.full(9 * size, 7.0, np.float32)
    moved(tile, a, row, places, out, size)
    return a, row, places, out.reshape(9, size)


@pytest.mark.parametrize("tile", ODD)
def test_tiles_are_loaded_and_stored_where_they_say(tile: Tile) -> None:
    a, row, places, out = pieces(tile)
    rows, width, lanes = tile.rows, tile.width, tile.lanes.width
    cells = rows * width
    assert np.all(out[0, :cells] == 0)
    assert_same_bits(out[1, :cells], np.repeat(a[2 : 2 + rows], width))
    strided = np.stack([a[1 + r * row : 1 + r * row + width] for r in range(rows)])
    assert_same_bits(out[2, :cells], strided.ravel())
    assert_same_bits(out[3, :cells], np.tile(a[1 : 1 + width], rows))
    for r in range(rows):
        assert_same_bits(out[4, r * row : r * row + width], strided[r])
        assert np.all(out[4, r * row + width : (r + 1) * row] == 7)
    assert_same_bits(out[5, :lanes], a[5 : 5 + lanes])
    assert_same_bits(out[6, :lanes], np.full(lanes, a[7]))
    assert_same_bits(out[7, :lanes], a[places[1 : 1 + lanes] + 2])
    assert out[8, :4].tolist() == [rows, tile.vectors, width, lanes]
    for piece, written in zip(out[:8], [cells] * 4 + [512] + [lanes] * 3, strict=True):
        assert np.all(piece[written:] == 7)
