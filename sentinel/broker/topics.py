"""The topics of the broker: names, ids and partitions."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import kafka.errors as kafka_errors

from sentinel.broker.partition_log import PartitionLog

LEGAL_NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")
MAX_PARTITIONS = 1000  # of one topic: a slip of the keyboard shall not eat the memory


@dataclass(slots=True)
class Topic:
    """A topic; the id tells it from another one of the same name, deleted before."""

    name: str
    topic_id: uuid.UUID
    partitions: list[PartitionLog]


class Topics:
    """All topics, by name.

    retention_bytes         limit of each partition
    auto_create_partitions  a topic that a client merely asks about is created with so many; 0: not
    """

    def __init__(self, *, retention_bytes: int, auto_create_partitions: int = 0) -> None:
        self._retention_bytes = retention_bytes
        self._auto_create_partitions = auto_create_partitions
        self._by_name: dict[str, Topic] = {}

    def __iter__(self) -> Iterator[Topic]:
        return iter(self._by_name.values())

    def create(self, name: str, partitions: int, *, validate_only: bool = False) -> Topic:
        """Create a topic. Raises kafka.errors.InvalidTopicError, TopicAlreadyExistsError,
        InvalidPartitionsError; with validate_only that is all that happens.
        """
        self.check_name(name)
        if name in self._by_name:
            raise kafka_errors.TopicAlreadyExistsError(f"topic {name!r} exists")
        topic = Topic(name, uuid.uuid4(), [])
        self._grow(topic, partitions, validate_only=validate_only)
        if not validate_only:
            self._by_name[name] = topic
        return topic

    def add_partitions(self, name: str, total: int, *, validate_only: bool = False) -> None:
        """Grow a topic to `total` partitions. Raises as `create` and `get` do."""
        topic = self.get(name)
        if total <= len(topic.partitions):
            raise kafka_errors.InvalidPartitionsError(
                f"topic {name!r} has {len(topic.partitions)} partitions"
            )
        self._grow(topic, total, validate_only=validate_only)

    def delete(self, topic: Topic) -> None:
        """Delete a topic with all its records; who waits for them is told."""
        del self._by_name[topic.name]
        for log in topic.partitions:
            log.wake()

    def get(self, name: str) -> Topic:
        """The topic of that name. Raises kafka.errors.UnknownTopicOrPartitionError."""
        topic = self._by_name.get(name)
        if topic is None:
            raise kafka_errors.UnknownTopicOrPartitionError(f"no topic {name!r}")
        return topic

    def get_by_id(self, topic_id: uuid.UUID) -> Topic:
        """The topic with that id. Raises kafka.errors.UnknownTopicIdError."""
        for topic in self:
            if topic.topic_id == topic_id:
                return topic
        raise kafka_errors.UnknownTopicIdError(f"no topic with id {topic_id}")

    def get_or_create(self, name: str, *, allowed: bool) -> Topic:
        """As `get`, but creates the topic if the client allows it and the broker is set up so."""
        self.check_name(name)
        if allowed and self._auto_create_partitions and name not in self._by_name:
            return self.create(name, self._auto_create_partitions)
        return self.get(name)

    def log(self, name: str, partition: int) -> PartitionLog:
        """The log of one partition. Raises kafka.errors.UnknownTopicOrPartitionError."""
        partitions = self.get(name).partitions
        if not 0 <= partition < len(partitions):
            raise kafka_errors.UnknownTopicOrPartitionError(
                f"topic {name!r} has {len(partitions)} partitions, no partition {partition}"
            )
        return partitions[partition]

    @contextmanager
    def watch(self, partitions: Iterable[tuple[str, int]]) -> Iterator[asyncio.Event]:
        """An event that is set whenever one of the partitions changes; unknown ones are ignored."""
        changed = asyncio.Event()
        watched = []
        for name, partition in partitions:
            topic = self._by_name.get(name)
            if topic is not None and 0 <= partition < len(topic.partitions):
                watched.append(topic.partitions[partition])
        for log in watched:
            log.watchers.add(changed)
        try:
            yield changed
        finally:
            for log in watched:
                log.watchers.discard(changed)

    @staticmethod
    def check_name(name: str) -> None:
        """Raises kafka.errors.InvalidTopicError for a name that Kafka would refuse."""
        if not LEGAL_NAME.fullmatch(name) or name in {".", ".."}:
            raise kafka_errors.InvalidTopicError(f"topic name {name!r} is not legal")

    def _grow(self, topic: Topic, total: int, *, validate_only: bool) -> None:
        if not 1 <= total <= MAX_PARTITIONS:
            raise kafka_errors.InvalidPartitionsError(
                f"{total} partitions; between 1 and {MAX_PARTITIONS} are possible"
            )
        if not validate_only:
            missing = total - len(topic.partitions)
            topic.partitions += [PartitionLog(self._retention_bytes) for _ in range(missing)]
