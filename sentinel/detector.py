"""The detector: readings in, scores and episode events out. One detector serves every source.

Whatever the cuts between poll batches, the same readings give the same bits: every state belongs to
one entity and advances reading by reading, and no window shares a sum with another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sentinel.alert import episodes as machine
from sentinel.alert.episodes import Advance, EpisodeRules, Episodes
from sentinel.fitted import FittedModel, Scorer
from sentinel.model.prepared import Backend
from sentinel.records import (
    Contribution,
    EpisodeEvent,
    FloatArray,
    Readings,
    Scores,
    Status,
    TimeArray,
)
from sentinel.score.hold import hold_last
from sentinel.score.reconstruction import WindowScores, shares
from sentinel.window.rings import Outcome, Rings


@dataclass(frozen=True, slots=True)
class Detection:
    """What a batch of readings led to: a score per reading, and the events in their order."""

    scores: Scores
    events: Sequence[EpisodeEvent]
    windows: int


@dataclass(frozen=True, slots=True)
class _Run:
    """Rows of a batch that went through the rings in one go, from `start`, and their windows."""

    readings: Readings
    start: int
    windows: TimeArray
    found: WindowScores | None


class Detector:
    """Scores readings of any number of entities, and follows each one's episode.

    backend    which kernels score, on how many threads; default: the portable ones, on one
    threshold  anomaly_score at which score_ratio is 1; default: the model's
    """

    def __init__(
        self,
        model: FittedModel,
        rules: EpisodeRules,
        *,
        backend: Backend | None = None,
        window_stride: int = 0,
        max_gap_ns: int = 0,
        threshold_scale: float = 1.0,
    ) -> None:
        self.model = model
        self.backend = backend or Backend()
        self.scorer = Scorer(model, self.backend)
        self.threshold = model.threshold * threshold_scale
        self.rings = Rings(
            model.scaling,
            model.window_length,
            window_stride or model.window_stride,
            max_gap_ns or model.max_gap_ns,
        )
        self.episodes = Episodes(rules)
        self.last_score = np.full(0, np.nan)
        self._peaks: dict[int, tuple[Contribution, ...]] = {}

    def process(self, readings: Readings) -> Detection:
        """Score readings in arrival order. Odd readings raise nothing: their status says it."""
        if len(readings):
            self._make_room(int(readings.entity.max()) + 1)
        n = len(readings)
        outcome = Outcome.of(n)
        ratio, anomaly_score = np.full(n, np.nan), np.full(n, np.nan)
        is_anomaly = np.zeros(n, np.bool_)
        events: list[EpisodeEvent] = []
        start, windows = 0, 0
        while start < n:
            taken = self.rings.fill(readings, start, outcome)
            rows = slice(start, taken.stop)
            found = None
            if len(taken.windows):
                found = self.scorer.score(*self.rings.rows_of(taken.places))
                anomaly_score[taken.windows] = found.anomaly_score
                ratio[taken.windows] = found.anomaly_score / self.threshold
            advance = self.episodes.advance(
                readings.entity[rows], readings.time_ns[rows], ratio[rows],
                outcome.restarted[rows], outcome.missing[rows],
                outcome.status[rows] == Status.LATE, is_anomaly[rows],
            )  # fmt: skip
            hold_last(readings.entity[rows], anomaly_score[rows], self.last_score)
            run = _Run(readings, start, taken.windows, found)
            events += self._events(run, advance, anomaly_score)
            self._remember_peaks(run, advance.peak_rows)
            windows += len(taken.windows)
            start = taken.stop
        scores = Scores(
            anomaly_score,
            anomaly_score / self.threshold,
            is_anomaly,
            outcome.status,
            outcome.filled,
        )
        return Detection(scores, events, windows)

    def prime(self, readings: Readings) -> None:
        """Fill the windows with readings that came before, without scoring them."""
        n = len(readings)
        if not n:
            return
        self._make_room(int(readings.entity.max()) + 1)
        outcome = Outcome.of(n)
        start = 0
        while start < n:
            start = self.rings.fill(readings, start, outcome).stop
        # Whatever the stride, the reading that follows has a window of its own.
        self.rings.score_next()

    def forget(self, entities: Sequence[int]) -> None:
        """Drop all state of these entities; they begin anew."""
        known = np.array([e for e in entities if e < len(self.last_score)], np.int32)
        self.rings.forget(known)
        self.episodes.forget(known)
        self.last_score[known] = np.nan
        for entity in entities:
            self._peaks.pop(int(entity), None)

    def entity_states(self) -> dict[str, int]:
        """Number of entities seen by state: ok, warming, anomalous."""
        seen = self.rings.state.last_ns > 0
        anomalous = seen & self.episodes.state.is_open
        ok = seen & ~anomalous & (self.rings.state.filled == self.model.window_length)
        return {
            "ok": int(ok.sum()),
            "warming": int(seen.sum() - ok.sum() - anomalous.sum()),
            "anomalous": int(anomalous.sum()),
        }

    def episodes_open(self) -> int:
        """Number of open episodes."""
        return int(self.episodes.state.is_open.sum())

    def warm_up(self) -> None:
        """Compile (or load) every kernel, so that none is compiled once readings flow."""
        throwaway = Detector(self.model, self.episodes.rules, backend=self.backend)
        count = self.model.window_length + 1
        step = max(1, min(self.model.interval_ns, self.model.max_gap_ns))
        values = np.tile(self.model.scaling.centre, (count, 1))
        offsets = np.arange(count, dtype=np.int64)
        zeros = np.zeros(count, np.int32)
        throwaway.process(Readings(zeros, (offsets + 1) * step, zeros, offsets, values))

    def _make_room(self, entities: int) -> None:
        have = len(self.last_score)
        if entities <= have:
            return
        room = max(entities, 2 * have, 16)
        self.rings.grow(room)
        self.episodes.grow(room)
        self.last_score = np.concatenate([self.last_score, np.full(room - have, np.nan)])

    def _events(self, run: _Run, advance: Advance, anomaly_score: FloatArray) -> list[EpisodeEvent]:
        events = []
        for fields, (ratio, peak_ratio) in zip(
            advance.transitions.tolist(), advance.ratios.tolist(), strict=True
        ):
            row, entity, kind, start_ns, updates, count, missing, late, peak_row = fields
            if peak_row >= 0:
                self._peaks[entity] = self._contributions(run, peak_row)
            events.append(
                EpisodeEvent(
                    entity=entity,
                    row=run.start + row,
                    state=machine.STATE_NAMES[kind],
                    start_ns=start_ns,
                    time_ns=int(run.readings.time_ns[run.start + row]),
                    update=updates,
                    anomaly_score=float(anomaly_score[run.start + row]),
                    score_ratio=ratio,
                    peak_ratio=peak_ratio,
                    threshold=self.threshold,
                    readings=count,
                    missing_values=missing,
                    late_readings=late,
                    contributions=self._peaks[entity],
                    reason="gap" if kind == machine.RESOLVED_BY_GAP else "",
                )
            )
            if machine.STATE_NAMES[kind] == "resolved":
                del self._peaks[entity]
        return events

    def _remember_peaks(self, run: _Run, peak_rows: TimeArray) -> None:
        """Keep what made an open episode's worst window so far, before its ring moves on."""
        for entity in np.flatnonzero(peak_rows >= 0).tolist():
            self._peaks[entity] = self._contributions(run, int(peak_rows[entity]))

    def _contributions(self, run: _Run, row: int) -> tuple[Contribution, ...]:
        """Largest share first, of the window that the run's `row` completed."""
        assert run.found is not None
        row += run.start
        window = int(np.searchsorted(run.windows, row))
        share = shares(run.found.channel_errors[window], self.model.error_scale)
        expected = self.model.scaling.invert(run.found.expected[window])
        return tuple(
            Contribution(
                self.model.channels[f],
                float(share[f]),
                float(run.readings.values[row, f]),
                float(expected[f]),
            )
            for f in np.argsort(-share, kind="stable").tolist()
        )
