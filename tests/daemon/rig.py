"""A daemon among fakes, and batches for it: calm readings, and readings far off."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from sentinel.alert.episodes import EpisodeRules
from sentinel.daemon.health import DaemonHealth
from sentinel.daemon.loop import Daemon, DaemonSettings
from sentinel.detector import Detector
from sentinel.ports import DeadLetter, PollBatch
from sentinel.records import NS_PER_S, Readings
from tests.daemon.fakes import (
    FakeClock,
    FakeSink,
    FakeSource,
    FakeSupervisor,
    FakeTelemetry,
    Journal,
)
from tests.detector.toy import START_NS, toy_model

TOPIC = "readings"
STALLED_AFTER_S = 120.0
MODEL = toy_model(window_length=2, threshold=20.0)


def readings_of(offsets: Sequence[int], *, far_off: bool = False, entity: int = 0) -> Readings:
    """One entity's readings, one second per offset, in partition 0."""
    at = np.array(offsets, np.int64)
    level = MODEL.scaling.centre + (100.0 * MODEL.scaling.spread if far_off else 0.0)
    return Readings(
        np.full(len(at), entity, np.int32),
        START_NS + at * NS_PER_S,
        np.zeros(len(at), np.int32),
        at,
        np.tile(level, (len(at), 1)),
    )


def batch_of(readings: Readings, **changes: Any) -> PollBatch:
    """A batch whose position follows its last reading."""
    if len(readings):
        changes.setdefault("positions", {(TOPIC, 0): int(readings.offset[-1]) + 1})
    return PollBatch(records=changes.pop("records", len(readings)), readings=readings, **changes)


def letter_of(offset: int) -> DeadLetter:
    return DeadLetter(
        TOPIC, 0, offset, 0, b"pump-0", b"{", (), "decode", "not_json", "not a JSON object"
    )


class Rig:
    """Everything around one daemon; an episode opens with the first window far off."""

    def __init__(
        self, batches: Sequence[PollBatch], *, commit_interval_s: float = 0.0, **source: Any
    ) -> None:
        self.journal: Journal = []
        self.clock = FakeClock()
        self.source = FakeSource(self.journal, batches, **source)
        self.sink = FakeSink(self.journal)
        self.telemetry = FakeTelemetry()
        self.supervisor = FakeSupervisor(self.journal)
        self.health = DaemonHealth(STALLED_AFTER_S, self.clock)
        self.daemon = Daemon(
            DaemonSettings("plant", TOPIC, commit_interval_s=commit_interval_s),
            Detector(MODEL, EpisodeRules(1, 1, close_count=1)),
            self.source,
            self.sink,
            self.telemetry,
            self.supervisor,
            self.health,
            self.clock,
        )

    def told(self, *kinds: str) -> Journal:
        """The journal's entries of these kinds."""
        return [entry for entry in self.journal if entry[0] in kinds]
