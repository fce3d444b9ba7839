"""How a reading compares with all that was forecast of it, over the last readings and farther back.

Of every reading there are as many forecasts as the network has horizons: the oldest was made many
readings ago, before a slow fault could creep into what the network has seen. Their mean squared
error stands for the error of a reconstruction; running means of it, over a quarter of the window
and the whole, for those of the window's.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sentinel.entities import EntityArrays
from sentinel.kernels.jit import jit, lean
from sentinel.records import Float32Array, FloatArray, TimeArray

# Of the errors found, by this position.
NEXT, QUARTER_MEAN, WHOLE_MEAN = 0, 1, 2
ERRORS = 3
SPANS = 2  # that errors are averaged over


class ForesightState(NamedTuple):
    """Arrays over the E entities; K horizons, W readings of a window.

    expected  (E, F) newest forecast of the next reading, scaled units
    mean      (E, K F) means of all forecasts of the readings to come: of age a at a % K
    strayed   (E, K F) sums of their squared deviations from that mean
    missed    (E, W, F) errors of the newest readings, NaN = unknown: that of age a at a % W
    total     (E, SPANS, F) sum of the known ones among the newest W / 4, and W
    known     (E, SPANS, F) how many those are; whole numbers
    """

    expected: Float32Array
    mean: Float32Array
    strayed: Float32Array
    missed: Float32Array
    total: FloatArray
    known: FloatArray


class Foresight(EntityArrays[ForesightState]):
    """Compares readings with their forecasts."""

    def __init__(self, channels: int, horizons: int, window_length: int) -> None:
        ahead, spans = (1, horizons * channels), (1, SPANS, channels)
        self._horizons = horizons
        super().__init__(
            ForesightState(
                np.zeros((1, channels), np.float32),
                np.zeros(ahead, np.float32),
                np.zeros(ahead, np.float32),
                np.zeros((1, window_length, channels), np.float32),
                np.zeros(spans),
                np.zeros(spans),
            )
        )

    def compare(
        self,
        rows: Float32Array,
        place: TimeArray,
        row: TimeArray,
        entity: TimeArray,
        age: TimeArray,
        forecasts: Float32Array,
        expected: Float32Array,
        errors: Float32Array,
    ) -> None:
        """Compare readings with the forecasts made before them; keep those made after each.

        rows       (R, F) scaled, NaN = missing
        place      (N,) row there of each reading
        row        (B, T) numbers of the readings, in their order; entity, age (B,), forecasts
                   (B, T, K F): as of `model.foreseeing.Foreseen`
        expected   (N, F) overwritten for these: the newest forecast; NaN: there was none
        errors     (N, ERRORS, F) overwritten for these: squared error of the newest forecast;
                   running means of that of all forecasts; NaN = unknown
        """
        _compare(
            rows, place, row, entity, age, self._horizons, forecasts, self.state, expected, errors
        )


@jit
def _compare(
    rows: Float32Array,
    place: TimeArray,
    row: TimeArray,
    entity: TimeArray,
    age: TimeArray,
    horizons: int,
    forecasts: Float32Array,
    state: ForesightState,
    expected: Float32Array,
    errors: Float32Array,
) -> None:
    channels = state.expected.shape[1]
    steady, gain = np.empty((2, horizons * channels), np.float32)
    _gains(horizons, channels, horizons, steady)
    for b in range(len(entity)):
        e = entity[b]
        if age[b] == 0:
            _begin(state, e)
        now, slot = age[b] % state.missed.shape[1], age[b] % horizons
        for t in range(row.shape[1]):
            n, before = row[b, t], age[b] + t
            made = np.float32(min(before, horizons))
            for f in range(channels):
                x, newest = rows[place[n], f], state.expected[e, f]
                expected[n, f] = newest
                errors[n, NEXT, f] = (x - newest) * (x - newest)
                # The mean square of several deviations: of their mean, and their own spread.
                of = slot * channels + f
                away = x - state.mean[e, of]
                errors[n, WHOLE_MEAN, f] = away * away + state.strayed[e, of] / made
                # The slot is that of the farthest reading now, which has no forecast yet.
                state.mean[e, of] = state.strayed[e, of] = 0
                state.expected[e, f] = forecasts[b, t, f]
            _average(state, e, before, now, errors, n)
            now = now + 1 if now + 1 < state.missed.shape[1] else 0
            slot = slot + 1 if slot + 1 < horizons else 0
            if before < horizons:
                _gains(horizons, channels, before, gain)
                _remember(state, e, slot * channels, forecasts, b, t, gain)
            else:
                _remember(state, e, slot * channels, forecasts, b, t, steady)


@lean
def _begin(state: ForesightState, e: int) -> None:
    """Nothing is forecast, and nothing known."""
    for i in range(state.mean.shape[1]):
        state.mean[e, i] = state.strayed[e, i] = 0
    for f in range(state.expected.shape[1]):
        state.expected[e, f] = np.nan
        for span in range(SPANS):
            state.total[e, span, f] = state.known[e, span, f] = 0


@lean
def _average(
    state: ForesightState, e: int, age: int, now: int, errors: Float32Array, n: int
) -> None:
    """Running means of the errors, with the reading's own, which stands where one of them goes.

    now  age % W
    """
    window, channels = state.missed.shape[1], state.missed.shape[2]
    for span in range(SPANS):
        reach = window if span == 1 else (window + 3) // 4
        then = now - reach if now >= reach else now - reach + window
        for f in range(channels):
            left = state.missed[e, then, f] if age >= reach else np.float32(np.nan)
            missed = errors[n, WHOLE_MEAN, f]
            known, total = state.known[e, span, f], state.total[e, span, f]
            known -= 1.0 if left == left else 0.0
            total -= left if left == left else np.float32(0)
            known += 1.0 if missed == missed else 0.0
            total += missed if missed == missed else np.float32(0)
            state.known[e, span, f], state.total[e, span, f] = known, total
    for f in range(channels):
        state.missed[e, now, f] = errors[n, WHOLE_MEAN, f]
    for span in range(SPANS):
        for f in range(channels):
            # What is left of a sum after a large error went may be rounding, and below zero.
            total, known = max(state.total[e, span, f], 0.0), state.known[e, span, f]
            errors[n, QUARTER_MEAN + span, f] = total / known if known > 0 else np.nan


@lean
def _gains(horizons: int, channels: int, before: int, gain: Float32Array) -> None:
    """One over the number of forecasts of each reading to come, after so many readings and one."""
    for k in range(horizons):
        for f in range(channels):
            gain[k * channels + f] = 1 / (min(before, horizons - 1 - k) + 1)


@lean
def _remember(
    state: ForesightState,
    e: int,
    first: int,
    forecasts: Float32Array,
    b: int,
    t: int,
    gain: Float32Array,
) -> None:
    """Take in the newest forecasts.

    first      where those of the next reading stand
    forecasts  (B, T, K F)
    gain       (K F,)
    """
    size = state.mean.shape[1]
    _add(state, e, first, size, first, forecasts, b, t, gain)
    _add(state, e, 0, first, first - size, forecasts, b, t, gain)


@lean
def _add(
    state: ForesightState,
    e: int,
    start: int,
    stop: int,
    shift: int,
    forecasts: Float32Array,
    b: int,
    t: int,
    gain: Float32Array,
) -> None:
    """Add forecasts to the means from start to stop: that at `shift` is of the first forecast.

    Source: Welford, "Note on a method for calculating corrected sums of squares and products",
    Technometrics 4 (1962).
    """
    for i in range(start, stop):
        # An index without a sign needs no look whether it counts from the end: lanes can do it.
        at, of = np.uint64(i), np.uint64(i - shift)
        step = forecasts[b, t, of] - state.mean[e, at]
        mean = state.mean[e, at] + step * gain[of]
        state.mean[e, at] = mean
        state.strayed[e, at] += step * (forecasts[b, t, of] - mean)
