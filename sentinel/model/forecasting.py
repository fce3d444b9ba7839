"""The forecast of every reading from the readings before it, one step of two states each.

Each entity has two encoder states that begin from zero every `period` readings, half a period
apart. The older one, which has seen half a period to a whole one, forecasts; so every forecast has
about the context that the encoder was trained on, for two steps a reading instead of a window.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sentinel.entities import EntityArrays, Parts
from sentinel.kernels.jit import jit
from sentinel.model.backends import carried_states
from sentinel.model.carrying import zero_states
from sentinel.model.device import Device
from sentinel.model.parameters import Parameters
from sentinel.model.waves import AGE, FIRST, STEP_COUNT, waves
from sentinel.records import Float32Array, IndexArray, TimeArray


class ForecasterState(NamedTuple):
    """Arrays over the E entities.

    pending  (E, F) forecast of the next reading, scaled units
    age      (E,) readings since the entity began
    """

    pending: Float32Array
    age: TimeArray


class Forecaster(Parts):
    """Forecasts for E entities, as their readings come."""

    def __init__(self, parameters: Parameters, window_length: int, backend: Device) -> None:
        self.channels = parameters.architecture.channels
        self.half = window_length // 2
        self._carried = carried_states(
            parameters, zero_states(parameters.architecture, 2)[None], backend
        )
        self._entities = EntityArrays(
            ForecasterState(np.zeros((1, self.channels), np.float32), np.zeros(1, np.int64))
        )
        super().__init__(carried=self._carried, entities=self._entities)

    def advance(
        self, rows: Float32Array, entity: IndexArray, place: TimeArray, filled: IndexArray
    ) -> Float32Array:
        """Read on; the forecast of each reading that was made before it came (N, F), scaled units.

        rows    (R, F) scaled; an entity's readings of a call stand one after another
        entity  (N,), place (N,) row of each reading, in order
        filled  (N,) 1: the entity begins anew with this reading, and nothing forecasts it: NaN
        """
        if not len(entity):
            return np.empty((0, self.channels), np.float32)
        # Sorted by entity, each one's readings are neighbours, here as in the rows.
        order = np.argsort(entity, kind="stable")
        sorted_entity = entity[order].astype(np.int64)
        expected = np.empty((len(order), self.channels), np.float32)
        places = place[order]
        for group in waves(sorted_entity, filled[order], self._entities.state.age, self.half):
            self._run(group, rows, sorted_entity, places, expected)
        found = np.empty_like(expected)
        found[order] = expected
        return found

    def _run(
        self,
        group: TimeArray,
        rows: Float32Array,
        entity: TimeArray,
        places: TimeArray,
        expected: Float32Array,
    ) -> None:
        """Tasks of one wave and size: no entity is twice among them."""
        steps = int(group[0, STEP_COUNT])
        # A column of several rows is not contiguous, that of one is: two types, two compilations.
        first, age = (np.ascontiguousarray(group[:, column]) for column in (FIRST, AGE))
        who, pending, phase = entity[first], self._entities.state.pending, age % (2 * self.half)
        slots = (2 * who[:, None] + np.arange(2)).reshape(-1)
        pending[who[age == 0]] = np.nan
        begins = np.zeros((len(group), 2), np.bool_)
        begins[:, 0] = phase == 0
        begins[:, 1] = (phase == self.half) | (age == 0)
        starts = np.repeat(places[first], 2)
        found = self._carried.advance(rows, starts, slots, begins.reshape(-1), steps)
        found = found.reshape(len(group), 2, steps, -1)
        # In the first half of a period, the state that began half a period earlier is the older.
        older = np.where(phase < self.half, 1, 0)
        older[age < self.half] = 0
        _spread(found, older, first, who, pending, expected)


@jit
def _spread(
    found: Float32Array,
    older: TimeArray,
    first: TimeArray,
    who: TimeArray,
    pending: Float32Array,
    expected: Float32Array,
) -> None:
    """Each forecast to the reading it is of; the last one waits for the next call.

    found  (B, 2, T, F) of the reading after each
    """
    steps, channels = found.shape[2], found.shape[3]
    for b in range(len(first)):
        # Value by value: an array put into another one makes Numba compile, for five seconds, how
        # it would say that their shapes differ.
        for f in range(channels):
            expected[first[b], f] = pending[who[b], f]
            for t in range(steps - 1):
                expected[first[b] + t + 1, f] = found[b, older[b], t, f]
            pending[who[b], f] = found[b, older[b], steps - 1, f]
