"""The only LSTM mathematics, forward and backward, in plain operators.

Every loop, on whatever device, calls these formulas: for a float32 scalar, for SIMD lanes and for a
CUDA thread (`lanes`). The twins may differ in tiling, never here. NaN in, NaN out.

The largest errors against float64, over all float32: exp2 2e-7 relative, sigmoid and tanh 3e-7,
h 4e-7 (tests/kernels hold 5e-7).
"""

from __future__ import annotations

import numpy as np

from sentinel.kernels.jit import shared
from sentinel.kernels.lanes import at_most, fma, fraction, quotient, times_power_of_two
from sentinel.kernels.types import Scalar

# 2^r on [0, 1]: minimax of the relative error with p(0) = 1, by iterated weighted least
# squares (Lawson's algorithm; tests/kernels derive them anew).
E1 = np.float32(0.6931512951850891)
E2 = np.float32(0.24016444385051727)
E3 = np.float32(0.05579991266131401)
E4 = np.float32(0.009017029777169228)
E5 = np.float32(0.001867130515165627)
ONE = np.float32(1)
# The sigmoid of 40 ln 2 is 1 in float32; a product of three 2^40 is still far from infinity.
EXPONENT_MAX = np.float32(40.0)
# Pre-activations are kept as exponents of two, because the packed weights are (`layout`): then
# exp(-z) is 2^x. That of g is doubled: tanh(z) is a sigmoid of 2 z.
EXPONENT = -np.log2(np.e)
EXPONENT_G = 2 * EXPONENT
TANH_EXPONENT = np.float32(EXPONENT_G)


@shared
def exp2(x: Scalar) -> Scalar:
    """2^x for x up to 40, where it stays."""
    x = at_most(x, EXPONENT_MAX)
    r = fraction(x)
    p = fma(fma(fma(fma(fma(E5, r, E4), r, E3), r, E2), r, E1), r, ONE)
    return times_power_of_two(p, x)


@shared
def lstm_state(x_i: Scalar, x_f: Scalar, x_g: Scalar, c_before: Scalar) -> Scalar:
    """The state of one LSTM cell from its pre-activations, as exponents: c = f c_before + i g.

    With e = exp(-z) each gate is 1 / (1 + e), and tanh is (1 - e) / (1 + e) of twice its argument:
    over a common denominator one division is enough.
    """
    e_i, e_f, e_g = exp2(x_i), exp2(x_f), exp2(x_g)
    i_g = (e_i + ONE) * (e_g + ONE)
    f = e_f + ONE
    return quotient(fma(c_before, i_g, (ONE - e_g) * f), i_g * f)


@shared
def lstm_output(c: Scalar, x_o: Scalar) -> Scalar:
    """The output of one LSTM cell from its state: h = o tanh(c), over a common denominator too."""
    e_c, e_o = exp2(c * TANH_EXPONENT), exp2(x_o)
    return quotient(ONE - e_c, (e_c + ONE) * (e_o + ONE))


@shared
def lstm_cell(
    x_i: Scalar, x_f: Scalar, x_g: Scalar, x_o: Scalar, c_before: Scalar
) -> tuple[Scalar, Scalar]:
    """One LSTM cell from its pre-activations, as exponents: (c, h)."""
    c = lstm_state(x_i, x_f, x_g, c_before)
    return c, lstm_output(c, x_o)


@shared
def sigmoid(x: Scalar) -> Scalar:
    """Logistic function of the z whose exponent x is."""
    return quotient(ONE, exp2(x) + ONE)


@shared
def tanh(x: Scalar) -> Scalar:
    """Hyperbolic tangent of the z whose doubled exponent x is."""
    e = exp2(x)
    return quotient(ONE - e, ONE + e)


@shared
def lstm_cell_backward(
    dh: Scalar,
    dc: Scalar,
    x_i: Scalar,
    x_f: Scalar,
    x_g: Scalar,
    x_o: Scalar,
    c_before: Scalar,
    c: Scalar,
) -> tuple[Scalar, Scalar, Scalar, Scalar, Scalar]:
    """Gradients of one LSTM cell by its pre-activations z: (dz_i, dz_f, dz_g, dz_o, dc_before).

    dh, dc    gradients of the loss by this step's h and (from the next step) c
    x_i, ...  the pre-activations as exponents
    """
    i, f, g, o = sigmoid(x_i), sigmoid(x_f), tanh(x_g), sigmoid(x_o)
    tanh_c = tanh(c * TANH_EXPONENT)
    dc = fma(dh * o, ONE - tanh_c * tanh_c, dc)
    dz_i = dc * g * (i * (ONE - i))
    dz_f = dc * c_before * (f * (ONE - f))
    dz_g = dc * i * (ONE - g * g)
    dz_o = dh * tanh_c * (o * (ONE - o))
    return dz_i, dz_f, dz_g, dz_o, dc * f
