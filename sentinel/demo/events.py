"""The anomaly events of the demo, read back from their topic as any consumer would."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

import msgspec
from kafka import KafkaConsumer, TopicPartition

from sentinel.demo.verdict import DemoEpisode


class EventData(msgspec.Struct):
    """What the demo shows of `data`."""

    state: str
    episode_id: str
    peak_ratio: float
    score_ratio: float
    contributions: list[dict[str, Any]]


class Event(msgspec.Struct):
    """What the demo shows of a CloudEvent."""

    subject: str
    time: datetime
    data: EventData


class EventReader:
    """Reads a topic of events from its beginning; keeps the episodes they tell of."""

    def __init__(self, topic: str, client_options: Mapping[str, Any]) -> None:
        self._consumer = KafkaConsumer(
            **client_options, group_id=None, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        partitions = self._consumer.partitions_for_topic(topic) or set()
        self._consumer.assign([TopicPartition(topic, number) for number in sorted(partitions)])
        self._decoder = msgspec.json.Decoder(Event)
        self._episodes: dict[str, DemoEpisode] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()

    @property
    def episodes(self) -> list[DemoEpisode]:
        """All episodes so far, in the order of their opening."""
        return list(self._episodes.values())

    def poll(self, timeout_ms: int) -> list[Event]:
        """The next events, in order."""
        found = []
        for records in self._consumer.poll(timeout_ms).values():
            for record in records:
                event = self._decoder.decode(record.value)
                self._keep(event)
                found.append(event)
        return found

    def _keep(self, event: Event) -> None:
        data = event.data
        before = self._episodes.get(data.episode_id)
        self._episodes[data.episode_id] = DemoEpisode(
            before.opened if before else event.time,
            event.time if data.state == "resolved" else None,
            data.peak_ratio,
        )
