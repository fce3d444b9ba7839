"""The gates of a tile, each as one wide value, whether its lanes are windows or units."""

from __future__ import annotations

import numpy as np
import pytest
from numba.core.types import Type

from sentinel.kernels.gates import (
    f_across,
    f_along,
    g_across,
    g_along,
    i_across,
    i_along,
    load_across,
    load_along,
    o_across,
    o_along,
    store_across,
    store_along,
)
from sentinel.kernels.jit import jit
from sentinel.kernels.tiles import Tile, load_tile
from tests.kernels.exact import Float32Array, assert_same_bits
from tests.kernels.lane_types import EVERY_LANES, LANES
from tests.kernels.samples import normal

# Two units across, and two blocks of units of two windows along.
ACROSS, ALONG = (8, 2), (2, 8)


@jit
def gates_across(
    tile: Type, a: Float32Array, row: int, step: int, moved: Float32Array, out: Float32Array
) -> None:
    """The gates of a tile of a, each into a quarter of out; a once more through a wide value."""
    acc, size = load_tile(tile, a, 0, row), len(out) // 4
    store_across(tile, out, 0, step, i_across(acc))
    store_across(tile, out, size, step, f_across(acc))
    store_across(tile, out, 2 * size, step, g_across(acc))
    store_across(tile, out, 3 * size, step, o_across(acc))
    store_across(tile, moved, 1, step, load_across(tile, a, 3, row))


@jit
def gates_along(
    tile: Type, a: Float32Array, row: int, step: int, moved: Float32Array, out: Float32Array
) -> None:
    """The same of a tile whose rows are windows."""
    acc, size = load_tile(tile, a, 0, row), len(out) // 4
    store_along(tile, out, 0, step, i_along(acc))
    store_along(tile, out, size, step, f_along(acc))
    store_along(tile, out, 2 * size, step, g_along(acc))
    store_along(tile, out, 3 * size, step, o_along(acc))
    store_along(tile, moved, 1, step, load_along(tile, a, 3, row))


@pytest.mark.parametrize("name", EVERY_LANES)
@pytest.mark.parametrize("form", ["across", "along"])
def test_a_gate_is_all_its_units_and_windows_of_the_tile(form: str, name: str) -> None:
    tile, row, step = Tile(LANES[name], *(ACROSS if form == "across" else ALONG)), 131, 40
    a = normal(np.random.default_rng(3), 2000)
    rows = np.stack([a[r * row : r * row + tile.width] for r in range(tile.rows)])
    out, moved = np.full((4, 500), 7.0, np.float32), np.full(500, 7.0, np.float32)
    if form == "across":
        gates_across(tile, a, row, step, moved, out.reshape(-1))
        expected, pieces = rows.reshape(4, tile.rows // 4, tile.width), tile.rows // 4
    else:
        gates_along(tile, a, row, step, moved, out.reshape(-1))
        expected, pieces = rows.reshape(tile.rows, 4, -1).swapaxes(0, 1), tile.rows
    length = expected.shape[2]
    for gate in range(4):
        for piece in range(pieces):
            found = out[gate, piece * step : piece * step + length]
            assert_same_bits(found, expected[gate, piece])
    for piece in range(pieces):
        found = moved[1 + piece * step : 1 + piece * step + length]
        assert_same_bits(found, a[3 + piece * row : 3 + piece * row + length])
    assert np.sum(out != 7) == expected.size
    assert np.sum(moved != 7) == pieces * length
