"""What the episodes of a replay are worth, against the known anomalies and against chance.

caught   an episode opens inside the labelled window: one that was open before says little of it
false    an episode that shares no time with any labelled window
neither  what is left: opened before a window and open into it, or one more inside it
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sentinel.demo.dataset import KnownFailure

WEEK = timedelta(weeks=1)


@dataclass(frozen=True, slots=True)
class DemoEpisode:
    """An episode as read back from the events topic; end None: still open."""

    opened: datetime
    end: datetime | None
    peak_ratio: float

    def warns_of(self, failure: KnownFailure) -> bool:
        """Whether the episode opened in the failure's window."""
        return failure.window_start <= self.opened <= failure.window_end

    def overlaps(self, failure: KnownFailure) -> bool:
        """Whether the episode stands anywhere in the failure's window."""
        return self.opened <= failure.window_end and (
            self.end is None or self.end >= failure.window_start
        )


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was replayed: the times of the first and the last of `readings`, of one machine."""

    first: datetime
    last: datetime
    readings: int


@dataclass(frozen=True, slots=True)
class Caught:
    """A known failure, and the first episode in its window with its lead (positive: ahead)."""

    failure: KnownFailure
    episode: DemoEpisode | None

    @property
    def lead(self) -> timedelta | None:
        """How long before the failure the episode opened; negative: after it."""
        return self.failure.at - self.episode.opened if self.episode else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Each known failure with the episode that caught it, and what it cost.

    caught_by_chance  failures that as many episodes, opened at random times, would catch on average
    open_share        share of the replayed time in which an episode was open
    """

    replayed: Replayed
    failures: tuple[Caught, ...]
    episodes: int
    false: int
    caught_by_chance: float
    open_share: float

    @property
    def caught(self) -> int:
        """How many of the failures were caught."""
        return sum(1 for one in self.failures if one.episode)

    @property
    def false_per_week(self) -> float:
        """False episodes in a week of the machine."""
        return self.false * (WEEK / (self.replayed.last - self.replayed.first))

    @property
    def false_per_10_000(self) -> float:
        """False episodes in ten thousand readings."""
        return self.false * 10_000 / self.replayed.readings


def judge(
    failures: Sequence[KnownFailure], episodes: Sequence[DemoEpisode], replayed: Replayed
) -> Verdict:
    """Hold the episodes, in the order of their opening, against the known failures."""
    span = replayed.last - replayed.first
    opened = sum(((e.end or replayed.last) - e.opened for e in episodes), timedelta())
    return Verdict(
        replayed,
        tuple(
            Caught(failure, next((e for e in episodes if e.warns_of(failure)), None))
            for failure in failures
        ),
        len(episodes),
        sum(not any(e.overlaps(failure) for failure in failures) for e in episodes),
        sum(
            1 - (1 - (failure.window_end - failure.window_start) / span) ** len(episodes)
            for failure in failures
        ),
        opened / span,
    )
