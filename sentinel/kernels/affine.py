"""z += W x and the two products of its gradient, windows in lanes.

Four terms at a time halve the traffic of the running sum; the order of the sum depends on K alone,
never on the number of windows.
"""

from __future__ import annotations

from sentinel.kernels.jit import jit
from sentinel.kernels.types import Float32Array


@jit
def affine(w: Float32Array, x: Float32Array, z: Float32Array) -> None:
    """Add w x to z.  w (R, K), x (K, B), z (R, B)."""
    rows, inputs = w.shape
    windows = x.shape[1]
    whole = inputs // 4 * 4
    for r in range(rows):
        for k in range(0, whole, 4):
            w0, w1, w2, w3 = w[r, k], w[r, k + 1], w[r, k + 2], w[r, k + 3]
            for b in range(windows):
                z[r, b] += (w0 * x[k, b] + w1 * x[k + 1, b]) + (w2 * x[k + 2, b] + w3 * x[k + 3, b])
        for k in range(whole, inputs):
            w0 = w[r, k]
            for b in range(windows):
                z[r, b] += w0 * x[k, b]


@jit
def affine_backward(w: Float32Array, dz: Float32Array, dx: Float32Array) -> None:
    """Add w' dz to dx.  w (R, K), dz (R, B), dx (K, B)."""
    rows, inputs = w.shape
    windows = dz.shape[1]
    whole = rows // 4 * 4
    for k in range(inputs):
        for r in range(0, whole, 4):
            w0, w1, w2, w3 = w[r, k], w[r + 1, k], w[r + 2, k], w[r + 3, k]
            for b in range(windows):
                dx[k, b] += (w0 * dz[r, b] + w1 * dz[r + 1, b]) + (
                    w2 * dz[r + 2, b] + w3 * dz[r + 3, b]
                )
        for r in range(whole, rows):
            w0 = w[r, k]
            for b in range(windows):
                dx[k, b] += w0 * dz[r, b]


@jit
def affine_weights(
    dz: Float32Array, x: Float32Array, transposed: Float32Array, dw: Float32Array
) -> None:
    """Add dz x' to dw.  dz (R, B), x (K, B), transposed (B, K) scratch, dw (R, K).

    The inner loop runs over K, not over the windows: a sum over lanes would not vectorise.
    """
    rows, inputs = dw.shape
    windows = dz.shape[1]
    for k in range(inputs):
        for b in range(windows):
            transposed[b, k] = x[k, b]
    whole = windows // 4 * 4
    for r in range(rows):
        for b in range(0, whole, 4):
            d0, d1, d2, d3 = dz[r, b], dz[r, b + 1], dz[r, b + 2], dz[r, b + 3]
            for k in range(inputs):
                dw[r, k] += (d0 * transposed[b, k] + d1 * transposed[b + 1, k]) + (
                    d2 * transposed[b + 2, k] + d3 * transposed[b + 3, k]
                )
        for b in range(whole, windows):
            d0 = dz[r, b]
            for k in range(inputs):
                dw[r, k] += d0 * transposed[b, k]


@jit
def add_rows(dz: Float32Array, db: Float32Array) -> None:
    """Add the sum of dz over the windows to db.  dz (R, B), db (R,)."""
    for r in range(dz.shape[0]):
        total = dz[r, 0] * 0
        for b in range(dz.shape[1]):
            total += dz[r, b]
        db[r] += total
