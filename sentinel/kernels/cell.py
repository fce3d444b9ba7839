"""The only LSTM mathematics, forward and backward, in plain operators.

Every loop, on whatever device, calls these formulas; the twins may differ in tiling, never here.
Only +, -, *, / and comparisons are used, so a scalar and a SIMD lane give the same bits.
"""

from __future__ import annotations

import numpy as np

from sentinel.kernels.jit import shared
from sentinel.kernels.types import Scalar

# tanh as a rational minimax on [-LIMIT, LIMIT], where float32 tanh reaches 1.
# Source: Eigen, generic_fast_tanh_float (MPL-2.0 header, coefficients are facts); |error| <= 4e-7.
LIMIT = np.float32(7.90531110763549805)
A1 = np.float32(4.89352455891786e-03)
A3 = np.float32(6.37261928875436e-04)
A5 = np.float32(1.48572235717979e-05)
A7 = np.float32(5.12229709037114e-08)
A9 = np.float32(-8.60467152213735e-11)
A11 = np.float32(2.00018790482477e-13)
A13 = np.float32(-2.76076847742355e-16)
B0 = np.float32(4.89352518554385e-03)
B2 = np.float32(2.26843463243900e-03)
B4 = np.float32(1.18534705686654e-04)
B6 = np.float32(1.19825839466702e-06)
HALF = np.float32(0.5)
ONE = np.float32(1.0)


@shared
def tanh(x: Scalar) -> Scalar:
    """Hyperbolic tangent of a float32, |error| <= 4e-7; NaN stays NaN."""
    # Comparisons this way round let a NaN through.
    x = LIMIT if x > LIMIT else x
    x = -LIMIT if x < -LIMIT else x
    s = x * x
    p = x * (A1 + s * (A3 + s * (A5 + s * (A7 + s * (A9 + s * (A11 + s * A13))))))
    q = B0 + s * (B2 + s * (B4 + s * B6))
    return p / q


@shared
def sigmoid(x: Scalar) -> Scalar:
    """Logistic function of a float32, |error| <= 2.5e-7; NaN stays NaN."""
    return HALF + HALF * tanh(HALF * x)


@shared
def cell_state(i: Scalar, f: Scalar, g: Scalar, c_before: Scalar) -> Scalar:
    """The new cell state from activated gates: c = f c_before + i g."""
    return f * c_before + i * g


@shared
def cell_output(o: Scalar, c: Scalar) -> Scalar:
    """The output of the cell: h = o tanh(c)."""
    return o * tanh(c)


@shared
def cell_backward(
    dh: Scalar,
    dc: Scalar,
    i: Scalar,
    f: Scalar,
    g: Scalar,
    o: Scalar,
    c: Scalar,
    c_before: Scalar,
) -> tuple[Scalar, Scalar, Scalar, Scalar, Scalar]:
    """Gradients of one LSTM cell by its pre-activations: (dz_i, dz_f, dz_g, dz_o, dc_before).

    dh, dc  gradients of the loss by this step's h and (from the next step) c.
    """
    tanh_c = tanh(c)
    dc = dc + dh * o * (ONE - tanh_c * tanh_c)
    dz_i = dc * g * i * (ONE - i)
    dz_f = dc * c_before * f * (ONE - f)
    dz_g = dc * i * (ONE - g * g)
    dz_o = dh * tanh_c * o * (ONE - o)
    return dz_i, dz_f, dz_g, dz_o, dc * f
