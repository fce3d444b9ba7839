"""The errors of every reading: against its forecast, its window's reconstruction, the companions.

A window is rebuilt every `reconstruct_every` readings only, the companions look four times as
often, and these errors hold in between: so a reading costs a few steps of the network instead of
two whole windows of them, a sudden fault shows in the forecast at once, and what only the others
see comes at most that much later.
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
LOOKS = 4  # of a companion, from one rebuilt window to the next


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

    errors  (E, K, F) of the newest look
    fresh   (E,) the next reading with a full window is a first one
    """

    errors: Float32Array
    fresh: BoolArray


@dataclass(frozen=True, slots=True)
class Watch:
    """A companion, and the readings of an entity from one of its looks to the next."""

    kind: int
    meter: Meter
    every: int


class Measurer(Parts):
    """Measures the readings of E entities as they come, each entity's in its order."""

    def __init__(
        self,
        parameters: Parameters,
        companions: Companions,
        kinds: tuple[int, ...],
        window_length: int,
        reconstruct_every: int,
        backend: Backend,
    ) -> None:
        self.kinds = kinds
        channels = parameters.architecture.channels
        self.watches = [
            watch
            for watch in _watches(companions, channels, reconstruct_every, backend)
            if watch.kind in kinds
        ]
        self.window_length = window_length
        self.forecaster = Forecaster(parameters, window_length, backend)
        self.rebuilt = [(kinds.index(kind), span) for kind, span in REBUILT if kind in kinds]
        self.windows = WindowScorer(parameters, window_length, backend) if self.rebuilt else None
        none = np.zeros((1, len(kinds), channels), np.float32)
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
        x = run.rows[place]
        if FORECAST in self.kinds:
            errors[:, self.kinds.index(FORECAST)] = (x - expected) ** 2
        self._rebuild(run, judged, entity, errors)
        turn = run.outcome.turn[run.here][judged]
        for watch in self.watches:
            kind, looks = self.kinds.index(watch.kind), turn % watch.every == 0
            found = np.empty((int(looks.sum()), x.shape[1]), np.float32)
            watch.meter.errors(run.rows, place[looks], found)
            _hold(entity, looks, found, kind, self.held.state.errors, errors)
            # What a missing value would have been is not its error.
            _mask(x, kind, errors)
        return Measured(judged + run.start, entity, begins, errors, expected)

    def _rebuild(
        self, run: Run, judged: TimeArray, entity: IndexArray, errors: Float32Array
    ) -> None:
        """The errors of the windows rebuilt in this run, and until the next one of the entity."""
        if self.windows is None:
            return
        places = run.taken.places
        found = self.windows.score(run.rows, places, np.full(len(places), self.window_length))
        rebuilt = np.zeros(len(judged), np.bool_)
        rebuilt[np.searchsorted(judged, run.taken.windows - run.start)] = True
        for kind, span in self.rebuilt:
            of_span = np.ascontiguousarray(found.errors[:, span])
            _hold(entity, rebuilt, of_span, kind, self.held.state.errors, errors)


def _watches(
    companions: Companions, channels: int, reconstruct_every: int, backend: Backend
) -> list[Watch]:
    tile = backend.variant.dense(backend.variant.many)
    subspace, nearest = companions.subspace, companions.nearest
    dispersion, blocks = companions.dispersion, companions.blocks

    def watch(kind: int, meter: Meter, reach: int) -> Watch:
        # No reading is passed over: each is within the reach of two looks.
        return Watch(kind, meter, max(1, min(reconstruct_every // LOOKS, reach // 2)))

    found = [
        watch(SUBSPACE, SubspaceMeter(subspace, tile), subspace.reach(channels)),
        watch(NEAREST, NearestMeter(nearest, tile), nearest.reach(channels)),
        watch(DISPERSION, DispersionMeter(dispersion), dispersion.reach),
    ]
    if blocks is not None:
        found.append(watch(BLOCKS, SubspaceMeter(blocks, tile), blocks.reach(channels)))
    return found


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
    looks: BoolArray,
    found: Float32Array,
    kind: int,
    held: Float32Array,
    errors: Float32Array,
) -> None:
    """Errors of each reading's entity as of its newest look.

    looks   (M,) whether the reading is looked at; found (sum of looks, F) what was found then
    held    (E, K, F) updated; errors (M, K, F) filled in for `kind`
    """
    look = 0
    for n in range(len(entity)):
        e = entity[n]
        if looks[n]:
            for f in range(found.shape[1]):
                held[e, kind, f] = found[look, f]
            look += 1
        for f in range(found.shape[1]):
            errors[n, kind, f] = held[e, kind, f]


@jit
def _mask(x: Float32Array, kind: int, errors: Float32Array) -> None:
    """Forget the errors of missing values.  x (M, F), NaN = missing; errors (M, K, F) updated"""
    for n in range(len(x)):
        for f in range(x.shape[1]):
            if np.isnan(x[n, f]):
                errors[n, kind, f] = x[n, f]
