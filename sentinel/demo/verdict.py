"""What the episodes of a replay are worth, against the known failures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sentinel.demo.dataset import KnownFailure


@dataclass(frozen=True, slots=True)
class DemoEpisode:
    """An episode as read back from the events topic; end None: still open."""

    opened: datetime
    end: datetime | None
    peak_ratio: float

    def warns_of(self, failure: KnownFailure) -> bool:
        """Whether the episode opened in the failure's window: an older one says little of it."""
        return failure.window_start <= self.opened <= failure.window_end

    def overlaps(self, failure: KnownFailure) -> bool:
        """Whether the episode stands anywhere in the failure's window."""
        return self.opened <= failure.window_end and (
            self.end is None or self.end >= failure.window_start
        )


@dataclass(frozen=True, slots=True)
class Caught:
    """A known failure, and the first episode in its window with its lead (positive: ahead)."""

    failure: KnownFailure
    episode: DemoEpisode | None

    @property
    def lead(self) -> timedelta | None:
        """How long before the failure the episode opened; negative: after it."""
        return self.failure.at - self.episode.opened if self.episode else None


def judge(
    failures: Sequence[KnownFailure], episodes: Sequence[DemoEpisode]
) -> tuple[list[Caught], list[DemoEpisode]]:
    """Each failure with the episode that caught it, and the episodes that belong to none."""
    caught = [
        Caught(failure, next((e for e in episodes if e.warns_of(failure)), None))
        for failure in failures
    ]
    false = [e for e in episodes if not any(e.overlaps(failure) for failure in failures)]
    return caught, false
