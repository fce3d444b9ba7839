"""When episodes begin, end and are told: the rules, and those that suit each kind of model."""

from __future__ import annotations

from dataclasses import dataclass

from sentinel.alert.budget import SLOTS_MAX
from sentinel.records import NS_PER_S


@dataclass(frozen=True, slots=True)
class EpisodeRules:
    """When an episode opens, is updated and resolves, and when it is withheld.

    open_count, open_window  begins when this many of so many newest scores have a ratio >= 1
    close_ratio, close_count resolves after so many scores in a row with a ratio below close_ratio
    fade_ratio               or below this part of the episode's peak; then, until a score is below
                             close_ratio, another one begins only above that peak: what a fault
                             left changed is not a fault of its own. 0: never
    update_interval_ns       an open episode is updated so often, by the readings' own time
    cooldown_ns              for so long after one resolved, the entity's next opens only with a
                             higher peak
    budget_count             once so many were told within the stretch below, another one opens only
                             with a peak above the lowest of theirs; at most SLOTS_MAX, 0: no budget
    budget_readings          the stretch in scores of the entity, or
    budget_ns                in the readings' own time: one of the two
    budget_fleet             one budget for all entities, by time; else one for each entity
    """

    open_count: int = 3
    open_window: int = 4
    close_ratio: float = 0.8
    close_count: int = 20
    fade_ratio: float = 0.0
    update_interval_ns: int = 3600 * NS_PER_S
    cooldown_ns: int = 0
    budget_count: int = 0
    budget_readings: int = 0
    budget_ns: int = 0
    budget_fleet: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.budget_count <= SLOTS_MAX:
            raise ValueError(f"a budget is of 0 to {SLOTS_MAX} episodes, not {self.budget_count}")
        if self.budget_count and (self.budget_readings > 0) == (self.budget_ns > 0):
            raise ValueError("a budget is for a stretch of readings, or for one of time")
        if self.budget_fleet and not self.budget_ns:
            raise ValueError("the budget of a fleet is for a stretch of time")

    @property
    def withheld_by(self) -> str:
        """What can withhold an episode, for people; empty: nothing can."""
        found = []
        if self.budget_count and self.budget_readings:
            readings = f"{self.budget_readings:,} readings"
            found.append(f"the model's limit ({self.budget_count} in {readings})")
        elif self.budget_count:
            found.append("the alert budget (alerts_per_day)")
        if self.cooldown_ns:
            found.append("the cooldown (cooldown_s)")
        return " or ".join(found)


RECONSTRUCT_RULES = EpisodeRules()
# Scores of these kinds are smoothed already: one is enough to begin, and half of it is no calm yet.
SMOOTHED_RULES = EpisodeRules(
    open_count=1,
    open_window=1,
    close_ratio=0.5,
    close_count=20,
    fade_ratio=0.4,
    budget_count=3,
    budget_readings=10_000,
)
SMOOTHED_KINDS = ("joint", "forecast", "light")
# The threshold of their scores, which are calibrated to the tail of normal ones (in units of
# -ln(probability) up to 90 %, linear above), where the history says nothing better.
SMOOTHED_THRESHOLD = 12.0


def recommended_rules(kind: str) -> EpisodeRules:
    """The rules that a kind of model was measured with."""
    return SMOOTHED_RULES if kind in SMOOTHED_KINDS else RECONSTRUCT_RULES
