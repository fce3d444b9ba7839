"""The next readings, forecast after every reading: one state of each entity, carried on for good.

A state begins from zero with its entity, and anew after a gap; training shows it chunks far longer
than a window, so that it knows a life of its own. One LSTM step a reading.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sentinel.entities import EntityArrays, Parts
from sentinel.model.backends import carried_states
from sentinel.model.carrying import zero_states
from sentinel.model.device import Device
from sentinel.model.parameters import Parameters
from sentinel.model.waves import AGE, FIRST, STEP_COUNT, waves
from sentinel.records import Float32Array, IndexArray, TimeArray


class ForeseerState(NamedTuple):
    """age  (E,) readings since the entity began."""

    age: TimeArray


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What was forecast after some readings, T of each of B entities, one after another.

    row        (B, T) which of the readings of the call
    entity     (B,)
    age        (B,) readings of the entity before the first of these
    forecasts  (B, T, horizons x F) of the readings that follow, the next one first; scaled units
    """

    row: TimeArray
    entity: TimeArray
    age: TimeArray
    forecasts: Float32Array


class Foreseer(Parts):
    """Forecasts for E entities, as their readings come."""

    def __init__(self, parameters: Parameters, backend: Device) -> None:
        start = zero_states(parameters.architecture, 1)
        self._carried = carried_states(parameters, start, backend)
        self._entities = EntityArrays(ForeseerState(np.zeros(1, np.int64)))
        super().__init__(carried=self._carried, entities=self._entities)

    def advance(
        self, rows: Float32Array, entity: IndexArray, place: TimeArray, filled: IndexArray
    ) -> Iterator[Foreseen]:
        """Read on; the forecasts after all readings, an entity's in their order.

        rows    (R, F) scaled; an entity's readings of a call stand one after another
        entity  (N,), place (N,) row of each reading, in order
        filled  (N,) 1: the entity begins anew with this reading
        """
        # Sorted by entity, each one's readings are neighbours, here as in the rows.
        order = np.argsort(entity, kind="stable")
        sorted_entity, places = entity[order].astype(np.int64), place[order]
        for group in waves(sorted_entity, filled[order], self._entities.state.age):
            first, age = (np.ascontiguousarray(group[:, column]) for column in (FIRST, AGE))
            who, steps = sorted_entity[first], int(group[0, STEP_COUNT]) if len(group) else 1
            forecasts = self._carried.advance(rows, places[first], who, age == 0, steps)
            yield Foreseen(order[first[:, None] + np.arange(steps)], who, age, forecasts)
