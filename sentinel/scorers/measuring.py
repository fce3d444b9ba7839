"""The errors of every reading: against its forecast, its window's reconstruction, the companions.

A window is rebuilt every `reconstruct_every` readings only, and its errors hold in between: so a
reading costs a few steps of the network instead of two whole windows of them, a sudden fault shows
in the forecast at once, and what only the reconstruction sees comes at most that much later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from sentinel.entities import EntityArrays, Parts
from sentinel.fitted import Companions
from sentinel.kernels import slabs
from sentinel.kernels.jit import jit
from sentinel.model.forecasting import Forecaster
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import Backend
from sentinel.model.scoring import WindowScorer
from sentinel.records import BoolArray, Float32Array, IndexArray, TimeArray
from sentinel.score.dispersion import DispersionMeter
from sentinel.score.kinds import (
    BLOCKS,
    DISPERSION,
    FORECAST,
    NEAREST,
    QUARTER,
    SUBSPACE,
    WHOLE,
)
from sentinel.score.nearest import NearestMeter
from sentinel.score.subspace import SubspaceMeter
from sentinel.scorers.run import Run

REBUILT = ((QUARTER, slabs.QUARTER), (WHOLE, slabs.WHOLE))


@dataclass(frozen=True, slots=True)
class Measured:
    """The errors of M readings, all that have a full window behind them.

    row       (M,) of the batch, ascending
    entity    (M,)
    begins    (M,) the entity begins with this reading, or anew after a gap
    errors    (M, K, F) squared errors by kind, scaled units squared; NaN = unknown
    expected  (M, F) the reading's forecast, scaled units
    """

    row: TimeArray
    entity: IndexArray
    begins: BoolArray
    errors: Float32Array
    expected: Float32Array


class Meter(Protocol):
    """A companion at work."""

    def errors(self, rows: Float32Array, newest: TimeArray, errors: Float32Array) -> None:
        """Squared errors (M, F) of the readings at the given rows, by channel."""
        ...


class HeldState(NamedTuple):
    """Arrays over the E entities.

    errors  (E, spans, F) of the newest rebuilt window
    fresh   (E,) the next reading with a full window is a first one
    """

    errors: Float32Array
    fresh: BoolArray


class Measurer(Parts):
    """Measures the readings of E entities as they come, each entity's in its order."""

    def __init__(
        self,
        parameters: Parameters,
        companions: Companions,
        kinds: tuple[int, ...],
        window_length: int,
        backend: Backend,
    ) -> None:
        self.kinds = kinds
        tile = backend.variant.dense(backend.variant.many)
        self.meters: dict[int, Meter] = {
            SUBSPACE: SubspaceMeter(companions.subspace, tile),
            NEAREST: NearestMeter(companions.nearest, tile),
            DISPERSION: DispersionMeter(companions.dispersion),
        }
        if companions.blocks is not None:
            self.meters[BLOCKS] = SubspaceMeter(companions.blocks, tile)
        self.window_length = window_length
        self.forecaster = Forecaster(parameters, window_length, backend)
        channels = parameters.architecture.channels
        self.rebuilt = [(kinds.index(kind), span) for kind, span in REBUILT if kind in kinds]
        self.windows = WindowScorer(parameters, window_length, backend) if self.rebuilt else None
        none = np.zeros((1, len(self.rebuilt), channels), np.float32)
        self.held = EntityArrays(HeldState(none, np.ones(1, np.bool_)))
        super().__init__(forecaster=self.forecaster, held=self.held)

    def measure(self, run: Run) -> Measured:
        """Take the run's readings in, and measure those whose window is full."""
        entity, place = run.readings.entity[run.here], run.outcome.place[run.here]
        filled = run.outcome.filled[run.here]
        taken = np.flatnonzero(place >= 0)
        expected = self.forecaster.advance(run.rows, entity[taken], place[taken], filled[taken])
        begins = np.empty(len(taken), np.bool_)
        full = filled[taken] == self.window_length
        _begin(entity[taken], full, self.held.state.fresh, begins)
        expected, begins, judged = expected[full], begins[full], taken[full]
        entity, place = entity[judged], place[judged]
        errors = np.empty((len(judged), len(self.kinds), run.rows.shape[1]), np.float32)
        self._forecast_errors(run.rows[place], expected, errors)
        self._hold(run, judged, entity, errors)
        self._companion_errors(run.rows, place, errors)
        return Measured(judged + run.start, entity, begins, errors, expected)

    def _forecast_errors(
        self, x: Float32Array, expected: Float32Array, errors: Float32Array
    ) -> None:
        if FORECAST in self.kinds:
            errors[:, self.kinds.index(FORECAST)] = (x - expected) ** 2

    def _hold(self, run: Run, judged: TimeArray, entity: IndexArray, errors: Float32Array) -> None:
        """The errors of the windows rebuilt in this run, and until the next one of the entity."""
        if self.windows is None:
            return
        places = run.taken.places
        found = self.windows.score(run.rows, places, np.full(len(places), self.window_length))
        window = np.full(len(judged), -1)
        window[np.searchsorted(judged, run.taken.windows - run.start)] = np.arange(len(places))
        spans = np.array([span for _, span in self.rebuilt])
        kinds = np.array([kind for kind, _ in self.rebuilt])
        _hold(entity, window, found.errors, spans, kinds, self.held.state.errors, errors)

    def _companion_errors(self, rows: Float32Array, place: TimeArray, errors: Float32Array) -> None:
        for kind, meter in self.meters.items():
            if kind in self.kinds:
                out = np.empty((len(place), rows.shape[1]), np.float32)
                meter.errors(rows, place, out)
                # What a missing value would have been is not its error.
                out[np.isnan(rows[place])] = np.nan
                errors[:, self.kinds.index(kind)] = out


@jit
def _begin(entity: IndexArray, full: BoolArray, fresh: BoolArray, begins: BoolArray) -> None:
    """Mark each entity's first reading with a full window.

    full    (N,) whether the reading has one; it has not for a while after a gap
    fresh   (E,) updated: the next reading with a full window is a first one
    begins  (N,) overwritten
    """
    for n in range(len(entity)):
        begins[n] = full[n] and fresh[entity[n]]
        fresh[entity[n]] = not full[n]


@jit
def _hold(
    entity: IndexArray,
    window: TimeArray,
    found: Float32Array,
    spans: TimeArray,
    kinds: TimeArray,
    held: Float32Array,
    errors: Float32Array,
) -> None:
    """Errors of the newest rebuilt window of each reading's entity.

    window  (M,) number of the window that the reading completes; -1: none
    found   (B, SPANS, F); held (E, spans, F) updated; errors (M, K, F) filled in for `kinds`
    """
    for n in range(len(entity)):
        e = entity[n]
        for i in range(len(spans)):
            if window[n] >= 0:
                held[e, i] = found[window[n], spans[i]]
            errors[n, kinds[i]] = held[e, i]
