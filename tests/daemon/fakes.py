"""Ports in memory, for the loop: plain classes that write every call into one journal, in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from sentinel.errors import KafkaError
from sentinel.ports import (
    BatchReport,
    ChannelReport,
    DeadLetter,
    EventContext,
    PollBatch,
    TopicPartition,
)
from sentinel.records import EpisodeEvent

# Each entry is the kind of the call, and what it was about: an offset, positions, a text.
Journal: TypeAlias = list[tuple[object, ...]]


@dataclass
class FakeClock:
    """Stands still until told."""

    now_s: float = 1_000.0

    def time_s(self) -> float:
        return self.now_s

    def monotonic_s(self) -> float:
        return self.now_s


@dataclass
class FakeSource:
    """Gives the batches one after another, then ends.

    on_poll   called with the number of the poll, before its batch is handed out; may raise
    refusals  so many commits cannot be made at present: as a real source, it makes up for them
              with the next that it is asked for
    """

    journal: Journal
    batches: Sequence[PollBatch]
    entities: Sequence[str] = ("pump-0", "pump-1", "pump-2")
    on_poll: Callable[[int], None] = lambda number: None
    lag: int | None = 0
    partitions: int = 1
    report: ChannelReport = field(default_factory=lambda: ChannelReport((), (), ()))
    polls: int = 0
    refusals: int = 0
    owed: dict[TopicPartition, int] = field(default_factory=dict)

    def poll(self, timeout_ms: int) -> PollBatch | None:
        self.journal.append(("poll", timeout_ms))
        number = self.polls
        self.polls += 1
        self.on_poll(number)
        return self.batches[number] if number < len(self.batches) else None

    def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        self.owed |= positions
        if self.refusals and self.owed:
            self.refusals -= 1
        elif self.owed:
            self.journal.append(("commit", self.owed))
            self.owed = {}

    def lag_records(self) -> int | None:
        return self.lag

    def assigned(self) -> int:
        return self.partitions

    def channels(self) -> ChannelReport:
        return self.report

    def close(self) -> None:
        self.journal.append(("close source",))


@dataclass
class FakeSink:
    """Keeps what it was given; `fail_at` is the number of the flush that is not acknowledged."""

    journal: Journal
    fail_at: int | None = None
    events: list[tuple[EpisodeEvent, EventContext]] = field(default_factory=list)
    flushes: int = 0

    def event(self, event: EpisodeEvent, context: EventContext) -> None:
        self.events.append((event, context))
        self.journal.append(("event", event.state, context.offset))

    def dead_letter(self, letter: DeadLetter) -> None:
        self.journal.append(("dead letter", letter.offset))

    def flush(self, timeout_s: float) -> None:
        self.flushes += 1
        if self.flushes - 1 == self.fail_at:
            raise KafkaError("not acknowledged", where="events")
        self.journal.append(("flush", timeout_s))

    def close(self) -> None:
        self.journal.append(("close sink",))


@dataclass
class FakeTelemetry:
    """Keeps every report."""

    batches: list[BatchReport] = field(default_factory=list)
    channel_reports: list[ChannelReport] = field(default_factory=list)
    intervals: list[tuple[float, float]] = field(default_factory=list)

    def batch(self, report: BatchReport) -> None:
        self.batches.append(report)

    def channels(self, report: ChannelReport) -> None:
        self.channel_reports.append(report)

    def interval(self, observed_s: float, expected_s: float) -> None:
        self.intervals.append((observed_s, expected_s))


@dataclass
class FakeSupervisor:
    """Writes into the same journal as the rest."""

    journal: Journal

    def ready(self) -> None:
        self.journal.append(("ready",))

    def status(self, text: str) -> None:
        self.journal.append(("status", text))

    def progress(self) -> None:
        self.journal.append(("progress",))

    def stopping(self) -> None:
        self.journal.append(("stopping",))
