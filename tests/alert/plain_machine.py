"""The episode machine in plain Python, one entity at a time, over whole lists of scores."""

from __future__ import annotations

from dataclasses import dataclass, field

from sentinel.alert.episodes import EpisodeRules


@dataclass(frozen=True)
class Row:
    """A reading as the machine sees it; ratio None: it has no window of its own."""

    entity: int
    time_ns: int
    ratio: float | None
    restarted: bool
    missing: int
    late: bool = False


@dataclass(frozen=True)
class Transition:
    """What must come of it; row counts from the first of all readings."""

    row: int
    entity: int
    state: str
    start_ns: int
    updates: int
    readings: int
    missing: int
    late: int
    ratio: float
    peak: float
    peak_row: int
    by_gap: bool = False


@dataclass
class PlainMachine:
    """Remembers every score since the entity was last at rest."""

    rules: EpisodeRules
    closed: list[tuple[int, Row]] = field(default_factory=list)
    episode: list[tuple[int, Row]] | None = None
    opened_with: int = 0
    told_ns: int = 0
    updates: int = 0
    newest: float = 0.0
    late: int = 0

    def step(self, number: int, row: Row) -> tuple[Transition | None, bool]:
        """The transition that this row causes, and whether it lies inside an open episode."""
        if row.restarted:
            found = self._tell(number, row, "resolved", by_gap=True) if self.episode else None
            self._rest()
            return found, False
        if row.ratio is None:
            self.late += row.late
            return None, self.episode is not None
        self.newest = row.ratio
        found = self._inside(number, row) if self.episode else self._outside(number, row)
        return found, self.episode is not None

    def _outside(self, number: int, row: Row) -> Transition | None:
        self.closed.append((number, row))
        newest = self.closed[-self.rules.open_window :]
        exceeding = [k for k, (_, r) in enumerate(newest) if r.ratio is not None and r.ratio >= 1]
        assert row.ratio is not None
        if row.ratio < 1 or len(exceeding) < self.rules.open_count:
            return None
        self.episode = newest[exceeding[0] :]
        self.opened_with = len(self.episode) - 1
        self.updates = self.late = 0
        return self._tell(number, row, "opened")

    def _inside(self, number: int, row: Row) -> Transition | None:
        assert self.episode is not None
        self.episode.append((number, row))
        since_opening = self.episode[self.opened_with + 1 :]
        calm = since_opening[-self.rules.close_count :]
        if len(calm) == self.rules.close_count and all(
            r.ratio is not None and r.ratio < self.rules.close_ratio for _, r in calm
        ):
            found = self._tell(number, row, "resolved")
            self._rest()
            return found
        interval = self.rules.update_interval_ns
        if interval and row.time_ns - self.told_ns >= interval:
            self.updates += 1
            return self._tell(number, row, "updated")
        return None

    def _tell(self, number: int, row: Row, state: str, *, by_gap: bool = False) -> Transition:
        assert self.episode is not None
        self.told_ns = row.time_ns
        since_opening = self.episode[self.opened_with :]
        peak = max(r.ratio or 0.0 for _, r in since_opening)
        return Transition(
            row=number,
            entity=row.entity,
            state=state,
            start_ns=self.episode[0][1].time_ns,
            updates=self.updates,
            readings=len(self.episode),
            missing=sum(r.missing for _, r in since_opening),
            late=self.late,
            ratio=self.newest,
            peak=peak,
            peak_row=next(k for k, r in since_opening if (r.ratio or 0.0) == peak),
            by_gap=by_gap,
        )

    def _rest(self) -> None:
        self.closed, self.episode = [], None
