"""What the kernels of training are called with, in type, by name: compiled for it without a GPU."""

from __future__ import annotations

from numba import types

FLOATS, DOUBLES, INTEGERS = types.float32[::1], types.float64[::1], types.int64[::1]
FLOAT, DOUBLE, INTEGER = types.float32, types.float64, types.int64
KEY = (INTEGER, INTEGER)
# Rows, starts, lengths; first, batch, steps, channels.
WINDOWS = (FLOATS, INTEGERS, INTEGERS, *(INTEGER,) * 4)

SIGNATURES = {
    "forward_layer": (
        FLOATS, *(INTEGER,) * 4, FLOATS, INTEGER, FLOATS, FLOATS, FLOATS, INTEGER, INTEGER,
    ),
    "backward_layer": (FLOATS, *(INTEGER,) * 4, FLOATS, INTEGER, INTEGER, FLOATS, FLOATS),
    "multiply": (FLOATS, INTEGER, INTEGER, FLOATS, *(INTEGER,) * 5, FLOATS),
    "sum_products": (
        FLOATS, INTEGER, INTEGER, FLOATS, *(INTEGER,) * 4, FLOATS, INTEGER, INTEGER, INTEGER,
    ),
    "lay_out": (*WINDOWS, FLOAT, *KEY, FLOATS),
    "rebuilt_loss": (*WINDOWS, DOUBLE, FLOATS, DOUBLES, INTEGER, INTEGER),
    "forecast_loss": (
        *WINDOWS, INTEGER, INTEGER, DOUBLE, DOUBLE, FLOATS, DOUBLES, INTEGER, INTEGER,
    ),
    "drop": (FLOATS, *(INTEGER,) * 5, FLOAT, *KEY, FLOATS),
    "copy_latent": (FLOATS, *(INTEGER,) * 4, FLOATS),
    "latent_backward": (FLOATS, *(INTEGER,) * 5, FLOATS),
    "sum_steps": (FLOATS, INTEGER, INTEGER, FLOATS),
    "pack": (FLOATS, INTEGERS, FLOATS, FLOATS),
    "sum_parts": (FLOATS, INTEGER, INTEGER, FLOATS, DOUBLES, INTEGER),
    "adam_step": (*(FLOATS,) * 4, DOUBLES, INTEGER, DOUBLE, FLOAT, FLOAT, FLOAT),
    "rmsprop_step": (*(FLOATS,) * 3, DOUBLES, INTEGER, DOUBLE, FLOAT),
}  # fmt: skip
