"""The alert budget: so many episodes are told in a stretch, then only those that stand out more.

Once `budget_count` told episodes lie within the newest stretch of time or of readings, another one
is told only when its peak exceeds the lowest of theirs: a peak above all recent ones always passes,
and what passes takes the place of the lowest. So the memory is that many slots a ring, whatever
happens; a slot that has left the stretch is free.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sentinel.entities import Arrays, EntityArrays
from sentinel.kernels.jit import lean
from sentinel.records import FloatArray, IndexArray, TimeArray

SLOTS_MAX = 64  # slots of a ring: every opening looks at all of them


class BudgetState(NamedTuple):
    """The told episodes that count, in R rings of B slots: a ring an entity, or one for the fleet.

    told_at  (R, B) when it opened, in scores of the entity or in ns; 0: the slot was never taken
    peak     (R, B) its highest ratio so far
    owner    (R, B) its entity + 1 while it is open, then 0
    """

    told_at: TimeArray
    peak: FloatArray
    owner: IndexArray


def empty_budget(rings: int, slots: int) -> BudgetState:
    """Rings in which nothing was told."""
    return BudgetState(
        np.zeros((rings, slots), np.int64),
        np.zeros((rings, slots), np.float64),
        np.zeros((rings, slots), np.int32),
    )


class FleetBudget(EntityArrays[BudgetState]):
    """The one ring of all entities."""

    def __init__(self, start: BudgetState) -> None:
        super().__init__(start)
        super().grow(1)

    def grow(self, entities: int) -> None:
        """The ring is there already."""

    def forget(self, entities: IndexArray) -> None:
        """What was told stays told; whose episode it was is forgotten."""
        owner = self.state.owner
        owner[np.isin(owner, entities + 1)] = 0

    def arrays(self, entities: int) -> Arrays:
        """A copy of the ring."""
        return super().arrays(1)


@lean
def bar(state: BudgetState, ring: int, now: int, stretch: int) -> float:
    """The ratio that a new episode must exceed to be told; -inf where the budget has room."""
    told_at, peak, _ = state
    lowest = np.inf if told_at.shape[1] > 0 else -np.inf
    for slot in range(told_at.shape[1]):
        # Clocks of a fleet differ: a slot is near, or it is not, in both directions.
        if told_at[ring, slot] == 0 or abs(now - told_at[ring, slot]) >= stretch:
            return -np.inf
        lowest = min(lowest, peak[ring, slot])
    return lowest


@lean
def spend(state: BudgetState, ring: int, entity: int, now: int, stretch: int, ratio: float) -> None:
    """Tell an episode of this entity: it takes a free slot, or that of the lowest peak.

    Of several such slots, that of the episode longest ago.
    """
    told_at, peak, owner = state
    free, lowest = -1, 0
    for slot in range(told_at.shape[1]):
        if told_at[ring, slot] == 0 or abs(now - told_at[ring, slot]) >= stretch:
            if free < 0 or told_at[ring, slot] < told_at[ring, free]:
                free = slot
        elif peak[ring, slot] < peak[ring, lowest] or (
            peak[ring, slot] == peak[ring, lowest] and told_at[ring, slot] < told_at[ring, lowest]
        ):
            lowest = slot
    if told_at.shape[1] > 0:
        taken = free if free >= 0 else lowest
        told_at[ring, taken], peak[ring, taken], owner[ring, taken] = now, ratio, entity + 1


@lean
def follow(state: BudgetState, ring: int, entity: int, ratio: float) -> None:
    """The open episode of this entity has a new peak; its slot, where it still has one, says so."""
    _, peak, owner = state
    for slot in range(owner.shape[1]):
        if owner[ring, slot] == entity + 1:
            peak[ring, slot] = ratio


@lean
def let_go(state: BudgetState, ring: int, entity: int) -> None:
    """The episode of this entity is over: its peak stands."""
    owner = state[2]
    for slot in range(owner.shape[1]):
        if owner[ring, slot] == entity + 1:
            owner[ring, slot] = 0
