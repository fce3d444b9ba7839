"""The CPU kernels: loops over time, units and windows; the formulas stand in `cell`.

Plain and correct: one thread, compiled loops that LLVM vectorises over the windows. The caller
keeps the number of windows of one call small (`WINDOWS_PER_CALL`), so that a step stays in cache.
"""

from __future__ import annotations

import numpy as np

from sentinel.kernels.affine import add_rows, affine, affine_backward, affine_weights
from sentinel.kernels.cell import cell_backward, cell_output, cell_state, sigmoid, tanh
from sentinel.kernels.jit import jit
from sentinel.kernels.layout import GATE_F, GATE_G, GATE_I, GATE_O, GATES
from sentinel.kernels.types import Float32Array

WINDOWS_PER_CALL = 64


@jit
def lstm_forward(
    x: Float32Array,
    w_x: Float32Array,
    w_h: Float32Array,
    bias: Float32Array,
    reverse: bool,
    y: Float32Array,
    c: Float32Array,
    gates: Float32Array,
) -> None:
    """One LSTM layer over T steps from a zero state.

    x      (T, K, B), or (1, K, B): the same input at every step (the decoder's)
    y      (T, H, B) every output h_1..h_T, in the order of x whatever the direction
    c      (T, H, B) every cell state, kept for the gradient
    gates  (T, 4H, B) every activated gate, kept for the gradient; (1, 4H, B): not kept
    """
    steps, hidden, windows = y.shape
    repeated = x.shape[0] == 1 and steps > 1
    kept = gates.shape[0] == steps
    projected = np.zeros((GATES * hidden if repeated else 0, windows), np.float32)
    if repeated:
        for r in range(GATES * hidden):
            for b in range(windows):
                projected[r, b] = bias[r]
        affine(w_x, x[0], projected)
    zero = np.zeros((hidden, windows), np.float32)
    for step in range(steps):
        t = steps - 1 - step if reverse else step
        before = t + 1 if reverse else t - 1
        h_before = y[before] if step > 0 else zero
        c_before = c[before] if step > 0 else zero
        z = gates[t if kept else 0]
        if repeated:
            for r in range(GATES * hidden):
                for b in range(windows):
                    z[r, b] = projected[r, b]
        else:
            for r in range(GATES * hidden):
                for b in range(windows):
                    z[r, b] = bias[r]
            affine(w_x, x[t], z)
        affine(w_h, h_before, z)
        _activate(z)
        _advance(z, c_before, c[t], y[t])


@jit
def _activate(z: Float32Array) -> None:
    """Pre-activations (4H, B) to gates, in place. One array: the loops become SIMD code."""
    hidden = z.shape[0] // GATES
    for r in range(z.shape[0]):
        if r // hidden == GATE_G:
            for b in range(z.shape[1]):
                z[r, b] = tanh(z[r, b])
        else:
            for b in range(z.shape[1]):
                z[r, b] = sigmoid(z[r, b])


@jit
def _advance(gates: Float32Array, c_before: Float32Array, c: Float32Array, y: Float32Array) -> None:
    """Gates (4H, B), c_before (H, B) to c, y (H, B). Each loop writes one array: SIMD code."""
    hidden, windows = c.shape
    for j in range(hidden):
        i, f = gates[GATE_I * hidden + j], gates[GATE_F * hidden + j]
        g, o = gates[GATE_G * hidden + j], gates[GATE_O * hidden + j]
        for b in range(windows):
            c[j, b] = cell_state(i[b], f[b], g[b], c_before[j, b])
        for b in range(windows):
            y[j, b] = cell_output(o[b], c[j, b])


@jit
def lstm_backward(
    x: Float32Array,
    w_x: Float32Array,
    w_h: Float32Array,
    reverse: bool,
    y: Float32Array,
    c: Float32Array,
    gates: Float32Array,
    dy: Float32Array,
    dx: Float32Array,
    dw_x: Float32Array,
    dw_h: Float32Array,
    db: Float32Array,
) -> None:
    """Backpropagation through time of `lstm_forward`; x, y, c, gates are its own.

    dy    (T, H, B) gradient by every output
    dx    as x, added to; (0, K, B): not wanted (the first layer's)
    dw_x, dw_h, db   added to
    gates is overwritten with the gradients by the pre-activations.
    """
    steps, hidden, windows = y.shape
    repeated = x.shape[0] == 1 and steps > 1
    zero = np.zeros((hidden, windows), np.float32)
    dh = np.zeros((hidden, windows), np.float32)
    dc = np.zeros((hidden, windows), np.float32)
    x_transposed = np.empty((windows, w_x.shape[1]), np.float32)
    h_transposed = np.empty((windows, hidden), np.float32)
    repeated_dz = np.zeros((GATES * hidden if repeated else 0, windows), np.float32)
    for step in range(steps - 1, -1, -1):
        t = steps - 1 - step if reverse else step
        before = t + 1 if reverse else t - 1
        h_before = y[before] if step > 0 else zero
        c_before = c[before] if step > 0 else zero
        z = gates[t]
        for j in range(hidden):
            i, f = z[GATE_I * hidden + j], z[GATE_F * hidden + j]
            g, o = z[GATE_G * hidden + j], z[GATE_O * hidden + j]
            for b in range(windows):
                i[b], f[b], g[b], o[b], dc[j, b] = cell_backward(
                    dh[j, b] + dy[t, j, b], dc[j, b],
                    i[b], f[b], g[b], o[b], c[t, j, b], c_before[j, b],
                )  # fmt: skip
                dh[j, b] = 0
        affine_backward(w_h, z, dh)
        if step > 0:
            affine_weights(z, h_before, h_transposed, dw_h)
        add_rows(z, db)
        if repeated:
            for r in range(GATES * hidden):
                for b in range(windows):
                    repeated_dz[r, b] += z[r, b]
        else:
            affine_weights(z, x[t], x_transposed, dw_x)
            if dx.shape[0] > 0:
                affine_backward(w_x, z, dx[t])
    if repeated:
        affine_weights(repeated_dz, x[0], x_transposed, dw_x)
        if dx.shape[0] > 0:
            affine_backward(w_x, repeated_dz, dx[0])


@jit
def dense_forward(y: Float32Array, w: Float32Array, bias: Float32Array, out: Float32Array) -> None:
    """out_t = w y_t + bias at every step.  y (T, H, B), w (F, H), bias (F,), out (T, F, B)."""
    steps, rows, windows = out.shape
    for t in range(steps):
        for r in range(rows):
            for b in range(windows):
                out[t, r, b] = bias[r]
        affine(w, y[t], out[t])


@jit
def dense_backward(
    y: Float32Array,
    w: Float32Array,
    dout: Float32Array,
    dy: Float32Array,
    dw: Float32Array,
    db: Float32Array,
) -> None:
    """Gradients of `dense_forward`; dy (T, H, B), dw (F, H), db (F,) are added to."""
    transposed = np.empty((y.shape[2], y.shape[1]), np.float32)
    for t in range(y.shape[0]):
        affine_backward(w, dout[t], dy[t])
        affine_weights(dout[t], y[t], transposed, dw)
        add_rows(dout[t], db)
