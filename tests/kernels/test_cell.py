"""The formulas of `kernels.cell`, against float64, as scalars and in lanes of every width."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numba.core.types import Type

from sentinel.kernels import cell
from sentinel.kernels.gates import load_across, store_across
from sentinel.kernels.jit import jit
from sentinel.kernels.tiles import Tile, width_of
from tests.kernels import oracle
from tests.kernels.exact import Float32Array, assert_same_bits
from tests.kernels.lane_types import EVERY_LANES, LANES
from tests.kernels.samples import FloatArray

ERROR_MAX = 5e-7
# One vector of lanes, and values of several, whose operations run side by side.
WIDE = {"F32X4": [1, 4], "F32X8": [1, 2], "F32X16": [1, 2]}
KINDS = [
    pytest.param("scalar", 1, id="scalar"),
    *(
        pytest.param(*lanes.values, vectors, marks=lanes.marks, id=f"{lanes.values[0]} x {vectors}")
        for lanes in EVERY_LANES
        for vectors in WIDE[lanes.values[0]]
    ),
]
EVERY_KIND = pytest.mark.parametrize(("kind", "vectors"), KINDS)
# Rows of the inputs, pre-activations as exponents, and of the outputs, of the kernels below.
X_I, X_F, X_G, X_O, C_BEFORE, DH, DC, C_NOW = range(8)
EXP2, SIGMOID, TANH, C, H, DZ_I, DZ_F, DZ_G, DZ_O, DC_BEFORE = range(10)
INPUTS, OUTPUTS = 8, 10


@jit
def in_lanes(tile: Type, x: Float32Array, out: Float32Array) -> None:
    """x (INPUTS N,), out (OUTPUTS N,)"""
    size = len(x) // INPUTS
    for n in range(0, size, width_of(tile)):
        x_i, x_f = load_across(tile, x, n, 0), load_across(tile, x, size + n, 0)
        x_g, x_o = load_across(tile, x, 2 * size + n, 0), load_across(tile, x, 3 * size + n, 0)
        c_before, dh = load_across(tile, x, 4 * size + n, 0), load_across(tile, x, 5 * size + n, 0)
        dc, c_now = load_across(tile, x, 6 * size + n, 0), load_across(tile, x, 7 * size + n, 0)
        store_across(tile, out, n, 0, cell.exp2(x_i))
        store_across(tile, out, size + n, 0, cell.sigmoid(x_i))
        store_across(tile, out, 2 * size + n, 0, cell.tanh(x_i))
        c, h = cell.lstm_cell(x_i, x_f, x_g, x_o, c_before)
        store_across(tile, out, 3 * size + n, 0, c)
        store_across(tile, out, 4 * size + n, 0, h)
        dz_i, dz_f, dz_g, dz_o, dc_before = cell.lstm_cell_backward(
            dh, dc, x_i, x_f, x_g, x_o, c_before, c_now
        )
        store_across(tile, out, 5 * size + n, 0, dz_i)
        store_across(tile, out, 6 * size + n, 0, dz_f)
        store_across(tile, out, 7 * size + n, 0, dz_g)
        store_across(tile, out, 8 * size + n, 0, dz_o)
        store_across(tile, out, 9 * size + n, 0, dc_before)


@jit
def as_scalars(x: Float32Array, out: Float32Array) -> None:
    """The same; x (INPUTS, N), out (OUTPUTS, N)"""
    for n in range(x.shape[1]):
        out[0, n], out[1, n] = cell.exp2(x[0, n]), cell.sigmoid(x[0, n])
        out[2, n] = cell.tanh(x[0, n])
        out[3, n], out[4, n] = cell.lstm_cell(x[0, n], x[1, n], x[2, n], x[3, n], x[4, n])
        out[5, n], out[6, n], out[7, n], out[8, n], out[9, n] = cell.lstm_cell_backward(
            x[5, n], x[6, n], x[0, n], x[1, n], x[2, n], x[3, n], x[4, n], x[7, n]
        )


def compute(kind: str, vectors: int, x: Float32Array) -> Float32Array:
    """Every output (OUTPUTS, N) of inputs (INPUTS, N); N is a multiple of 32."""
    out = np.full((OUTPUTS, x.shape[1]), 7.0, np.float32)
    if kind == "scalar":
        as_scalars(x, out)
    else:
        # Four rows: one unit's gates.
        in_lanes(Tile(LANES[kind], 4, vectors), x.reshape(-1), out.reshape(-1))
    return out


def in_float64(x: FloatArray) -> FloatArray:
    """The same outputs, from the equations: sigmoid(z) is 1 / (1 + 2^x)."""
    z_i, z_f, z_g, z_o = x[[X_I, X_F, X_G, X_O]] * -np.log(2)
    i, f, o = oracle.sigmoid(z_i), oracle.sigmoid(z_f), oracle.sigmoid(z_o)
    g, tanh_c = np.tanh(z_g / 2), np.tanh(x[C_NOW])
    c = f * x[C_BEFORE] + i * g
    dc = x[DC] + x[DH] * o * (1 - tanh_c**2)
    return np.stack([
        np.exp2(np.minimum(x[X_I], 40)), i, np.tanh(z_i / 2), c, o * np.tanh(c),
        dc * g * i * (1 - i), dc * x[C_BEFORE] * f * (1 - f), dc * i * (1 - g**2),
        x[DH] * tanh_c * o * (1 - o), dc * f,
    ])  # fmt: skip


@cache
def inputs() -> Float32Array:
    """Many values of ordinary size, some very large, and a dense grid in the first row."""
    rng = np.random.default_rng(0)
    size = 1 << 18
    x = rng.normal(size=(INPUTS, size)) * rng.choice([0.1, 1, 4, 30, 1000], (INPUTS, size))
    x[X_I] = np.linspace(-140, 60, size)
    x[[C_BEFORE, C_NOW]] = rng.uniform(-3, 3, (2, size))
    x[[DH, DC]] = rng.uniform(-1, 1, (2, size))
    return x.astype(np.float32)


@cache
def exact() -> FloatArray:
    return in_float64(inputs().astype(np.float64))


@cache
def computed(kind: str, vectors: int) -> Float32Array:
    return compute(kind, vectors, inputs())


@EVERY_KIND
def test_errors_against_float64_stay_below_5e_7(kind: str, vectors: int) -> None:
    x = inputs().astype(np.float64)
    errors = np.abs(computed(kind, vectors) - exact())
    normal = x[X_I] >= -126
    assert (errors[EXP2] / exact()[EXP2])[normal].max() <= ERROR_MAX
    # Smaller ones are of no account beside the 1 that is added to them.
    assert errors[EXP2][~normal].max() <= 2.0**-125
    for output in (SIGMOID, TANH, H):
        assert errors[output].max() <= ERROR_MAX
    # Of the size of what is added and multiplied.
    state = np.maximum(1, np.abs(x[C_BEFORE]))
    assert (errors[C] / state).max() <= ERROR_MAX
    pull = np.abs(x[DH]) + np.abs(x[DC])
    for output in (DZ_I, DZ_F, DZ_G, DZ_O, DC_BEFORE):
        assert (errors[output] / (pull * state)).max() <= ERROR_MAX


@pytest.mark.parametrize(("kind", "vectors"), [kind for kind in KINDS if "scalar" not in kind.id])
def test_scalar_and_lanes_give_the_same_bits(kind: str, vectors: int) -> None:
    """Those that do not fuse, or round a fraction down, have their own, however many are wide."""
    single = {"F32X4": ("F32X4", 1), "F32X8": ("scalar", 1), "F32X16": ("F32X16", 1)}[kind]
    found, expected = computed(kind, vectors), computed(*single)
    assert_same_bits(found[SIGMOID:], expected[SIGMOID:])
    normal = inputs()[X_I] >= -126
    assert_same_bits(found[EXP2, normal], expected[EXP2, normal])


def test_the_formulas_are_plain_python_too_with_the_bits_of_the_unfused_lanes() -> None:
    x = inputs()[:, ::2341][:, :112]
    plain = np.empty((OUTPUTS, x.shape[1]), np.float32)
    for n in range(x.shape[1]):
        a = x[:, n]
        plain[:C, n] = cell.exp2(a[X_I]), cell.sigmoid(a[X_I]), cell.tanh(a[X_I])
        plain[[C, H], n] = cell.lstm_cell(a[X_I], a[X_F], a[X_G], a[X_O], a[C_BEFORE])
        plain[DZ_I:, n] = cell.lstm_cell_backward(
            a[DH], a[DC], a[X_I], a[X_F], a[X_G], a[X_O], a[C_BEFORE], a[C_NOW]
        )
    compiled = compute("F32X4", 1, np.ascontiguousarray(x))
    assert_same_bits(plain[SIGMOID:], compiled[SIGMOID:])
    normal = x[X_I] >= -126
    assert_same_bits(plain[EXP2, normal], compiled[EXP2, normal])


# Quiet and signalling, with the payloads that would shift into an exponent, either sign.
NANS = np.array(
    [0x7FC00000, 0xFFC00000, 0x7F800001, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FC000FF, 0x7F80007F,
     0x7FC0007F],
    np.uint32,
).view(np.float32)  # fmt: skip


@pytest.mark.parametrize("row", range(INPUTS))
@EVERY_KIND
def test_a_nan_reaches_every_output_that_depends_on_it_and_no_other(
    kind: str, vectors: int, row: int
) -> None:
    x = np.ascontiguousarray(inputs()[:, 180_000:180_032])
    x[row, 1::2] = np.tile(NANS, 2)
    assert np.isnan(x[row, 1::2]).all()
    with np.errstate(invalid="ignore"):
        expected = np.isnan(in_float64(x.astype(np.float64)))
    assert expected[:, 1::2].any()
    np.testing.assert_array_equal(np.isnan(compute(kind, vectors, x)), expected)


@EVERY_KIND
def test_what_is_infinite_or_nearly_saturates_or_becomes_nan(kind: str, vectors: int) -> None:
    x = np.zeros((INPUTS, 32), np.float32)
    sizes = np.array([150, 1e4, 5e6, 1.3e7, 1e9, 1e30, 3e38, np.inf], np.float32)
    x[X_I : X_O + 1] = np.tile(np.concatenate([-sizes, sizes]), 2)
    x[C_BEFORE, :16] = 0.75
    x[C_BEFORE, 16:] = np.inf
    x[[DH, DC]] = 1
    found = compute(kind, vectors, x)

    def as_or_nan(output: int, lanes: slice, expected: float) -> None:
        values = found[output, lanes]
        np.testing.assert_allclose(values[~np.isnan(values)], expected, atol=1e-6)
        # An infinity alone may be taken for no number.
        assert np.isfinite(values[:-1]).all() or np.isinf(expected)

    open_gates, closed = slice(0, 8), slice(8, 16)
    for output, high, low in ((SIGMOID, 1, 0), (TANH, 1, -1), (C, 1.75, 0), (H, np.tanh(1.75), 0)):
        as_or_nan(output, open_gates, high)
        as_or_nan(output, closed, low)
    assert not np.isfinite(found[C, 16:]).any()


@EVERY_KIND
def test_gates_never_leave_their_range_whatever_the_input(kind: str, vectors: int) -> None:
    """A gate above 1 would let the cell state grow without end."""
    x = np.zeros((INPUTS, 4096), np.float32)
    sizes = np.geomspace(1e-38, 3e38, 1024)
    x[X_I] = np.concatenate([np.linspace(-200, 200, 2048), sizes, -sizes])
    found = compute(kind, vectors, x)
    assert found[SIGMOID].min() >= 0
    assert found[SIGMOID].max() == 1
    assert found[TANH].min() == -1
    assert found[TANH].max() == 1


def minimax_of_exp2() -> FloatArray:
    """Coefficients 1 .. 5 of the p with p(0) = 1 whose largest relative error is the smallest.

    Lawson's algorithm: least squares again and again, each point weighted by all its errors so far
    (Lawson 1961; Rice & Usow 1968).
    """
    r = 0.5 + 0.5 * np.cos(np.linspace(0, np.pi, 1001))
    powers = (r[:, None] ** np.arange(1, 6)) / np.exp2(r)[:, None]
    target = 1 - np.exp2(-r)
    weights = np.full(len(r), 1 / len(r))
    for _ in range(3000):
        root = np.sqrt(weights)[:, None]
        found = np.linalg.lstsq(powers * root, target * root[:, 0], rcond=None)[0]
        weights *= np.abs(powers @ found - target)
        weights /= weights.sum()
    return np.asarray(found)


def test_the_coefficients_of_exp2_are_the_minimax_ones() -> None:
    ours = np.array([cell.E1, cell.E2, cell.E3, cell.E4, cell.E5])
    assert_same_bits(ours, minimax_of_exp2().astype(np.float32))
    r = np.linspace(0, 1, 100_001)
    p = 1 + sum(float(e) * r**k for k, e in enumerate(ours, 1))
    assert np.abs(p / np.exp2(r) - 1).max() < 1e-7
