"""The episode machine in plain Python, one entity at a time, over whole lists of scores."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

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
    severity: str
    by_gap: bool = False


@dataclass
class Episode:
    """All readings from the first exceedance on; those before `begun` made it begin."""

    readings: list[tuple[int, Row]]
    begun: int
    is_told: bool = False
    updates: int = 0
    late: int = 0

    @property
    def since_begun(self) -> list[tuple[int, Row]]:
        return self.readings[self.begun :]

    @property
    def peak(self) -> float:
        return max(row.ratio or 0.0 for _, row in self.readings)

    def is_calm(self, k: int, rules: EpisodeRules) -> bool:
        """Whether its k-th reading, after the one that made it begin, counts towards its end."""
        before = max(row.ratio or 0.0 for _, row in self.readings[:k])
        ratio = self.readings[k][1].ratio or 0.0
        return ratio < max(rules.close_ratio, rules.fade_ratio * before)


@dataclass
class PlainBudget:
    """Of the told episodes, the highest: whole episodes, so that their peaks are always the true.

    Only what stood when another was told is compared, so a memory of this many is enough.
    """

    rules: EpisodeRules
    told: list[tuple[int, Episode]] = field(default_factory=list)

    def _near(self, now: int) -> list[tuple[int, Episode]]:
        stretch = self.rules.budget_readings or self.rules.budget_ns
        return [(at, episode) for at, episode in self.told if now - at < stretch]

    def allows(self, now: int, peak: float) -> bool:
        near = self._near(now)
        count = self.rules.budget_count
        return len(near) < count or not count or peak > min(e.peak for _, e in near)

    def tell(self, now: int, episode: Episode) -> None:
        near = sorted(self._near(now), key=lambda told: (told[1].peak, told[0]))
        self.told = [*near[len(near) == self.rules.budget_count :], (now, episode)]


@dataclass
class PlainMachine:
    """Remembers every score since the entity was last at rest."""

    rules: EpisodeRules
    budget: PlainBudget
    closed: list[tuple[int, Row]] = field(default_factory=list)
    episode: Episode | None = None
    faded: Episode | None = None
    resolved: tuple[int, Episode] | None = None
    told_ns: int = 0
    newest: float = 0.0
    scores: int = 0

    def step(self, number: int, row: Row) -> tuple[Transition | None, bool]:
        """The transition that this row causes, and whether it lies inside an open episode."""
        found = self._step(number, row)
        return found, self.episode is not None and self.episode.is_told

    def _step(self, number: int, row: Row) -> Transition | None:
        if row.restarted:
            return self._end(number, row, by_gap=True)
        if row.ratio is None:
            if self.episode:
                self.episode.late += row.late
            return None
        self.newest = row.ratio
        self.scores += 1
        if self.episode:
            self.episode.readings.append((number, row))
            return self._inside(number, row)
        return self._outside(number, row)

    def _outside(self, number: int, row: Row) -> Transition | None:
        self.closed.append((number, row))
        newest = self.closed[-self.rules.open_window :]
        if self.newest < self.rules.close_ratio:
            self.faded = None
        if self.faded and self.newest <= self.faded.peak:
            self.closed[-1] = number, replace(row, ratio=0.0)
            return None
        exceeding = [k for k, (_, r) in enumerate(newest) if r.ratio is not None and r.ratio >= 1]
        if self.newest < 1 or len(exceeding) < self.rules.open_count:
            return None
        readings = newest[exceeding[0] :]
        self.episode = Episode(readings, len(readings) - 1)
        return self._open(number, row)

    def _inside(self, number: int, row: Row) -> Transition | None:
        assert self.episode is not None
        count, last = len(self.episode.readings), self.rules.close_count
        if count - last > self.episode.begun and all(
            self.episode.is_calm(k, self.rules) for k in range(count - last, count)
        ):
            ended = self.episode
            found = self._end(number, row)
            self.faded = ended if self.newest >= self.rules.close_ratio else None
            return found
        if not self.episode.is_told:
            return self._open(number, row)
        interval = self.rules.update_interval_ns
        if interval and row.time_ns - self.told_ns >= interval:
            self.episode.updates += 1
            return self._tell(number, row, "updated")
        return None

    def _open(self, number: int, row: Row) -> Transition | None:
        assert self.episode is not None
        now = self.scores if self.rules.budget_readings else row.time_ns
        peak = self.episode.peak
        if self.newest < 1 or not self.budget.allows(now, peak):
            return None
        if self.resolved:
            ended_ns, last = self.resolved
            if row.time_ns - ended_ns < self.rules.cooldown_ns and peak <= last.peak:
                return None
        self.budget.tell(now, self.episode)
        self.episode.is_told = True
        return self._tell(number, row, "opened")

    def _end(self, number: int, row: Row, *, by_gap: bool = False) -> Transition | None:
        found = None
        if self.episode and not self.episode.is_told:
            found = self._tell(number, row, "suppressed", by_gap=False)
        elif self.episode:
            found = self._tell(number, row, "resolved", by_gap=by_gap)
            self.resolved = row.time_ns, self.episode
        self.closed, self.episode, self.faded = [], None, None
        return found

    def _tell(self, number: int, row: Row, state: str, *, by_gap: bool = False) -> Transition:
        assert self.episode is not None
        self.told_ns = row.time_ns
        episode, peak = self.episode, self.episode.peak
        loud = [
            k + 1
            for k in range(len(episode.readings))
            if k <= episode.begun or not episode.is_calm(k, self.rules)
        ]
        weight = peak * peak * loud[-1]
        return Transition(
            row=number,
            entity=row.entity,
            state=state,
            start_ns=episode.readings[0][1].time_ns,
            updates=episode.updates,
            readings=len(episode.readings),
            missing=sum(r.missing for _, r in episode.since_begun),
            late=episode.late,
            ratio=self.newest,
            peak=peak,
            peak_row=next(k for k, r in episode.readings if (r.ratio or 0.0) == peak),
            severity="critical" if weight >= 1000 else "warning" if weight >= 10 else "info",
            by_gap=by_gap,
        )
