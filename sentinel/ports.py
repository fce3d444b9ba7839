"""The ports: what the daemon asks of the outside world. Adapters live on the floor above.

One contract test suite runs over every adapter of a port.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sentinel.records import EpisodeEvent, FloatArray, Readings

TopicPartition = tuple[str, int]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record that could not be (wholly) used, unchanged, and why.

    reason is one of the bounded list of reasons (a metric label); message tells the operator which
    field failed and how. stage is "decode" (not readable) or "read" (readable, but not a reading).
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    stage: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class PollBatch:
    """What one poll brought: columns of readings, and what could not become one.

    records       number of records consumed, good and bad
    readings      in arrival order within each partition
    rejected      readings (or whole records) not used, by reason
    masked        values of otherwise good readings that are missing, by reason
    dead_letters  the records behind `rejected`
    positions     where to continue, per partition, once everything in this batch is acknowledged
    forget        entity indices whose partition went to another consumer since the last poll:
                  their state is to be dropped before the readings are processed
    """

    records: int
    readings: Readings
    rejected: Mapping[str, int] = field(default_factory=dict)
    masked: Mapping[str, int] = field(default_factory=dict)
    dead_letters: Sequence[DeadLetter] = ()
    positions: Mapping[TopicPartition, int] = field(default_factory=dict)
    forget: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class ChannelReport:
    """How the stream's channels compare with the model's. Names, each list bounded.

    awaited  the model's channels while no record has come: neither matched nor missing
    """

    matched: Sequence[str]
    missing: Sequence[str]
    unknown: Sequence[str]
    awaited: Sequence[str] = ()


class Source(Protocol):
    """Readings from somewhere, a poll batch at a time, and a promise kept on commit."""

    @property
    def entities(self) -> Sequence[str]:
        """Entity names; `Readings.entity` indexes it. It only ever grows."""
        ...

    def poll(self, timeout_ms: int) -> PollBatch | None:
        """The next batch; an empty one after `timeout_ms`; None when the source has ended."""
        ...

    def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        """Everything before `positions` is acknowledged. Called after `Sink.flush` only.

        Called without positions too: what could not be committed before may be tried again.
        """
        ...

    def lag_records(self) -> int | None:
        """Records behind the end of the assigned partitions; None where not known (yet)."""
        ...

    def assigned(self) -> int:
        """Number of partitions this source reads at present."""
        ...

    def channels(self) -> ChannelReport:
        """What the stream's channels look like so far, against the model's."""
        ...

    def close(self) -> None:
        """Leave the group and let go of everything. Idempotent."""
        ...


@dataclass(frozen=True, slots=True)
class EventContext:
    """What an event says beside its episode: who detected it, with what, on whom, from where."""

    detector: str
    model_name: str
    model_version: str
    entity: str
    topic: str
    partition: int
    offset: int


class Sink(Protocol):
    """Where events and dead letters go. Nothing counts as delivered before `flush` returns."""

    def event(self, event: EpisodeEvent, context: EventContext) -> None:
        """Queue one anomaly event."""
        ...

    def dead_letter(self, letter: DeadLetter) -> None:
        """Queue one record that could not be used."""
        ...

    def flush(self, timeout_s: float) -> None:
        """Block until everything queued is acknowledged; raise `KafkaError` where that fails."""
        ...

    def close(self) -> None:
        """Let go of everything. Idempotent."""
        ...


class Clock(Protocol):
    """Time as an argument: the wall clock for people, the monotonic one for durations."""

    def time_s(self) -> float:
        """Unix seconds."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that never jump."""
        ...


class Supervisor(Protocol):
    """What supervises the process (systemd, or nothing): told of readiness, progress and stop."""

    def ready(self) -> None: ...

    def status(self, text: str) -> None: ...

    def progress(self) -> None:
        """The loop is alive: feed the watchdog."""
        ...

    def stopping(self) -> None: ...


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What one turn of the daemon's loop did: one report, from which every metric is fed.

    stage_seconds   by stage: poll, score, deliver, commit
    score_ratios    the ratio of every window scored in this turn
    events          events written, by state (opened, updated, resolved)
    suppressed      episodes that ended untold: the model's limit, a budget or a cooldown withheld
                    them
    episodes_withheld  those that stand untold after this turn
    entities        entities by state (ok, warming, anomalous), after this turn
    lag_records     None where not known (yet)
    """

    records: int
    readings: int
    windows: int
    rejected: Mapping[str, int]
    masked: Mapping[str, int]
    dead_letters: int
    stage_seconds: Mapping[str, float]
    score_ratios: FloatArray
    events: Mapping[str, int]
    entities: Mapping[str, int]
    episodes_open: int
    lag_records: int | None
    suppressed: int = 0
    episodes_withheld: int = 0


class Telemetry(Protocol):
    """Where numbers go that people watch."""

    def batch(self, report: BatchReport) -> None: ...

    def channels(self, report: ChannelReport) -> None: ...

    def interval(self, observed_s: float, expected_s: float) -> None:
        """The stream's median sampling interval and the model's; 0: not known (yet)."""
        ...


@dataclass(frozen=True, slots=True)
class HealthReport:
    """An answer of `/-/healthy` or `/-/ready`: yes or no, and a JSON object that says why."""

    ok: bool
    details: Mapping[str, object]


class Health(Protocol):
    """Asked by the HTTP server, from its own threads; answers at once, never blocks."""

    def healthy(self) -> HealthReport: ...

    def ready(self) -> HealthReport: ...
