"""Errors of all forecasts of a reading, in plain NumPy and float64, from their definitions."""

from __future__ import annotations

import numpy as np

from sentinel.records import Float32Array, FloatArray


def plain_foresight(
    x: Float32Array, forecasts: FloatArray, window_length: int
) -> tuple[FloatArray, FloatArray]:
    """The newest forecast of each of an entity's readings (N, F), and the errors (N, 3, F).

    x          (N, F) from its beginning, NaN = missing
    forecasts  (N, K F) made after each reading, of the next one first
    errors     of the newest forecast; of all K, the mean over a quarter of the window, and over all
    """
    channels = x.shape[1]
    ahead = forecasts.reshape(len(x), -1, channels).astype(np.float64)
    newest, missed = np.full(x.shape, np.nan), np.full(x.shape, np.nan)
    errors = np.full((len(x), 3, channels), np.nan)
    for t in range(len(x)):
        of_it = [ahead[t - k, k - 1] for k in range(1, min(ahead.shape[1], t) + 1)]
        if of_it:
            newest[t] = of_it[0]
            missed[t] = np.mean([(x[t] - forecast) ** 2 for forecast in of_it], axis=0)
        errors[t, 0] = (x[t] - newest[t]) ** 2
        for span, reach in ((1, -(-window_length // 4)), (2, window_length)):
            recent = missed[max(t + 1 - reach, 0) : t + 1]
            known = np.isfinite(recent).sum(axis=0)
            errors[t, span] = np.nansum(recent, axis=0) / np.where(known, known, np.nan)
    return newest, errors
