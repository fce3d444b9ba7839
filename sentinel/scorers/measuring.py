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
from sentinel.kernels.jit import jit
from sentinel.model.architecture import Architecture
from sentinel.model.device import Device, of_cpu
from sentinel.model.parameters import Parameters
from sentinel.records import BoolArray, Float32Array, IndexArray, TimeArray
from sentinel.score.dispersion import DispersionMeter
from sentinel.score.kinds import BLOCKS, DISPERSION, NEAREST, SUBSPACE
from sentinel.score.nearest import NearestMeter
from sentinel.score.subspace import SubspaceMeter
from sentinel.scorers.holding import Held
from sentinel.scorers.networks import network_of
from sentinel.scorers.run import Run

LOOKS = 4  # of a companion, from one rebuilt window to the next; where none is rebuilt, one


@dataclass(frozen=True, slots=True)
class Measured:
    """The errors of M readings, all that have a full window behind them.

    row       (M,) of the batch: entity by entity, each one's in their order
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


class BeginState(NamedTuple):
    """Arrays over the E entities.

    fresh  (E,) the next reading with a full window is a first one
    """

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
        backend: Device,
    ) -> None:
        self.kinds = kinds
        channels = parameters.architecture.channels
        self.watches = [
            watch
            for watch in _watches(companions, parameters.architecture, reconstruct_every, backend)
            if watch.kind in kinds
        ]
        self.window_length = window_length
        self.network = network_of(parameters, kinds, window_length, backend)
        self.held = Held(len(self.watches), channels)
        self.begin = EntityArrays(BeginState(np.ones(1, np.bool_)))
        super().__init__(network=self.network, held=self.held, begin=self.begin)

    def measure(self, run: Run) -> Measured:
        """Take the run's readings in, and measure those whose window is full.

        Entity by entity: what is remembered of one is at hand for all its readings.
        """
        entity, place = run.readings.entity[run.here], run.outcome.place[run.here]
        filled = run.outcome.filled[run.here]
        taken = np.flatnonzero(place >= 0)
        taken = taken[np.argsort(entity[taken], kind="stable")]
        begins = np.empty(len(taken), np.bool_)
        full = filled[taken] == self.window_length
        _begin(entity[taken], full, self.begin.state.fresh, begins)
        begins, judged = begins[full], taken[full]
        entity, place = entity[judged], place[judged]
        errors = np.empty((len(judged), len(self.kinds), run.rows.shape[1]), np.float32)
        expected = self.network.measure(run, taken, full, errors)
        x = run.rows[place]
        turn = run.outcome.turn[run.here][judged]
        for slot, watch in enumerate(self.watches):
            kind, looks = self.kinds.index(watch.kind), turn % watch.every == 0
            found = np.empty((int(looks.sum()), x.shape[1]), np.float32)
            watch.meter.errors(run.rows, place[looks], found)
            self.held.hold(entity, looks, found, slot, kind, errors)
            # What a missing value would have been is not its error.
            _mask(x, kind, errors)
        return Measured(judged + run.start, entity, begins, errors, expected)


def _watches(
    companions: Companions, architecture: Architecture, reconstruct_every: int, backend: Device
) -> list[Watch]:
    channels, rebuilds = architecture.channels, architecture.decoder_layers > 0
    variant = of_cpu(backend).variant
    tile = variant.dense(variant.many)
    subspace, nearest = companions.subspace, companions.nearest
    dispersion, blocks = companions.dispersion, companions.blocks

    def watch(kind: int, meter: Meter, reach: int) -> Watch:
        # No reading is passed over: each is within the reach of two looks, or of one.
        looks, twice = (LOOKS, 2) if rebuilds else (1, 1)
        return Watch(kind, meter, max(1, min(reconstruct_every // looks, reach // twice)))

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
def _mask(x: Float32Array, kind: int, errors: Float32Array) -> None:
    """Forget the errors of missing values.  x (M, F), NaN = missing; errors (M, K, F) updated"""
    for n in range(len(x)):
        for f in range(x.shape[1]):
            if np.isnan(x[n, f]):
                errors[n, kind, f] = x[n, f]
