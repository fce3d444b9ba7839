"""The topics of one demo: created before it, and not left behind on somebody's Kafka."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import kafka.errors

from sentinel.config.schema import Config
from sentinel.errors import KafkaError
from sentinel.source.kafka_admin import Cluster, admin_client, told

CREATE_TIMEOUT_MS = 10_000
DELETE_TIMEOUT_MS = 10_000

log = logging.getLogger(__name__)


def topics_of(config: Config) -> tuple[str, ...]:
    """Readings, events and dead letters."""
    return config.source.topic, config.sink.events_topic, config.sink.dead_letter_topic


def create_topics(config: Config, options: Mapping[str, Any]) -> None:
    """Create the three, of one partition each. Raises KafkaError."""
    with Cluster(options, CREATE_TIMEOUT_MS) as cluster:
        for topic in topics_of(config):
            cluster.create_topic(topic, 1, 1)


@contextmanager
def deleted_afterwards(config: Config, options: Mapping[str, Any]) -> Iterator[None]:
    """Delete the topics and the consumer group when this ends, however it ends.

    Where that fails, a warning names what is left: it must not hide how the demo ended.
    """
    try:
        yield
    finally:
        try:
            _delete(config, options)
        except KafkaError as error:
            log.warning(
                "left behind at %s: topics %s and group %s: %s", config.source.bootstrap_servers,
                ", ".join(topics_of(config)), config.source.group_id, error,
            )  # fmt: skip


def _delete(config: Config, options: Mapping[str, Any]) -> None:
    with told("delete them"):
        admin = admin_client(options, DELETE_TIMEOUT_MS)
        try:
            # The group first: with its topics, Kafka forgets it at a moment of its own choice.
            groups = admin.delete_groups([config.source.group_id])
            answer = admin.delete_topics(list(topics_of(config)), raise_errors=False)
        finally:
            admin.close()
    refused = [name for name in groups.values() if name not in ("OK", "GroupIdNotFoundError")]
    for topic in answer["topics"]:
        kind = kafka.errors.for_code(topic["error_code"])
        if kind not in (kafka.errors.NoError, kafka.errors.UnknownTopicOrPartitionError):
            refused.append(kind.__name__)
    if refused:
        raise KafkaError(f"cannot delete them: {refused[0]}")
