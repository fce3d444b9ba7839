"""The loop: poll, score, deliver, commit. Nothing is committed before its output is delivered."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sentinel.alert.sentence import moment, sentence, summary
from sentinel.daemon.health import DaemonHealth
from sentinel.daemon.interval_watch import IntervalWatch
from sentinel.daemon.stopwatch import Stopwatch
from sentinel.detector import Detection, Detector
from sentinel.plural import counted
from sentinel.ports import (
    BatchReport,
    Clock,
    EventContext,
    PollBatch,
    Sink,
    Source,
    Supervisor,
    Telemetry,
    TopicPartition,
)
from sentinel.records import EpisodeEvent, Readings, Status, Suppressed

log = logging.getLogger(__name__)

STATUS_INTERVAL_S = 5.0


@dataclass(frozen=True, slots=True)
class DaemonSettings:
    """What the loop needs to know beside its ports."""

    name: str
    topic: str
    poll_timeout_ms: int = 500
    flush_timeout_s: float = 30.0
    commit_interval_s: float = 1.0


class Daemon:
    """One detector between one source and one sink. `run` returns after `stop`, or raises.

    readings_total  readings whose events are acknowledged; ended: `run` is over, or nearly so
    """

    def __init__(
        self,
        settings: DaemonSettings,
        detector: Detector,
        source: Source,
        sink: Sink,
        telemetry: Telemetry,
        supervisor: Supervisor,
        health: DaemonHealth,
        clock: Clock,
    ) -> None:
        self.settings = settings
        self.detector = detector
        self.source = source
        self.sink = sink
        self.telemetry = telemetry
        self.supervisor = supervisor
        self.health = health
        self.clock = clock
        self.intervals = IntervalWatch(detector.model.interval_ns, clock)
        self.readings_total = 0
        self.ended = False
        self._stopping = threading.Event()
        self._positions: dict[TopicPartition, int] = {}
        self._committed_s = clock.monotonic_s()
        self._status_s = float("-inf")
        self._warned: set[str] = set()

    def stop(self) -> None:
        """End the loop after the turn in hand; may be called from a signal handler or a thread."""
        self._stopping.set()

    def run(self) -> None:
        """Turn until `stop`, or until the source has ended; then commit what was delivered.

        Raises KafkaError where output is not acknowledged: what was not committed is read again.
        """
        told_ready = False
        try:
            while not self._stopping.is_set() and self.turn():
                self.supervisor.progress()
                if not told_ready:
                    # A stand-by without a partition is ready too: it has joined and polls.
                    self.supervisor.ready()
                    told_ready = True
        finally:
            self.ended = True
            self.health.stopping()
            self.supervisor.stopping()
        self._commit()

    def turn(self) -> bool:
        """One poll batch, all the way through; False when the source has ended."""
        watch = Stopwatch(self.clock)
        batch = self.source.poll(self.settings.poll_timeout_ms)
        watch.lap("poll")
        if batch is None:
            return False
        if batch.forget:
            self.detector.forget(batch.forget)
        detection = self.detector.process(batch.readings, self.source.entities)
        watch.lap("score")
        self._deliver(batch, detection.events)
        for one in detection.suppressed:
            self._log_suppressed(one)
        watch.lap("deliver")
        self._positions.update(batch.positions)
        if self.clock.monotonic_s() - self._committed_s >= self.settings.commit_interval_s:
            self._commit()
        watch.lap("commit")
        self._report(batch, detection, watch)
        self.readings_total += len(batch.readings)
        return True

    def _deliver(self, batch: PollBatch, events: Sequence[EpisodeEvent]) -> None:
        for letter in batch.dead_letters:
            self.sink.dead_letter(letter)
        for event in events:
            self.sink.event(event, self._context(batch.readings, event))
            _log_event(event, self.source.entities[event.entity])
        # Only now may `positions` move on: everything up to them has left acknowledged.
        if batch.dead_letters or events:
            self.sink.flush(self.settings.flush_timeout_s)

    def _log_suppressed(self, one: Suppressed) -> None:
        log.info(
            "episode suppressed: entity %r, %s to %s UTC, peak %.2f, withheld by %s: %r",
            self.source.entities[one.entity], moment(one.start_ns), moment(one.end_ns),
            one.peak_ratio, self.detector.episodes.rules.withheld_by, sentence(one.contributions),
        )  # fmt: skip

    def _context(self, readings: Readings, event: EpisodeEvent) -> EventContext:
        return EventContext(
            detector=self.settings.name,
            model_name=self.detector.model.name,
            model_version=self.detector.model.version,
            entity=self.source.entities[event.entity],
            topic=self.settings.topic,
            partition=int(readings.partition[event.row]),
            offset=int(readings.offset[event.row]),
        )

    def _commit(self) -> None:
        # Asked with nothing new too: what could not be committed before is tried again.
        self.source.commit(self._positions)
        self._positions = {}
        self._committed_s = self.clock.monotonic_s()

    def _report(self, batch: PollBatch, detection: Detection, watch: Stopwatch) -> None:
        lag = self.source.lag_records()
        channels = self.source.channels()
        states = self.detector.entity_states()
        interval = self.intervals.observe(batch.readings)
        dropped = Counter(dict(batch.rejected))
        for status, reason in ((Status.DUPLICATE, "duplicate"), (Status.LATE, "late")):
            if count := int(np.count_nonzero(detection.scores.status == status)):
                dropped[reason] += count
        scored = detection.scores.status == Status.OK
        self.telemetry.batch(
            BatchReport(
                records=batch.records,
                readings=len(batch.readings),
                windows=detection.windows,
                rejected=dropped,
                masked=batch.masked,
                dead_letters=len(batch.dead_letters),
                stage_seconds=watch.seconds,
                score_ratios=detection.scores.score_ratio[scored],
                events=Counter(event.state for event in detection.events),
                entities=states,
                episodes_open=self.detector.episodes_open(),
                lag_records=lag,
                suppressed=len(detection.suppressed),
                episodes_withheld=self.detector.episodes_withheld(),
            )
        )
        self.telemetry.channels(channels)
        self.telemetry.interval(interval.observed_s, interval.expected_s)
        self.health.turned(batch.records, lag, self.source.assigned(), channels, interval)
        self._warn()
        now = self.clock.monotonic_s()
        if now - self._status_s >= STATUS_INTERVAL_S:
            self._status_s = now
            self.supervisor.status(
                f"{counted(sum(states.values()), 'entity', 'entities')}, "
                f"{counted(self.detector.episodes_open(), 'open episode')}, "
                f"lag {'unknown' if lag is None else lag}"
            )

    def _warn(self) -> None:
        """Log what is odd about the stream when it begins to be so; `/-/ready` tells how it is."""
        warnings = self.health.warnings()
        for kind in sorted(warnings.keys() - self._warned):
            log.warning("%s", warnings[kind])
        self._warned = set(warnings)


def _log_event(event: EpisodeEvent, entity: str) -> None:
    if event.state == "updated":
        return
    log.info(
        "episode %s: entity %r, %s UTC, score ratio %.2f (peak %.2f): %r",
        event.state, entity, moment(event.time_ns), event.score_ratio, event.peak_ratio,
        summary(event),
    )  # fmt: skip
