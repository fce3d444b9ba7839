"""What the episodes of a replay are worth, against the known anomalies and against chance.

caught   an episode opens inside the labelled window: one that was open before says little of it
false    an episode that shares no time with any labelled window
neither  what is left: opened before a window and open into it, or one more inside it
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from sentinel.backtest.intervals import meeting
from sentinel.demo.dataset import KnownFailure, times_ns, windows_ns

WEEK = timedelta(weeks=1)


@dataclass(frozen=True, slots=True)
class DemoEpisode:
    """An episode as read back from the events topic.

    end     None: still open
    unseen  its worst reading lies outside all that the fitted history held
    """

    opened: datetime
    end: datetime | None
    peak_ratio: float
    unseen: bool


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

    false_unseen      false ones whose worst reading lies outside all that the history held
    caught_by_chance  failures that as many episodes, opened at random times, would catch on average
    open_share        share of the replayed time in which an episode was open
    """

    replayed: Replayed
    failures: tuple[Caught, ...]
    episodes: int
    false: int
    false_unseen: int
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
    """Hold the episodes, in any order, against the known failures."""
    episodes = sorted(episodes, key=lambda episode: episode.opened)
    span = replayed.last - replayed.first
    lasted = [(e.end or replayed.last) - e.opened for e in episodes]
    opened_ns = times_ns([e.opened for e in episodes])
    end_ns = times_ns([e.end or replayed.last for e in episodes])
    window = windows_ns(failures)
    # The first that opens at or behind a window's beginning is the one, where any warned.
    warnings = meeting(*window, opened_ns, opened_ns)
    first = np.searchsorted(opened_ns, window[0])
    caught = [
        Caught(failure, episodes[index] if warned else None)
        for failure, index, warned in zip(failures, first.tolist(), warnings.tolist(), strict=True)
    ]
    false = meeting(opened_ns, end_ns, *window) == 0
    unseen = np.array([e.unseen for e in episodes], np.bool_)
    return Verdict(
        replayed,
        tuple(caught),
        len(episodes),
        int(false.sum()),
        int((false & unseen).sum()),
        sum(
            1 - (1 - (failure.window_end - failure.window_start) / span) ** len(episodes)
            for failure in failures
        ),
        sum(lasted, timedelta()) / span,
    )
