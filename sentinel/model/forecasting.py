"""The forecast of every reading from the readings before it, one step of two states each.

Each entity has two encoder states that begin from zero every `period` readings, half a period
apart. The older one, which has seen half a period to a whole one, forecasts; so every forecast has
about the context that the encoder was trained on, for two steps a reading instead of a window.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sentinel.entities import EntityArrays
from sentinel.kernels.jit import jit
from sentinel.model.carrying import StateCarrier, zero_states
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import Backend
from sentinel.records import Float32Array, IndexArray, TimeArray

# Readings of an entity that one call advances by; a larger number saves calls.
STEPS = (8, 1)


class ForecasterState(NamedTuple):
    """Arrays over the E entities.

    encoder  (E, 2, layers, 2, H) the two states of each
    pending  (E, F) forecast of the next reading, scaled units
    age      (E,) readings since the entity began
    """

    encoder: Float32Array
    pending: Float32Array
    age: TimeArray


class Forecaster(EntityArrays[ForecasterState]):
    """Forecasts for E entities, as their readings come."""

    def __init__(self, parameters: Parameters, window_length: int, backend: Backend) -> None:
        self.channels = parameters.architecture.channels
        self.half = window_length // 2
        self.carriers = {steps: StateCarrier(parameters, steps, backend) for steps in STEPS}
        super().__init__(
            ForecasterState(
                zero_states(parameters.architecture, 2)[None],
                np.zeros((1, self.channels), np.float32),
                np.zeros(1, np.int64),
            )
        )

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
        tasks, count = np.empty((len(order), 5), np.int64), 0
        count = _plan(
            sorted_entity, filled[order], self.half, np.array(STEPS), self.state.age, tasks
        )
        tasks = tasks[:count]
        expected = np.empty((len(order), self.channels), np.float32)
        wave_order = np.lexsort((-tasks[:, STEP_COUNT], tasks[:, WAVE]))
        tasks = tasks[wave_order]
        cuts = np.flatnonzero((np.diff(tasks[:, [WAVE, STEP_COUNT]], axis=0) != 0).any(axis=1)) + 1
        places = place[order]
        for group in np.split(tasks, cuts):
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
        first, phase = np.ascontiguousarray(group[:, FIRST]), group[:, PHASE]
        who = entity[first]
        slots = (2 * who[:, None] + np.arange(2)).reshape(-1)
        states = self.state.encoder.reshape(-1, *self.state.encoder.shape[2:])
        _restart(group, who, self.half, states, self.state.pending)
        starts = np.repeat(places[first], 2)
        found = self.carriers[steps].advance(states, rows, starts, slots)
        found = found.reshape(len(group), 2, steps, -1)
        # In the first half of a period, the state that began half a period earlier is the older.
        older = np.where(phase < self.half, 1, 0)
        older[group[:, AGE] < self.half] = 0
        _spread(found, older, first, who, self.state.pending, expected)


WAVE, STEP_COUNT, FIRST, PHASE, AGE = range(5)


@jit
def _plan(
    entity: TimeArray,
    filled: IndexArray,
    half: int,
    sizes: TimeArray,
    age: TimeArray,
    tasks: TimeArray,
) -> int:
    """Cut each entity's readings where a state begins anew, and into sizes that a call takes.

    entity, filled  (N,) sorted by entity
    age             (E,) readings since the entity began; updated
    tasks           (N, 5) overwritten: the entity's how-many-eth task, its number of readings, the
                    first of them, where in the period that stands, and the age there
    """
    count, n = 0, 0
    while n < len(entity):
        e = entity[n]
        wave = 0
        while n < len(entity) and entity[n] == e:
            if filled[n] == 1:
                age[e] = 0
            stop = n + 1
            most = half - age[e] % half
            while (
                stop < len(entity) and stop - n < most and entity[stop] == e and filled[stop] != 1
            ):
                stop += 1
            while n < stop:
                size = sizes[len(sizes) - 1]
                for candidate in sizes:
                    if candidate <= stop - n:
                        size = candidate
                        break
                tasks[count, WAVE], tasks[count, STEP_COUNT] = wave, size
                tasks[count, FIRST] = n
                tasks[count, PHASE], tasks[count, AGE] = age[e] % (2 * half), age[e]
                count += 1
                wave += 1
                n += size
                age[e] += size
    return count


@jit
def _restart(
    group: TimeArray, who: TimeArray, half: int, states: Float32Array, pending: Float32Array
) -> None:
    """Set those states to zero that begin with their task.

    states  (2 E, layers, 2, H): an entity's two stand side by side
    """
    for n in range(len(group)):
        if group[n, AGE] == 0:
            states[2 * who[n] : 2 * who[n] + 2] = 0
            pending[who[n]] = np.nan
        elif group[n, PHASE] % half == 0:
            states[2 * who[n] + (1 if group[n, PHASE] > 0 else 0)] = 0


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
    steps = found.shape[2]
    for b in range(len(first)):
        expected[first[b]] = pending[who[b]]
        for t in range(steps - 1):
            expected[first[b] + t + 1] = found[b, older[b], t]
        pending[who[b]] = found[b, older[b], steps - 1]
