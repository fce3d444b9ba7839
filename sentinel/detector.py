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
from sentinel.alert.severity import SEVERITIES
from sentinel.alert.thresholds import ThresholdSettings, make_threshold
from sentinel.entities import EntityArrays, Parts
from sentinel.fitted import FittedModel
from sentinel.model.device import Device, call_windows
from sentinel.model.prepared import Backend
from sentinel.records import (
    EpisodeEvent,
    FloatArray,
    Readings,
    Scores,
    Status,
    Suppressed,
)
from sentinel.score.hold import LastScores, hold_last
from sentinel.scorers import make_scorer
from sentinel.scorers.run import Run, RunScores
from sentinel.scorers.worst import WorstScores
from sentinel.snapshot import Snapshot
from sentinel.window.rings import Outcome, Rings


@dataclass(frozen=True, slots=True)
class Reasons:
    """What the scores of N readings are made of; NaN where a reading has no score of its own.

    expected  (N, F) raw units: what the model took for usual: its forecast, else its reconstruction
    shares    (N, F) what part of the score each channel makes up
    """

    expected: FloatArray
    shares: FloatArray

    @classmethod
    def unknown(cls, readings: int, channels: int) -> Reasons:
        """Of no reading yet."""
        return cls(np.full((readings, channels), np.nan), np.full((readings, channels), np.nan))


@dataclass(frozen=True, slots=True)
class Detection:
    """What a batch of readings led to: a score per reading, and the events in their order.

    windows     readings with a score of their own
    suppressed  episodes that ended in it untold: the model's limit, a budget or a cooldown withheld
                them
    reasons     what the scores are made of, where it was asked for
    """

    scores: Scores
    events: Sequence[EpisodeEvent]
    windows: int
    suppressed: Sequence[Suppressed]
    reasons: Reasons | None = None


