"""The anomaly events of the demo, read back from their topic as any consumer would."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

import msgspec
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError as ClientError

from sentinel.alert.sentence import unseen
from sentinel.demo.verdict import DemoEpisode
from sentinel.errors import KafkaError
from sentinel.records import Contribution

ANSWER_TIMEOUT_MS = 1000


class Channel(msgspec.Struct):
    """What the demo looks at of a contribution; null where it is missing."""

    observed: float | None
    deviation: float | None
    lowest: float | None
    highest: float | None

    @property
    def unseen(self) -> bool:
        """Whether it lies outside all that the fitted history held."""
        numbers = self.observed, math.nan, self.deviation, self.lowest, self.highest
        return unseen(Contribution("", 1.0, *(math.nan if x is None else x for x in numbers)))


class EventData(msgspec.Struct):
    """What the demo shows of `data`."""

    state: str
    severity: str
    summary: str
    episode_id: str
    peak_ratio: float
    score_ratio: float
    contributions: list[Channel]

    @property
    def unseen(self) -> bool:
        """Whether the worst reading so far lies outside all that the fitted history held."""
        return any(one.unseen for one in self.contributions)


class Event(msgspec.Struct):
    """What the demo shows of a CloudEvent."""

    subject: str
    time: datetime
    data: EventData


class EventReader:
    """Reads a topic of events from its beginning; keeps the episodes they tell of.

    Raises KafkaError where the broker does not answer.
    """

    def __init__(self, topic: str, client_options: Mapping[str, Any]) -> None:
        alone = {"group_id": None, "enable_auto_commit": False, "auto_offset_reset": "earliest"}
        try:
            self._consumer = KafkaConsumer(**client_options, **alone)
        except ClientError as error:
            raise KafkaError(f"the events cannot be read: {error}", where=topic) from error
        partitions = self._consumer.partitions_for_topic(topic) or set()
        self._partitions = [TopicPartition(topic, number) for number in sorted(partitions)]
        self._consumer.assign(self._partitions)
        self._decoder = msgspec.json.Decoder(Event)
        self._episodes: dict[str, DemoEpisode] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close(timeout_ms=ANSWER_TIMEOUT_MS)

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

    def at_end(self) -> bool:
        """Whether all events that the topic holds now were read; not, where nobody answers."""
        try:
            ends = self._consumer.end_offsets(self._partitions, ANSWER_TIMEOUT_MS)
        except ClientError:
            return False
        return all(self._consumer.position(one, ANSWER_TIMEOUT_MS) == ends[one] for one in ends)

    def _keep(self, event: Event) -> None:
        data = event.data
        before = self._episodes.get(data.episode_id)
        self._episodes[data.episode_id] = DemoEpisode(
            before.opened if before else event.time,
            event.time if data.state == "resolved" else None,
            data.peak_ratio,
            data.unseen,
        )
