"""The kafka-python consumer behind the sources: its options, and that it can do its work."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import kafka.errors
from kafka import KafkaConsumer
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

from sentinel.config.kafka_opening import opened
from sentinel.config.schema import SourceConfig
from sentinel.errors import ConfigError, KafkaError
from sentinel.source import record_batches
from sentinel.source.kafka_admin import OPTIONS, never_create_topics, told
from sentinel.source.poll_size import READINGS_MAX

FETCH_BYTES_MAX = 32 << 20
PARTITION_FETCH_BYTES_MAX = 4 << 20
# What a configuration file can call them. kafka-python cannot offer the group both kinds of
# protocol at once, so a group whose other members rebalance eagerly needs one of the latter.
ASSIGNORS = {
    "cooperative-sticky": CooperativeStickyAssignor,
    "range": RangePartitionAssignor,
    "roundrobin": RoundRobinPartitionAssignor,
}
# Options that would take away what the source promises, or that have a key of their own.
RESERVED = {
    "allow_auto_create_topics": "sentinel never creates the topic it reads",
    "enable_auto_commit": "records are committed after their output is acknowledged",
    "key_deserializer": "records are decoded in whole batches",
    "value_deserializer": "records are decoded in whole batches",
    "group_id": "set source.group_id",
    "auto_offset_reset": "set source.auto_offset_reset",
}


def open_consumer(
    config: SourceConfig, client_options: Mapping[str, Any], more: Mapping[str, Any]
) -> KafkaConsumer:
    """A consumer that hands out whole record batches, and whose topic exists.

    Raises ConfigError for options that kafka-python does not take; KafkaError where the brokers
    cannot be reached or do not know the topic.
    """
    chosen = {**client_options, **config.client}
    for name in sorted(set(chosen) & set(RESERVED)):
        raise ConfigError(
            f"{name!r} cannot be set here", where="source.client", hint=RESERVED[name]
        )
    options = {
        "isolation_level": "read_committed",
        "enable_auto_commit": False,
        "fetch_max_bytes": FETCH_BYTES_MAX,
        "max_partition_fetch_bytes": PARTITION_FETCH_BYTES_MAX,
        "max_poll_records": READINGS_MAX,
        **more,
        **chosen,
    }
    strangers = sorted(set(options) - set(KafkaConsumer.DEFAULT_CONFIG))
    if strangers:
        raise ConfigError(
            f"kafka-python's consumer has no option {strangers[0]!r}", where="source.client"
        )
    if "partition_assignment_strategy" in options:
        options["partition_assignment_strategy"] = _assignors(
            options["partition_assignment_strategy"]
        )
    servers = options["bootstrap_servers"]
    brokers = servers if isinstance(servers, str) else ",".join(servers)
    with told(f"read the topic {config.topic!r} at {brokers}"):
        consumer = opened(KafkaConsumer, options, OPTIONS)
        try:
            _wait_for_brokers(consumer)
            never_create_topics(consumer)
            record_batches.install(consumer)
            partitions = consumer.partitions_for_topic(config.topic)
        except BaseException:
            consumer.close(autocommit=False)
            raise
    if not partitions:
        consumer.close(autocommit=False)
        raise KafkaError(
            f"there is no topic {config.topic!r}", where="source.topic", hint="create it first"
        )
    return consumer


def _wait_for_brokers(consumer: KafkaConsumer) -> None:
    """Until `bootstrap_timeout_ms`, as kafka-python 3.0.12 does only where it has no api_version.

    Otherwise the first question of all would wait for ever.
    """
    manager = consumer._manager
    connected = manager.bootstrap_async(refresh=False)
    manager._net.run(manager.wait_for, connected, consumer.config["bootstrap_timeout_ms"])


@contextmanager
def reading(topic: str) -> Iterator[None]:
    """Let what kafka-python gives up with in here be told, as well as options beyond all bounds."""
    try:
        yield
    except struct.error as error:
        raise ConfigError(
            f"kafka-python cannot send one of these options: {error}",
            where=OPTIONS,
            hint="Kafka's whole numbers are below 2**31",
        ) from error
    except kafka.errors.KafkaError as error:
        raise KafkaError(
            f"cannot read: {error}", where=topic, hint="see `sentinel check`"
        ) from error


def _assignors(names: Sequence[str]) -> list[type]:
    unknown = [name for name in names if name not in ASSIGNORS]
    if unknown:
        raise ConfigError(
            f"partition_assignment_strategy knows no {unknown[0]!r}",
            where="source.client",
            hint=f"a list of one or more of {', '.join(ASSIGNORS)}",
        )
    return [ASSIGNORS[name] for name in names]