class Detector:
    """Scores readings of any number of entities, and follows each one's episode.

    backend    which kernels score, on how many threads; default: the portable ones, on one
    threshold  what an anomaly_score is compared with; default: the model's own threshold
    """

    def __init__(
        self,
        model: FittedModel,
        rules: EpisodeRules,
        *,
        backend: Device | None = None,
        window_stride: int = 0,
        max_gap_ns: int = 0,
        threshold: ThresholdSettings | None = None,
        threshold_scale: float = 1.0,
    ) -> None:
        self.model = model
        self.backend = backend or Backend()
        window_stride = window_stride or model.window_stride
        self.scorer = make_scorer(model, window_stride, self.backend)
        self.threshold_settings = threshold or ThresholdSettings()
        self.threshold_scale = threshold_scale
        self.thresholds = make_threshold(
            self.threshold_settings, model.threshold, model.calibration_scores
        )
        self.rings = Rings(
            model.scaling,
            model.window_length,
            window_stride,
            max_gap_ns or model.max_gap_ns,
            windows_max=call_windows(self.backend, len(model.channels)),
            # The work of a fleet whose machines report together is spread over its readings.
            in_turn=model.recipe is not None,
        )
        self.episodes = Episodes(rules)
        self.worst = WorstScores(model, rules.open_window)
        self._last = EntityArrays(LastScores(np.full(1, np.nan)))
        self._parts = Parts(
            rings=self.rings, scorer=self.scorer, threshold=self.thresholds,
            episodes=self.episodes, worst=self.worst, last=self._last,
        )  # fmt: skip

    def process(
        self, readings: Readings, names: Sequence[str] = (), *, reasons: bool = False
    ) -> Detection:
        """Score readings in arrival order. Odd readings raise nothing: their status says it.

        names    of the entities, which share out the work by them
        reasons  tell of every reading what its score is made of
        """
        self._make_room(readings, names)
        n = len(readings)
        outcome = Outcome.of(n)
        ratio, anomaly_score = np.full(n, np.nan), np.full(n, np.nan)
        threshold, is_anomaly = np.empty(n), np.zeros(n, np.bool_)
        events: list[EpisodeEvent] = []
        made_of = Reasons.unknown(n, len(self.model.channels)) if reasons else None
        suppressed: list[Suppressed] = []
        start, windows = 0, 0
        while start < n:
            run = self._take(readings, start, outcome)
            found, here = self.scorer.score(run), run.here
            anomaly_score[found.row] = found.anomaly_score
            threshold[here] = self.threshold_scale * self.thresholds.advance(
                readings.entity[here], anomaly_score[here]
            )
            ratio[here] = anomaly_score[here] / threshold[here]
            outcome.status[found.row] = Status.OK
            advance = self.episodes.advance(
                readings.entity[here], readings.time_ns[here], ratio[here],
                outcome.restarted[here], outcome.missing[here],
                outcome.status[here] == Status.LATE, is_anomaly[here],
            )  # fmt: skip
            hold_last(readings.entity[here], anomaly_score[here], self._last.state.score)
            events += self._events(run, found, advance, anomaly_score, threshold, suppressed)
            entity, slot = np.nonzero(advance.worst_rows >= 0)
            self.worst.keep(run, found, entity, slot, advance.worst_rows[entity, slot])
            if made_of is not None:
                made_of.expected[found.row] = self.model.scaling.invert(found.expected)
                made_of.shares[found.row] = found.shares
            windows += len(found.row)
            start = run.taken.stop
        scores = Scores(
            anomaly_score,
            anomaly_score / threshold,
            is_anomaly,
            outcome.status,
            outcome.filled,
        )
        return Detection(scores, events, windows, suppressed, made_of)

    def prime(self, readings: Readings, names: Sequence[str] = ()) -> None:
        """Take in readings that came before: nobody is told their scores, and no episode opens."""
        n = len(readings)
        if not n:
            return
        self._make_room(readings, names)
        outcome = Outcome.of(n)
        start = 0
        while start < n:
            run = self._take(readings, start, outcome)
            if self.model.recipe is not None:
                found, here = self.scorer.score(run), run.here
                anomaly_score = np.full(n, np.nan)
                anomaly_score[found.row] = found.anomaly_score
                self.thresholds.advance(readings.entity[here], anomaly_score[here])
                hold_last(readings.entity[here], anomaly_score[here], self._last.state.score)
            start = run.taken.stop
        if self.model.recipe is None:
            # Whatever the stride, the reading that follows has a window of its own.
            self.rings.score_next()

    def _take(self, readings: Readings, start: int, outcome: Outcome) -> Run:
        taken = self.rings.fill(readings, start, outcome)
        return Run(readings, start, taken, outcome, self.rings)

    def forget(self, entities: Sequence[int]) -> None:
        """Drop all state of these entities; they begin anew."""
        room = len(self._last.state.score)
        self._parts.forget(np.array([e for e in entities if e < room], np.int32))

    def snapshot(self) -> Snapshot:
        """All that is remembered, as a value of its own."""
        seen = np.flatnonzero(self.rings.state.filled)
        entities = int(seen[-1]) + 1 if len(seen) else 0
        return Snapshot(self._settings(), entities, self._parts.arrays(entities))

    def restore(self, snapshot: Snapshot) -> None:
        """Go on from a snapshot as if nothing had happened since; what was remembered is dropped.

        Raises  ModelError where it was taken with another model or other settings, or is damaged;
                then everything stays as it was
        """
        snapshot.check(self._settings(), self._parts.arrays(0))
        self._parts.restore(snapshot.arrays)

    def _settings(self) -> dict[str, str]:
        """What a snapshot depends on."""
        model, rings = self.model, self.rings
        return {
            "model": model.version or "never stored",
            "kind": model.kind,
            "channels": repr(model.channels),
            "window_length": str(model.window_length),
            "window_stride": str(rings.window_stride),
            "max_gap_ns": str(rings.max_gap_ns),
            "threshold": repr(self.threshold_settings),
            "threshold_scale": repr(self.threshold_scale),
            "rules": repr(self.episodes.rules),
        }

    def entity_states(self) -> dict[str, int]:
        """Number of entities seen by state: ok, warming, anomalous."""
        seen = self.rings.state.last_ns > 0
        anomalous = seen & self.episodes.is_open
        ok = seen & ~anomalous & (self.rings.state.filled == self.model.window_length)
        return {
            "ok": int(ok.sum()),
            "warming": int(seen.sum() - ok.sum() - anomalous.sum()),
            "anomalous": int(anomalous.sum()),
        }

    def episodes_open(self) -> int:
        """Number of open episodes."""
        return int(self.episodes.is_open.sum())

    def episodes_withheld(self) -> int:
        """Number of episodes that stand untold: a limit, an alert budget or a cooldown does it."""
        return int(self.episodes.is_withheld.sum())

    def withheld(self) -> list[Suppressed]:
        """The episodes that stand untold."""
        machines, last_ns = self.episodes.machines.state, self.rings.state.last_ns
        return [
            Suppressed(
                entity, int(machines.start_ns[entity]), int(last_ns[entity]),
                float(machines.peak[entity]),
                self.worst.contributions(entity, int(machines.peak_slot[entity])),
            )
            for entity in np.flatnonzero(self.episodes.is_withheld).tolist()
        ]  # fmt: skip

    def warm_up(self) -> None:
        """Compile (or load) every kernel, so that none is compiled once readings flow."""
        throwaway = Detector(
            self.model, self.episodes.rules, backend=self.backend,
            threshold=self.threshold_settings,
        )  # fmt: skip
        count = self.model.window_length + 1
        step = max(1, min(self.model.interval_ns, self.model.max_gap_ns))
        values = np.tile(self.model.scaling.centre, (count, 1))
        offsets = np.arange(count, dtype=np.int64)
        zeros = np.zeros(count, np.int32)
        throwaway.process(Readings(zeros, (offsets + 1) * step, zeros, offsets, values))

    def _make_room(self, readings: Readings, names: Sequence[str]) -> None:
        entities = int(readings.entity.max(initial=-1)) + 1
        have = len(self._last.state.score)
        if entities > have:
            self._parts.grow(max(entities, 2 * have, 16))
        self.rings.name(names)

    def _events(
        self,
        run: Run,
        found: RunScores,
        advance: Advance,
        anomaly_score: FloatArray,
        threshold: FloatArray,
        suppressed: list[Suppressed],
    ) -> list[EpisodeEvent]:
        """The events of a run.  suppressed  grows by the episodes that ended untold in it"""
        events = []
        for fields, (ratio, peak_ratio), code in zip(
            advance.transitions.tolist(),
            advance.ratios.tolist(),
            advance.severities.tolist(),
            strict=True,
        ):
            row, entity, kind, start_ns, updates, count, missing, late, slot, peak_row = fields
            if peak_row >= 0:
                self.worst.keep(
                    run, found, np.array([entity]), np.array([slot]), np.array([peak_row])
                )
            time_ns = int(run.readings.time_ns[run.start + row])
            contributions = self.worst.contributions(entity, slot)
            if kind == machine.SUPPRESSED:
                suppressed.append(Suppressed(entity, start_ns, time_ns, peak_ratio, contributions))
                continue
            events.append(
                EpisodeEvent(
                    entity=entity,
                    row=run.start + row,
                    state=machine.STATE_NAMES[kind],
                    start_ns=start_ns,
                    time_ns=time_ns,
                    update=updates,
                    anomaly_score=float(anomaly_score[run.start + row]),
                    score_ratio=ratio,
                    peak_ratio=peak_ratio,
                    threshold=float(threshold[run.start + row]),
                    readings=count,
                    missing_values=missing,
                    late_readings=late,
                    contributions=contributions,
                    reason="gap" if kind == machine.RESOLVED_BY_GAP else "",
                    severity=SEVERITIES[code],
                )
            )
        return events
