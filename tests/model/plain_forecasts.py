"""Forecasts by the float64 reference: an encoder from zero over the readings that it has seen."""

from __future__ import annotations

import numpy as np

from sentinel.model import reference
from sentinel.model.parameters import Parameters
from sentinel.records import Float32Array, FloatArray


def forecast_after(parameters: Parameters, readings: Float32Array) -> FloatArray:
    """(F,) what comes after these readings (T, F), by an encoder that begins with the first."""
    x = np.nan_to_num(readings).astype(np.float64)[:, :, None]
    return reference.forecasts(parameters, x)[-1, :, 0]


def plain_forecasts(
    parameters: Parameters, window_length: int, readings: Float32Array
) -> FloatArray:
    """(N, F) of each of an entity's readings, from its beginning; the first has none: NaN.

    By the older of two states that begin half a period apart: the last half period but one, or the
    first reading.
    """
    half = window_length // 2
    expected = np.full(readings.shape, np.nan)
    for age in range(1, len(readings)):
        begun = max((age - 1) // half - 1, 0) * half
        expected[age] = forecast_after(parameters, readings[begun:age])
    return expected
