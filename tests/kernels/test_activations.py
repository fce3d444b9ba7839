"""The activations of `kernels.cell`, against float64 on a dense grid."""

from collections.abc import Callable

import numpy as np
import pytest

from sentinel.kernels.cell import LIMIT, sigmoid, tanh
from sentinel.kernels.jit import jit
from tests.kernels import oracle
from tests.kernels.samples import Float32Array

GRID = np.linspace(-20, 20, 4_000_001).astype(np.float32)


@jit
def _tanh(x: Float32Array, out: Float32Array) -> None:
    for n in range(x.size):
        out[n] = tanh(x[n])


@jit
def _sigmoid(x: Float32Array, out: Float32Array) -> None:
    for n in range(x.size):
        out[n] = sigmoid(x[n])


KERNELS = {"tanh": _tanh, "sigmoid": _sigmoid}


def compiled(name: str, values: object) -> Float32Array:
    x = np.atleast_1d(np.asarray(values, np.float32))
    out = np.empty_like(x)
    KERNELS[name](x, out)
    return out


@pytest.mark.parametrize(
    ("name", "exact", "documented"),
    [("tanh", np.tanh, 4e-7), ("sigmoid", oracle.sigmoid, 2.5e-7)],
)
def test_error_is_within_what_is_documented(
    name: str, exact: Callable[[oracle.Array], oracle.Array], documented: float
) -> None:
    worst = np.abs(compiled(name, GRID) - exact(GRID.astype(np.float64))).max()
    assert worst <= documented


@pytest.mark.parametrize("name", KERNELS)
def test_values_rise_but_for_rounding(name: str) -> None:
    assert np.diff(compiled(name, GRID)).min() >= -5e-7


@pytest.mark.parametrize(("name", "low", "scale"), [("tanh", -1.0, 1.0), ("sigmoid", 0.0, 2.0)])
def test_saturation_is_exact_constant_and_never_left(name: str, low: float, scale: float) -> None:
    """A gate above 1 would let the cell state grow without end."""
    limit = np.float32(scale) * LIMIT
    far = np.linspace(limit * np.float32(1.0001), 1e4, 100_000).astype(np.float32)
    far = np.append(far, np.array([1e10, 3e38], np.float32))
    assert set(compiled(name, far)) == {1.0}
    assert set(compiled(name, -far)) == {low}
    everywhere = compiled(name, GRID)
    assert low <= everywhere.min()
    assert everywhere.max() <= 1.0


@pytest.mark.parametrize("name", KERNELS)
def test_nan_stays_nan_and_infinity_saturates(name: str) -> None:
    # The same NaN in a lane of a SIMD loop and in its scalar remainder.
    x = np.zeros(67, np.float32)
    x[[3, 66]] = np.nan
    assert np.flatnonzero(np.isnan(compiled(name, x))).tolist() == [3, 66]
    assert compiled(name, [np.inf]) == 1.0
    assert compiled(name, [-np.inf]) == (-1.0 if name == "tanh" else 0.0)


def test_tanh_is_odd_to_the_bit_and_the_identity_near_zero() -> None:
    x = np.concatenate([GRID, np.array([1e-3, 1e-6, 1e-12, 1e-30], np.float32)])
    np.testing.assert_array_equal(compiled("tanh", -x), -compiled("tanh", x))
    small = np.array([1e-6, 1e-12, 1e-30], np.float32)
    np.testing.assert_allclose(compiled("tanh", small), small, rtol=3e-7)


@pytest.mark.parametrize("name", KERNELS)
def test_one_value_gets_the_same_bits_alone_in_a_lane_and_in_plain_python(name: str) -> None:
    x = np.random.default_rng(0).uniform(-10, 10, 103).astype(np.float32)
    together = compiled(name, x)
    alone = np.concatenate([compiled(name, value) for value in x])
    plain = np.array([{"tanh": tanh, "sigmoid": sigmoid}[name](value) for value in x])
    assert plain.dtype == np.float32
    np.testing.assert_array_equal(alone.view(np.uint32), together.view(np.uint32))
    np.testing.assert_array_equal(plain.view(np.uint32), together.view(np.uint32))
