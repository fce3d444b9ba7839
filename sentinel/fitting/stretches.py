"""Stretches of a history measured as the stream measures them, one after another."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sentinel.fitting.history import History
from sentinel.records import BoolArray, Float32Array, IndexArray, Readings, TimeArray
from sentinel.scorers.measuring import Measured, Measurer
from sentinel.scorers.run import Run
from sentinel.window.rings import Outcome, Rings


class Errors(NamedTuple):
    """The errors of M readings, all that have a full window behind them, in order.

    place     (M,) of the reading, in `segments.rows`
    stretch   (M,) number of the stretch
    begins    (M,) the stretch begins with this reading, or anew after a gap
    errors    (M, K, F) as of `Measured`
    """

    place: TimeArray
    stretch: IndexArray
    begins: BoolArray
    errors: Float32Array


def measure_stretches(
    history: History, stretches: TimeArray, rings: Rings, measurer: Measurer
) -> Errors:
    """The errors of the readings of stretches.

    stretches  (R, 3) of `segments.rows`: from where readings fill the windows, from where they are
               measured, and one past the last
    rings, measurer  empty ones
    """
    rings.grow(len(stretches))
    measurer.grow(len(stretches))
    found = []
    for number, (context, first, stop) in enumerate(stretches.tolist()):
        rows = history.segments.rows[context:stop]
        measured = _measure(history.readings, rows, number, rings, measurer)
        found += [_from(part, context, first) for part in measured]
    return Errors(*(np.concatenate(column) for column in zip(*found, strict=True)))


def _measure(
    readings: Readings, rows: TimeArray, entity: int, rings: Rings, measurer: Measurer
) -> list[Measured]:
    some = Readings(
        np.full(len(rows), entity, np.int32),
        np.asarray(readings.time_ns[rows]),
        np.zeros(len(rows), np.int32),
        np.arange(len(rows)),
        np.asarray(readings.values[rows]),
    )
    outcome, found, start = Outcome.of(len(rows)), [], 0
    while start < len(rows):
        taken = rings.fill(some, start, outcome)
        found.append(measurer.measure(Run(some, start, taken, outcome, rings)))
        start = taken.stop
    return found


def _from(measured: Measured, begin: int, first: int) -> Errors:
    """Those from the place `first` on, of rows that begin at `begin`; the first one begins."""
    place = measured.row + begin
    kept = place >= first
    return Errors(
        place[kept],
        measured.entity[kept],
        (measured.begins | (place == first))[kept],
        measured.errors[kept],
    )
