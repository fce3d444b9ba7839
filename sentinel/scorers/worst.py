"""The worst score of each episode so far: what made it is kept until the episode is told."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sentinel.entities import EntityArrays
from sentinel.fitted import FittedModel
from sentinel.records import Contribution, Float32Array, FloatArray, TimeArray
from sentinel.scorers.run import Run, RunScores


class WorstState(NamedTuple):
    """Arrays over the E entities, of scores that may be told; an episode's worst is in one slot.

    share               (E, S, F) what part of it each channel makes up
    observed, expected  (E, S, F) raw units; NaN in observed = missing
    """

    share: Float32Array
    observed: FloatArray
    expected: FloatArray


class WorstScores(EntityArrays[WorstState]):
    """Keeps them before the rings move on."""

    def __init__(self, model: FittedModel, slots: int) -> None:
        self._model = model
        self._deviation = model.usual_deviation()
        shape = 1, slots, len(model.channels)
        super().__init__(WorstState(np.zeros(shape, np.float32), np.zeros(shape), np.zeros(shape)))

    def keep(
        self, run: Run, found: RunScores, entity: TimeArray, slot: TimeArray, row: TimeArray
    ) -> None:
        """Keep what made the scores of these rows of the run, in these slots of the entities."""
        if not len(row):
            return
        row = row + run.start
        order = np.argsort(found.row)
        scored = order[np.searchsorted(found.row, row, sorter=order)]
        share, observed, expected = self.state
        share[entity, slot] = found.shares[scored]
        observed[entity, slot] = run.readings.values[row]
        expected[entity, slot] = self._model.scaling.invert(found.expected[scored])

    def contributions(self, entity: int, slot: int) -> tuple[Contribution, ...]:
        """Of the score in a slot of an entity, largest share first."""
        of_score = (array[entity, slot] for array in self.state)
        return contributions_of(self._model, self._deviation, *of_score)


def contributions_of(
    model: FittedModel,
    deviation: FloatArray,
    share: Float32Array,
    observed: FloatArray,
    expected: FloatArray,
) -> tuple[Contribution, ...]:
    """What each channel has to do with a reading's score, largest share first.

    deviation                  (F,) the model's usual one
    share, observed, expected  (F,) as of `WorstState`, of one score
    """
    lowest, highest = model.history_range
    return tuple(
        Contribution(
            model.channels[f],
            float(share[f]),
            float(observed[f]),
            float(expected[f]),
            float(deviation[f]),
            float(lowest[f]),
            float(highest[f]),
        )
        for f in np.argsort(-share, kind="stable").tolist()
    )
