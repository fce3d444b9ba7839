"""A float32 as three bfloat16, and a product as six of theirs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.kernels.parts import TERMS, parts

# Without underflow of a part, and far from where a number has no parts.
PLAIN = st.floats(2.0**-100, 2.0**100, width=32) | st.floats(-(2.0**100), -(2.0**-100), width=32)


@given(x=PLAIN)
def test_the_sum_of_the_parts_is_the_number(x: float) -> None:
    found = parts(np.float32(x))
    assert sum(part.astype(np.float64) for part in found) == x


@given(x=PLAIN)
def test_each_part_is_a_bfloat16(x: float) -> None:
    for part in parts(np.float32(x)):
        assert part.dtype == np.float32
        assert part.view(np.uint32) & 0xFFFF == 0


@given(x=PLAIN)
def test_the_parts_fall_by_eight_bits(x: float) -> None:
    high, middle, low = (abs(float(part)) for part in parts(np.float32(x)))
    assert abs(x) * (1 - 2.0**-8) <= high <= abs(x) * (1 + 2.0**-8)
    assert middle <= 2.0**-8 * abs(x)
    assert low <= 2.0**-16 * abs(x)


@given(x=PLAIN, y=PLAIN)
def test_six_terms_are_a_product_within_float32(x: float, y: float) -> None:
    left, right = ([float(part) for part in parts(np.float32(value))] for value in (x, y))
    product = sum(left[a] * right[b] for a, b in TERMS)
    assert abs(product - x * y) <= 2.0**-23 * abs(x * y)


def test_the_last_three_terms_are_needed() -> None:
    """Without them a product is off by 2^-16 and more, not by less than a float32's 2^-24."""
    x, y = np.random.default_rng(0).uniform(1, 2, (2, 10_000)).astype(np.float32)
    left, right = ([part.astype(np.float64) for part in parts(value)] for value in (x, y))
    product = x.astype(np.float64) * y
    for count, least, most in ((3, 2.0**-16, 2.0**-15), (5, 2.0**-18, 2.0**-17), (6, 0, 2.0**-24)):
        found = sum(left[a] * right[b] for a, b in TERMS[:count])
        assert least < np.abs(found / product - 1).max() < most


@pytest.mark.parametrize("x", [np.nan, np.inf, -np.inf, 3e38, -3e38])
def test_what_has_no_parts_is_nan(x: float) -> None:
    with np.errstate(all="ignore"):
        assert np.isnan(parts(np.float32(x))).any()


@pytest.mark.parametrize("x", [0.0, -0.0])
def test_zero_is_zero(x: float) -> None:
    assert [float(part) for part in parts(np.float32(x))] == [0.0, 0.0, 0.0]
