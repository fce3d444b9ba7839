"""JSON numbers in the fast lane: to the last bit what Python makes of them."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sentinel.kernels.jit import lean_root
from sentinel.source.bytes_at import SLOW
from sentinel.source.json_number import scan_decimal, to_float


@lean_root
def read(b):
    negative, mantissa, exponent, p = scan_decimal(b, 0, len(b))
    if p < 0:
        return p, 0.0, False
    value, certain = to_float(negative, mantissa, exponent)
    return p, value, certain


def read_text(text: str) -> tuple[int, float, bool]:
    b = np.frombuffer(text.encode(), np.uint8)
    return read(b)


def bits(value: float) -> bytes:
    return struct.pack("d", value)


floats = st.floats(allow_nan=False, allow_infinity=False).map(repr)
short = st.tuples(
    st.integers(0, 10**19 - 1), st.integers(0, 19), st.integers(-40, 40), st.booleans()
).map(
    lambda t: (
        f"{'-' * t[3]}{str(t[0])[: -t[1]] or 0 if t[1] else t[0]}"
        + (f".{str(t[0])[-t[1] :]}" if t[1] else "")
        + (f"e{t[2]}" if t[2] % 3 else "")
    )
)
# Half way between two neighbouring floats: where rounding is decided by a single bit.
half_way = st.integers(2**53, 2**54 - 1).map(lambda m: str(2 * m + 1))


@given(floats | short | half_way)
@example("9007199254740993")
@example("-0.0")
@example("-0")
@example("1e-5")
@example("0.0000000000000000000000000000000012345678901234567")
def test_every_number_that_is_read_is_the_nearest_float(text):
    p, value, certain = read_text(text)
    if p >= 0 and certain:
        assert p == len(text)
        assert bits(value) == bits(float(text))


@given(st.floats(min_value=1e-30, max_value=1e30) | st.just(0.0))
def test_full_precision_floats_do_not_need_the_slow_lane(value):
    p, read_value, certain = read_text(repr(value))
    assert p == len(repr(value))
    assert certain
    assert bits(read_value) == bits(value)


@pytest.mark.parametrize(
    "text", ["", "-", "01", "-01", "00", ".5", "5.", "1.e3", "1e", "1e+", "+1", "1e999999", "x"]
)
def test_what_is_no_json_number_is_not_read(text):
    assert read_text(text)[0] == SLOW


def test_more_digits_than_fit_64_bits_are_left_to_the_slow_lane():
    assert read_text("12345678901234567890")[0] == SLOW
    assert read_text("0." + "0" * 40 + "123")[1] == pytest.approx(1.23e-41)
