"""Squares: rows become lanes, and nothing around them matters."""

from __future__ import annotations

import numpy as np
import pytest
from numba.core.types import Type

from sentinel.kernels.jit import jit
from sentinel.kernels.squares import gather_turned, load_turned
from sentinel.kernels.tiles import Tile, store_tile
from tests.kernels.exact import Float32Array, assert_same_bits
from tests.kernels.lane_types import EVERY_LANES, LANES


@jit
def turned(tile: Type, a: Float32Array, at: int, row: int, out: Float32Array, out_row: int) -> None:
    """A square of a, whose rows stand `row` apart, into rows of out."""
    store_tile(out, 0, out_row, load_turned(tile, a, at, row))


@jit
def turned_from(
    tile: Type, a: Float32Array, places: np.ndarray, at: int, offset: int, out: Float32Array,
    out_row: int,
) -> None:  # fmt: skip
    store_tile(out, 0, out_row, gather_turned(tile, a, places, at, offset))


@pytest.mark.parametrize("name", EVERY_LANES)
@pytest.mark.parametrize("vectors", [1, 2])
def test_the_rows_of_a_square_become_its_lanes(name: str, vectors: int) -> None:
    lanes, at, row = LANES[name].width, 5, 40
    # Each number is a different one: none can stand in for another.
    a = np.arange(lanes * row + at, dtype=np.float32)
    out = np.full((lanes, lanes + 3), -1, np.float32)
    turned(Tile(LANES[name], 8, vectors), a, at, row, out.reshape(-1), lanes + 3)
    assert_same_bits(out[:, :lanes], a[at:].reshape(lanes, row)[:, :lanes].T)
    assert np.all(out[:, lanes:] == -1)


@pytest.mark.parametrize("name", EVERY_LANES)
def test_the_rows_of_a_square_may_stand_anywhere(name: str) -> None:
    lanes, at, offset = LANES[name].width, 3, 7
    a = np.arange(40 * lanes, dtype=np.float32)
    places = np.random.default_rng(0).integers(0, len(a) - lanes - offset, lanes + at)
    out = np.full((lanes, lanes + 3), -1, np.float32)
    turned_from(Tile(LANES[name], 8, 2), a, places, at, offset, out.reshape(-1), lanes + 3)
    rows = places[at:, np.newaxis] + offset + np.arange(lanes)
    assert_same_bits(out[:, :lanes], a[rows].T)
    assert np.all(out[:, lanes:] == -1)
