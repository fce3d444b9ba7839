"""float32 arithmetic in NumPy, rounded where the kernels round."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sentinel.kernels.lanes import Lanes

Float32Array = NDArray[np.float32]


def fused(x: ArrayLike, y: ArrayLike, z: ArrayLike) -> Float32Array:
    """x y + z of float32, rounded once.

    The product is exact in float64; the sum is rounded to odd there, so that rounding it once more,
    to float32, errs as if it had been the only time (Boldo & Melquiond 2008).
    """
    with np.errstate(invalid="ignore", over="ignore"):
        x, y, z = (np.asarray(operand, np.float64) for operand in (x, y, z))
        product = x * y
        total = product + z
        part = total - product
        rest = (product - (total - part)) + (z - part)
        even = total.view(np.int64) & 1 == 0
        odd = np.where(even & (rest != 0), np.nextafter(total, np.copysign(np.inf, rest)), total)
        return np.where(np.isfinite(total), odd, total).astype(np.float32)


def multiply_add(lanes: Lanes, x: ArrayLike, y: ArrayLike, z: ArrayLike) -> Float32Array:
    """x y + z as the lanes compute it: rounded once, or after either operation."""
    if lanes.fused:
        return fused(x, y, z)
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(x, np.float32) * np.asarray(y, np.float32) + np.asarray(z, np.float32)


def assert_same_bits(found: ArrayLike, expected: ArrayLike) -> None:
    """Bit for bit, but that one NaN is as good as another."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.dtype == expected.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    there = ~np.isnan(expected)
    np.testing.assert_array_equal(found.view(np.uint32)[there], expected.view(np.uint32)[there])
