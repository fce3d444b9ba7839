"""The dispersion companion: whether a channel moves as much as it used to; one that froze does not.

The logarithm of the standard deviation of the newest readings, against its median in the history.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sentinel.kernels.jit import jit
from sentinel.records import Float32Array, FloatArray, TimeArray

REACH = 64  # readings that the spread is of
# Scaled units; less than this is no movement. Noise of a few hundredths is: a sensor that froze in
# it has lost something.
SPREAD_MIN = 0.01
WIDTH_MIN = 0.1


@dataclass(frozen=True, slots=True)
class Dispersion:
    """The usual spread of each channel.

    median  (F,) of ln(standard deviation + SPREAD_MIN)
    width   (F,) how far that strays: a quarter of the range that holds 98% of it
    reach   readings that the spread is of
    """

    median: FloatArray
    width: FloatArray
    reach: int


def fit_dispersion(rows: Float32Array, newest: TimeArray, reach: int) -> Dispersion:
    """The usual spread, at the given rows."""
    logs = np.empty((len(newest), rows.shape[1]), np.float32)
    _logs(rows, newest, reach, logs)
    low, median, high = np.quantile(logs.astype(np.float64), (0.01, 0.5, 0.99), axis=0)
    return Dispersion(median, (high - low) / 4 + WIDTH_MIN, reach)


class DispersionMeter:
    """Measures against the usual spread."""

    def __init__(self, dispersion: Dispersion) -> None:
        self._dispersion = dispersion

    def errors(self, rows: Float32Array, newest: TimeArray, errors: Float32Array) -> None:
        """How far each channel's spread is from the usual one, in its usual widths, squared.

        rows    (N, F) scaled, NaN = missing: left out
        newest  (M,) the row of each reading
        errors  (M, F) overwritten
        """
        dispersion = self._dispersion
        _logs(rows, newest, dispersion.reach, errors)
        _judge(dispersion.median, dispersion.width, errors)


@jit
def _judge(median: FloatArray, width: FloatArray, errors: Float32Array) -> None:
    for n in range(errors.shape[0]):
        for f in range(errors.shape[1]):
            away = (errors[n, f] - median[f]) / width[f]
            errors[n, f] = away * away


@jit
def _logs(rows: Float32Array, newest: TimeArray, reach: int, logs: Float32Array) -> None:
    flat, channels = rows.reshape(-1), rows.shape[1]
    count, mean = np.empty(channels, np.float32), np.empty(channels, np.float32)
    for n in range(len(newest)):
        stop = (newest[n] + 1) * channels
        first = stop - reach * channels
        count[:], mean[:], logs[n] = 0, 0, 0
        for row in range(first, stop, channels):
            for f in range(channels):
                # An index without a sign needs no look whether it counts from the end.
                value = flat[np.uint64(row + f)]
                there = value == value
                count[f] += np.float32(1) if there else np.float32(0)
                mean[f] += value if there else np.float32(0)
        for f in range(channels):
            count[f] = max(count[f], np.float32(1))
            mean[f] /= count[f]
        for row in range(first, stop, channels):
            for f in range(channels):
                value = flat[np.uint64(row + f)]
                away = value - mean[f] if value == value else np.float32(0)
                logs[n, f] += away * away
        for f in range(channels):
            logs[n, f] = np.log(np.sqrt(logs[n, f] / count[f]) + SPREAD_MIN)
