"""Episodes, put together again from the events that a detector sent of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sentinel.records import Contribution, EpisodeEvent, Suppressed


@dataclass(frozen=True, slots=True)
class Episode:
    """One episode of one entity, as far as the events tell.

    entity         index into the source's list of entity names
    opened_row     the reading that opened it, counted over all that the detector was given
    stop_row       the first reading that is no longer in it; None: it is open to this day
    told_row       the reading that caused the newest event
    start_ns       time of the first reading that counted towards the opening
    opened_ns      time of the reading that opened it
    end_ns         time of the reading that resolved it; None: open
    peak_ratio     highest score ratio
    told_ratio     the highest that an event told of
    contributions  by channel, largest share first, of the reading that had it
    reason         why it resolved, where it was not by calm: gap
    """

    entity: int
    opened_row: int
    stop_row: int | None
    told_row: int
    start_ns: int
    opened_ns: int
    end_ns: int | None
    peak_ratio: float
    told_ratio: float
    contributions: tuple[Contribution, ...]
    reason: str = ""


class EpisodeLog:
    """Follows the events of a detector; an entity has one open episode at most.

    withheld_by  what can withhold an episode, for people
    suppressed   episodes that were never told, in the order of their ends
    """

    def __init__(self, withheld_by: str = "") -> None:
        self.withheld_by = withheld_by
        self.episodes: list[Episode] = []
        self.suppressed: list[Suppressed] = []
        self._open: dict[int, int] = {}

    def add(self, events: Iterable[EpisodeEvent], first_row: int) -> None:
        """The events of one batch, whose first reading is the detector's `first_row`."""
        for event in events:
            row = first_row + event.row
            if event.state == "opened":
                self._open[event.entity] = len(self.episodes)
                self.episodes.append(_opened(event, row))
                continue
            place = self._open[event.entity]
            known = replace(
                self.episodes[place],
                told_row=row,
                peak_ratio=event.peak_ratio,
                told_ratio=event.peak_ratio,
                contributions=event.contributions,
            )
            if event.state == "resolved":
                del self._open[event.entity]
                known = replace(known, stop_row=row, end_ns=event.time_ns, reason=event.reason)
            self.episodes[place] = known


def _opened(event: EpisodeEvent, row: int) -> Episode:
    return Episode(
        entity=event.entity,
        opened_row=row,
        stop_row=None,
        told_row=row,
        start_ns=event.start_ns,
        opened_ns=event.time_ns,
        end_ns=None,
        peak_ratio=event.peak_ratio,
        told_ratio=event.peak_ratio,
        contributions=event.contributions,
    )
