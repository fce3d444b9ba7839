"""The episode machines: N of the last M scores begin an episode, a calm stretch resolves it.

There is one option for each meaning. "At least so long" is N of N. Episodes close together are one
where close_count is longer: an end that was told is never taken back. An episode that begins
against the budget or within the cooldown is withheld: it goes its way untold, and opens once its
peak has outgrown what holds it back, or that has passed. One that ends untold was suppressed.

All state is arrays over entities; a run of readings advances in one compiled call.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sentinel.alert.budget import FleetBudget, empty_budget
from sentinel.alert.machine import (
    RESOLVED_BY_GAP,
    SUPPRESSED,
    TRANSITION_COLUMNS,
    MachineRules,
    advance,
    machines,
)
from sentinel.alert.rules import EpisodeRules
from sentinel.entities import EntityArrays, Parts
from sentinel.records import BoolArray, EpisodeState, FloatArray, IndexArray, TimeArray

__all__ = ["RESOLVED_BY_GAP", "STATE_NAMES", "SUPPRESSED", "Advance", "EpisodeRules", "Episodes"]

STATE_NAMES: tuple[EpisodeState, ...] = ("opened", "updated", "resolved", "resolved")


@dataclass(frozen=True, slots=True)
class Advance:
    """What a run of readings did to the episodes.

    transitions  (K, TRANSITION_COLUMNS) int64, in order; rows count from the first of the run, and
                 PEAK_ROW is -1 where the peak was in an earlier run, which left it in PEAK_SLOT
    ratios       (K, 2) float64: the newest score ratio and the episode's peak at each transition
    severities   (K,) int8, indices into severity.SEVERITIES
    worst_rows   (E, open_window) rows of scores that may yet be told, by the slot that is to
                 remember what made them; -1: as it was
    """

    transitions: TimeArray
    ratios: FloatArray
    severities: NDArray[np.int8]
    worst_rows: TimeArray


class Episodes(Parts):
    """The episode machines of all entities, and their budget."""

    def __init__(self, rules: EpisodeRules) -> None:
        self.rules = rules
        self._rules = MachineRules(
            rules.open_count,
            float(rules.close_ratio),
            float(rules.fade_ratio),
            rules.close_count,
            rules.update_interval_ns,
            rules.cooldown_ns,
            rules.budget_readings or rules.budget_ns,
            rules.budget_readings > 0,
            rules.budget_fleet,
        )
        self.machines = EntityArrays(machines(1, rules.open_window))
        rings = empty_budget(1, rules.budget_count)
        self.budget = FleetBudget(rings) if rules.budget_fleet else EntityArrays(rings)
        super().__init__(machines=self.machines, budget=self.budget)

    @property
    def is_open(self) -> BoolArray:
        """(E,) whether an episode of the entity is open."""
        return self.machines.state.is_open

    @property
    def is_withheld(self) -> BoolArray:
        """(E,) whether an episode of the entity stands untold."""
        return self.machines.state.is_withheld

    def advance(
        self,
        entity: IndexArray,
        time_ns: TimeArray,
        ratio: FloatArray,
        restarted: BoolArray,
        missing: IndexArray,
        late: BoolArray,
        is_anomaly: BoolArray,
    ) -> Advance:
        """Advance by rows of readings, in order.

        ratio       (N,) score ratio of the reading's own window; NaN: it has none
        restarted   (N,) the reading is the first after a gap: an open episode resolves
        missing     (N,) number of masked values
        late        (N,) the reading was dropped: older than the entity's newest
        is_anomaly  (N,) overwritten: inside an open episode
        """
        transitions = np.empty((len(entity), TRANSITION_COLUMNS), np.int64)
        ratios = np.empty((len(entity), 2), np.float64)
        severities = np.empty(len(entity), np.int8)
        worst_rows = np.full(self.machines.state.exceeded_ns.shape, -1, np.int64)
        count = advance(
            entity, time_ns, ratio, restarted, missing, late, is_anomaly,
            self._rules, self.machines.state, self.budget.state, worst_rows, transitions, ratios,
            severities,
        )  # fmt: skip
        return Advance(transitions[:count], ratios[:count], severities[:count], worst_rows)
