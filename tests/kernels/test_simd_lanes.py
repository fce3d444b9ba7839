"""Every operation of lanes is NumPy's, lane by lane, to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba.core.errors import TypingError
from numba.core.types import Type

from sentinel.kernels.gates import load_across, store_across
from sentinel.kernels.jit import jit
from sentinel.kernels.lanes import (
    at_most,
    fma,
    fraction,
    masked,
    not_less,
    quotient,
    times_power_of_two,
)  # fmt: skip
from sentinel.kernels.tiles import Tile, load_lanes, store_lanes
from tests.kernels.exact import Float32Array, assert_same_bits, fused, multiply_add
from tests.kernels.lane_types import EVERY_LANES, LANES

WIDEST = 16
# Whatever the bits say: NaNs, infinities, subnormal numbers, both zeros; and ordinary numbers.
ANYTHING = st.integers(0, 2**32 - 1).map(lambda bits: np.uint32(bits).view(np.float32))
NUMBERS = st.floats(-8, 8, width=32) | st.sampled_from([0.0, -0.0, 1.0, np.inf, -np.inf, np.nan])
LANE_VALUES = st.lists(ANYTHING | NUMBERS, min_size=WIDEST, max_size=WIDEST).map(
    lambda values: np.array(values, np.float32)
)


# Exponents whose power of two is neither infinite nor subnormal.
EXPONENTS = st.lists(
    st.integers(-126, 127) | st.floats(-126, 127.5, width=32), min_size=WIDEST, max_size=WIDEST
).map(lambda values: np.array(values, np.float32))


@jit
def in_lanes(
    tile: Type, x: Float32Array, y: Float32Array, z: Float32Array, n: Float32Array,
    out: Float32Array,
) -> None:  # fmt: skip
    """Each operation into 16 floats of out; the last ones with a scalar operand, y[0] or z[0]."""
    a, b, c = load_across(tile, x, 0, 0), load_across(tile, y, 0, 0), load_across(tile, z, 0, 0)
    store_across(tile, out, 0, 0, a + b)
    store_across(tile, out, 16, 0, a - b)
    store_across(tile, out, 32, 0, a * b)
    store_across(tile, out, 48, 0, a / b)
    store_across(tile, out, 64, 0, fma(a, b, c))
    store_across(tile, out, 80, 0, at_most(a, b))
    store_across(tile, out, 96, 0, not_less(a, b))
    store_across(tile, out, 112, 0, masked(a, b))
    store_across(tile, out, 128, 0, times_power_of_two(a, load_across(tile, n, 0, 0)))
    store_across(tile, out, 144, 0, a - y[0])
    store_across(tile, out, 160, 0, y[0] - a)
    store_across(tile, out, 176, 0, y[0] / a)
    store_across(tile, out, 192, 0, fma(y[0], a, z[0]))
    store_across(tile, out, 208, 0, at_most(a, y[0]))
    store_across(tile, out, 224, 0, not_less(y[0], a))
    store_across(tile, out, 240, 0, fraction(a))


@jit
def as_scalars(
    x: Float32Array, y: Float32Array, z: Float32Array, n: Float32Array, out: Float32Array
) -> None:
    """The functions of a scalar; out (6, N)"""
    for i in range(len(x)):
        out[0, i] = fma(x[i], y[i], z[i])
        out[1, i] = at_most(x[i], y[i])
        out[2, i] = not_less(x[i], y[i])
        out[3, i] = masked(x[i], y[i])
        out[4, i] = times_power_of_two(x[i], n[i])
        out[5, i] = fraction(x[i])


def ones_where(condition: np.ndarray) -> Float32Array:
    return condition.astype(np.float32)


def where_above_zero(x: Float32Array, mask: Float32Array) -> Float32Array:
    return np.where(mask > 0, x, np.float32(0))


def scaled(x: Float32Array, n: Float32Array) -> Float32Array:
    """x 2^floor(n), exact in float64, rounded once."""
    return (x * np.exp2(np.floor(n.astype(np.float64)))).astype(np.float32)


def fractions(x: Float32Array, *, down: bool = False) -> Float32Array:
    """What x is above the whole number below it; down: rounded to that side."""
    nearest, lower = x - np.floor(x), np.floor(x) - x
    if not down:
        return nearest
    # The sum of what was rounded and the whole number is exact: it tells which way it went.
    return np.where(nearest + np.floor(x) > x, np.nextafter(nearest, np.float32(0)), -lower)


# A vector, and several side by side, of the 16 floats that there are.
WIDTHS = [
    pytest.param(*lanes.values, vectors, marks=lanes.marks, id=f"{lanes.values[0]} x {vectors}")
    for lanes in EVERY_LANES
    for vectors in {"F32X4": (1, 4), "F32X8": (1, 2), "F32X16": (1,)}[lanes.values[0]]
]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("name", "vectors"), WIDTHS)
@given(x=LANE_VALUES, y=LANE_VALUES, z=LANE_VALUES, n=EXPONENTS)
def test_every_operation_is_numpys(
    name: str, vectors: int, x: Float32Array, y: Float32Array, z: Float32Array, n: Float32Array
) -> None:
    lanes = LANES[name]
    out = np.full(16 * WIDEST, 7.0, np.float32)
    tile = Tile(lanes, 4, vectors)
    in_lanes(tile, x, y, z, n, out)
    one, two = np.full_like(y, y[0]), np.full_like(z, z[0])
    expected = [
        x + y, x - y, x * y, x / y, multiply_add(lanes, x, y, z), np.where(x > y, y, x),
        ones_where(x >= y), where_above_zero(x, y), scaled(x, n), x - one, one - x, one / x,
        multiply_add(lanes, one, x, two), np.where(x > one, one, x), ones_where(one >= x),
        fractions(x, down=name == "F32X16"),
    ]  # fmt: skip
    # Of an infinity it is whatever the machine says.
    infinite = np.isinf(x) & (np.arange(WIDEST) < tile.width)
    out[-WIDEST:][infinite] = expected[-1][infinite]
    for found, right in zip(out.reshape(-1, WIDEST), expected, strict=True):
        assert_same_bits(found[: tile.width], right[: tile.width])
        # No lane beyond the last is written.
        assert np.all(found[tile.width :] == 7)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@given(x=LANE_VALUES, y=LANE_VALUES, z=LANE_VALUES, n=EXPONENTS)
def test_every_function_of_a_scalar_is_numpys_compiled_and_in_plain_python(
    x: Float32Array, y: Float32Array, z: Float32Array, n: Float32Array
) -> None:
    found = np.empty((6, WIDEST), np.float32)
    as_scalars(x, y, z, n, found)
    others = [
        np.where(x > y, y, x), ones_where(x >= y), where_above_zero(x, y), scaled(x, n),
        fractions(x),
    ]  # fmt: skip
    assert_same_bits(found, np.stack([fused(x, y, z), *others]))
    for i in range(WIDEST):
        plain = [
            fma(x[i], y[i], z[i]), at_most(x[i], y[i]), not_less(x[i], y[i]),
            masked(x[i], y[i]), times_power_of_two(x[i], n[i]), fraction(x[i]),
        ]  # fmt: skip
        right = [x[i] * y[i] + z[i], *(other[i] for other in others)]
        assert_same_bits(np.stack(plain), np.stack(right))


@pytest.mark.parametrize(("name", "vectors"), WIDTHS)
def test_a_power_of_two_too_small_for_a_float32_is_as_good_as_zero(name: str, vectors: int) -> None:
    x, out = np.linspace(-1, 2, 16).astype(np.float32), np.zeros(16 * WIDEST, np.float32)
    for n in (-127, -150, -1e9, -3e38):
        in_lanes(Tile(LANES[name], 4, vectors), x, x, x, np.full_like(x, n), out)
        assert np.abs(out[128:144]).max() <= 2.0**-125


@jit
def quotients(tile: Type, x: Float32Array, y: Float32Array, out: Float32Array) -> None:
    a, b = load_across(tile, x, 0, 0), load_across(tile, y, 0, 0)
    store_across(tile, out, 0, 0, quotient(a, b))


DENOMINATORS = st.lists(
    st.sampled_from([1.0, 2.0**40, 2.0**120]) | st.floats(1, 2.0**120, width=32),
    min_size=WIDEST, max_size=WIDEST,
).map(lambda values: np.array(values, np.float32))  # fmt: skip


@pytest.mark.parametrize(("name", "vectors"), WIDTHS)
@given(x=LANE_VALUES, y=DENOMINATORS)
def test_a_quotient_is_right_to_two_units_in_the_last_place(
    name: str, vectors: int, x: Float32Array, y: Float32Array
) -> None:
    tile, out = Tile(LANES[name], 4, vectors), np.zeros(WIDEST, np.float32)
    quotients(tile, x, y, out)
    there = np.isfinite(x) & (np.arange(WIDEST) < tile.width)
    right = x[there].astype(np.float64) / y[there]
    # Beside what is too small to be normal.
    unit = np.maximum(np.abs(right) * 2.0**-23, 2.0**-126)
    assert np.all(np.abs(out[there] - right) <= 2 * unit)
    assert not np.isfinite(out[: tile.width][~np.isfinite(x[: tile.width])]).any()


def test_fused_rounding_once_is_not_rounding_twice() -> None:
    """The emulation must tell the two apart, or it proves nothing."""
    x = np.float32(1 + 2.0**-12)
    assert fused(x, x, -1) != x * x - np.float32(1)
    # Halfway in float64 between two float32 numbers, but for a bit that float64 has lost.
    assert fused(1 + 2.0**-23, 1 + 2.0**-23, 2.0**60) == np.float32(2.0**60)
    assert fused(1, 1 + 2.0**-23, 2.0**-60) == np.float32(1 + 2.0**-23)
    assert fused(1 + 2.0**-12, 1 + 2.0**-12, 2.0**-60) == np.float32(1 + 2.0**-11 + 2.0**-23)


def test_lanes_of_another_width_or_precision_do_not_mix_in() -> None:
    @jit
    def of_two_widths(tile: Type, other: Type, x: Float32Array) -> None:
        store_lanes(x, 0, load_lanes(tile, x, 0) + load_lanes(other, x, 0))

    @jit
    def with_float64(tile: Type, x: Float32Array) -> None:
        store_lanes(x, 0, load_lanes(tile, x, 0) * 2.0)

    tile, x = Tile(LANES["F32X8"], 1, 1), np.zeros(16, np.float32)
    with pytest.raises(TypingError):
        of_two_widths(tile, Tile(LANES["F32X4"], 1, 1), x)
    with pytest.raises(TypingError):
        with_float64(tile, x)
