"""The errors that a network finds, of a reading at a time: one class for each way to carry states.

`Rebuilding` forecasts every reading by states that begin from zero now and then, and rebuilds a
window every so many readings. `Foreseeing` carries one state of each entity on for good, and
compares each reading with all that was forecast of it.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from sentinel.entities import Part, Parts
from sentinel.kernels import slabs
from sentinel.model.backends import window_scorer
from sentinel.model.device import Device
from sentinel.model.forecasting import Forecaster
from sentinel.model.foreseeing import Foreseer
from sentinel.model.parameters import Parameters
from sentinel.records import BoolArray, Float32Array, TimeArray
from sentinel.score.foresight import ERRORS, NEXT, QUARTER_MEAN, WHOLE_MEAN, Foresight
from sentinel.score.kinds import FORECAST, QUARTER, WHOLE
from sentinel.scorers.holding import Held
from sentinel.scorers.run import Run

REBUILT = ((QUARTER, slabs.QUARTER), (WHOLE, slabs.WHOLE))
FORESEEN = ((FORECAST, NEXT), (QUARTER, QUARTER_MEAN), (WHOLE, WHOLE_MEAN))


class Network(Part, Protocol):
    """A network at work on the readings of E entities."""

    def measure(
        self, run: Run, taken: TimeArray, full: BoolArray, errors: Float32Array
    ) -> Float32Array:
        """Take readings in; the forecasts (M, F) of those with a full window, scaled units.

        taken   (N,) rows of the run, entity by entity, each one's in their order
        full    (N,) whether the reading has a full window; M of them do
        errors  (M, K, F) filled in for the kinds that the network finds; NaN = unknown
        """
        ...


def network_of(
    parameters: Parameters, kinds: tuple[int, ...], window_length: int, backend: Device
) -> Network:
    """The way that suits the network: one without a decoder is made to carry its state on."""
    made = Rebuilding if parameters.architecture.decoder_layers else Foreseeing
    return made(parameters, kinds, window_length, backend)


class Rebuilding(Parts):
    """Forecasts every reading, and rebuilds the windows that the run asks for."""

    def __init__(
        self, parameters: Parameters, kinds: tuple[int, ...], window_length: int, backend: Device
    ) -> None:
        self._kinds = kinds
        self._forecaster = Forecaster(parameters, window_length, backend)
        self._rebuilt = [(kinds.index(kind), span) for kind, span in REBUILT if kind in kinds]
        self._windows = window_scorer(parameters, window_length, backend) if self._rebuilt else None
        self._held = Held(len(self._rebuilt), parameters.architecture.channels)
        super().__init__(forecaster=self._forecaster, held=self._held)

    def measure(
        self, run: Run, taken: TimeArray, full: BoolArray, errors: Float32Array
    ) -> Float32Array:
        """See `Network`."""
        entity, place = run.readings.entity[run.here], run.outcome.place[run.here]
        filled = run.outcome.filled[run.here]
        expected = self._forecaster.advance(run.rows, entity[taken], place[taken], filled[taken])
        expected, judged = expected[full], taken[full]
        if FORECAST in self._kinds:
            errors[:, self._kinds.index(FORECAST)] = (run.rows[place[judged]] - expected) ** 2
        self._rebuild(run, judged, errors)
        return expected

    def _rebuild(self, run: Run, judged: TimeArray, errors: Float32Array) -> None:
        """The errors of the windows rebuilt in this run, and until the next one of the entity."""
        if self._windows is None:
            return
        found = self._windows.score_rings(run.windows)
        rebuilt = run.outcome.turn[run.here][judged] == 0
        window = np.searchsorted(run.taken.windows, judged[rebuilt] + run.start)
        entity = run.readings.entity[run.here][judged]
        for slot, (kind, span) in enumerate(self._rebuilt):
            of_span = found.errors[window, span]
            self._held.hold(entity, rebuilt, of_span, slot, kind, errors)


class Foreseeing(Parts):
    """Compares every reading with what was forecast of it, and rebuilds nothing."""

    def __init__(
        self, parameters: Parameters, kinds: tuple[int, ...], window_length: int, backend: Device
    ) -> None:
        architecture = parameters.architecture
        self._foreseer = Foreseer(parameters, backend)
        self._foresight = Foresight(architecture.channels, architecture.horizons, window_length)
        self._found = [(kinds.index(kind), error) for kind, error in FORESEEN if kind in kinds]
        super().__init__(foreseer=self._foreseer, foresight=self._foresight)

    def measure(
        self, run: Run, taken: TimeArray, full: BoolArray, errors: Float32Array
    ) -> Float32Array:
        """See `Network`."""
        entity, place = run.readings.entity[run.here][taken], run.outcome.place[run.here][taken]
        filled = run.outcome.filled[run.here][taken]
        channels = run.rows.shape[1]
        expected = np.empty((len(taken), channels), np.float32)
        found = np.empty((len(taken), ERRORS, channels), np.float32)
        for seen in self._foreseer.advance(run.rows, entity, place, filled):
            self._foresight.compare(
                run.rows, place, seen.row, seen.entity, seen.age, seen.forecasts, expected, found
            )
        judged = np.flatnonzero(full)
        for kind, error in self._found:
            errors[:, kind] = found[:, error].take(judged, axis=0)
        return expected.take(judged, axis=0)
