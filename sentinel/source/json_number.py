"""JSON numbers, exactly: the decimal as written, and the float64 nearest to it.

A number is scanned into ``mantissa * 10**exponent`` without loss. The float64 nearest to that comes
from Clinger's fast path (one exact multiplication or division) or from the Eisel-Lemire algorithm;
what neither can decide is left to the slow lane.

Sources: W. D. Clinger, "How to read floating point numbers accurately" (1990); D. Lemire, "Number
parsing at a gigabyte per second" (2021); N. Mushtak and D. Lemire, "Fast number parsing without
fallback" (2023).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sentinel.kernels.jit import lean_root
from sentinel.source.arrays import Bytes
from sentinel.source.bytes_at import SLOW, at

MAX_DIGITS = 19  # significant digits that always fit 64 bits
MIN_POWER, MAX_POWER = -100, 40  # of ten, in the Eisel-Lemire table; 5**40 still fits 128 bits
TENS_FLOAT: NDArray[np.float64] = np.array([10.0**k for k in range(23)])  # exact in float64
TENS: NDArray[np.int64] = np.array([10**k for k in range(19)], np.int64)

_EXACT = np.uint64(1 << 53)
_MINUS, _POINT, _ZERO, _NINE, _LOWER_E = 45, 46, 48, 57, 101


def _powers_of_five() -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """The 128 most significant bits of 5**q, normalised: high and low words, q from MIN_POWER."""
    high, low = [], []
    for q in range(MIN_POWER, MAX_POWER + 1):
        if q >= 0:
            power = 5**q
            bits = power << (128 - power.bit_length())
        else:  # the reciprocal: up to 5**27 rounded up, beyond it cut off (Lemire, section 6)
            power = 5**-q
            width = power.bit_length()
            bits = (1 << (width + 127 if q >= -27 else 2 * width + 128)) // power + 1
            bits >>= bits.bit_length() - 128
        high.append(bits >> 64)
        low.append(bits & (2**64 - 1))
    return np.array(high, np.uint64), np.array(low, np.uint64)


FIVES_HIGH, FIVES_LOW = _powers_of_five()


@lean_root
def scan_decimal(b: Bytes, p: int, end: int) -> tuple[bool, np.uint64, int, int]:
    """Scan the JSON number at `p`.

    b        (N,) uint8
    Returns  (negative, mantissa uint64, exponent int64, next position); next is SLOW where the
             text is no JSON number or has more than MAX_DIGITS significant digits.
    """
    negative = p < end and at(b, p) == _MINUS
    if negative:
        p += 1
    mantissa = np.uint64(0)
    exponent = 0
    start = p
    while p < end and _ZERO <= at(b, p) <= _NINE:
        mantissa = mantissa * np.uint64(10) + np.uint64(at(b, p) - _ZERO)
        p += 1
    digits = p - start
    if digits == 0 or (digits > 1 and at(b, start) == _ZERO):
        return negative, mantissa, exponent, SLOW
    if p < end and at(b, p) == _POINT:
        p += 1
        fraction = p
        while p < end and _ZERO <= at(b, p) <= _NINE:
            mantissa = mantissa * np.uint64(10) + np.uint64(at(b, p) - _ZERO)
            p += 1
        exponent = fraction - p
        if exponent == 0:
            return negative, mantissa, exponent, SLOW
        digits -= exponent
    if digits > MAX_DIGITS and digits - _leading_zeros(b, start) > MAX_DIGITS:
        return negative, mantissa, exponent, SLOW
    if p < end and (at(b, p) | 32) == _LOWER_E:
        power, p = _scan_exponent(b, p + 1, end)
        exponent += power
    return negative, mantissa, exponent, p


@lean_root
def _leading_zeros(b: Bytes, p: int) -> int:
    """Digits 0 before the first other digit of the (complete) number at `p`."""
    zeros = 0
    while at(b, p) == _ZERO or at(b, p) == _POINT:
        zeros += at(b, p) == _ZERO
        p += 1
        if p >= len(b):
            break
    return zeros


@lean_root
def _scan_exponent(b: Bytes, p: int, end: int) -> tuple[int, int]:
    """What follows the letter e: (power of ten, next position or SLOW)."""
    negative = p < end and at(b, p) == _MINUS
    if p < end and (at(b, p) == _MINUS or at(b, p) == 43):
        p += 1
    start = p
    power = 0
    while p < end and _ZERO <= at(b, p) <= _NINE and p - start < 6:
        power = power * 10 + at(b, p) - _ZERO
        p += 1
    if p == start or p - start > 5:
        return 0, SLOW
    return (-power if negative else power), p


@lean_root
def to_float(negative: bool, mantissa: np.uint64, exponent: int) -> tuple[float, bool]:
    """The float64 nearest to the decimal, and whether that is certain."""
    if mantissa <= _EXACT and -22 <= exponent <= 22:
        value = float(mantissa)
        value = value * TENS_FLOAT[exponent] if exponent >= 0 else value / TENS_FLOAT[-exponent]
        return (-value if negative else value), True
    if mantissa == np.uint64(0):
        return (-0.0 if negative else 0.0), True
    if exponent < MIN_POWER or exponent > MAX_POWER:
        return 0.0, False
    value = eisel_lemire(mantissa, exponent)
    return (-value if negative else value), bool(value > 0.0)


@lean_root
def _multiply(x: np.uint64, y: np.uint64) -> tuple[np.uint64, np.uint64]:
    """The 128-bit product of two 64-bit words: (high, low)."""
    mask = np.uint64(0xFFFFFFFF)
    half = np.uint64(32)
    x0, x1 = x & mask, x >> half
    y0, y1 = y & mask, y >> half
    low = x0 * y0
    middle = x1 * y0 + (low >> half)
    cross = x0 * y1 + (middle & mask)
    return x1 * y1 + (middle >> half) + (cross >> half), (cross << half) | (low & mask)


@lean_root
def eisel_lemire(mantissa: np.uint64, exponent: int) -> float:
    """The float64 nearest to mantissa * 10**exponent (mantissa > 0, table range), 0 = undecided."""
    zeros = 0
    word = mantissa
    while word < np.uint64(1 << 63):
        word <<= np.uint64(1)
        zeros += 1
    index = exponent - MIN_POWER
    high, low = _multiply(word, FIVES_HIGH[index])
    if (high & np.uint64(0x1FF)) == np.uint64(0x1FF):  # too few bits are certain: take all 128
        carry, _ = _multiply(word, FIVES_LOW[index])
        low += carry
        if carry > low:
            high += np.uint64(1)
        if low == np.uint64(0xFFFFFFFFFFFFFFFF):
            return 0.0
    upper = high >> np.uint64(63)
    shift = upper + np.uint64(9)
    bits = high >> shift
    power = ((217706 * exponent) >> 16) + 63 + np.int64(upper) - zeros + 1023
    if power <= 0 or power >= 0x7FF:
        return 0.0
    # Exactly half way between two floats: round to even.
    half_way = (
        low <= np.uint64(1) and -4 <= exponent <= 23 and (bits & np.uint64(3)) == np.uint64(1)
    )
    if half_way and (bits << shift) == high:
        bits &= ~np.uint64(1)
    bits += bits & np.uint64(1)
    bits >>= np.uint64(1)
    if bits >= np.uint64(1 << 53):
        bits = np.uint64(1 << 52)
        power += 1
        if power >= 0x7FF:
            return 0.0
    bits &= ~np.uint64(1 << 52)
    bits |= np.uint64(power) << np.uint64(52)
    return np.uint64(bits).view(np.float64)
