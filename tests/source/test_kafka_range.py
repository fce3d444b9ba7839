"""A stretch of a topic with several partitions: the same readings in the same order, every time."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Callable
from contextlib import closing
from typing import Any
from unittest.mock import Mock

import confluent_kafka
import kafka.errors
import numpy as np
import pytest
from kafka import TopicPartition

from sentinel.broker import EmbeddedBroker
from sentinel.errors import KafkaError
from sentinel.records import Readings
from sentinel.source import kafka_range
from sentinel.source.consumer import open_consumer
from sentinel.source.kafka_range import KafkaRangeSource
from tests.kafka.handle import Kafka
from tests.source.decoding import TIME_S, source_config

PARTITIONS = 3
ROWS = 40
CHANNELS = {0: "temp", 1: "vib", 2: "flow"}

Found = tuple[tuple[str, ...], tuple[str, ...], Readings]


@pytest.fixture(params=[(2, 0, 1), (1, 2, 0)], ids=str)
def topic(
    request: pytest.FixtureRequest, any_kafka: Kafka, unique_name: Callable[[str], str]
) -> tuple[Kafka, str]:
    """Each partition has an entity and a channel of its own, and many small record batches.

    Parameter: the order in which the partitions were written to.
    """
    name = any_kafka.create_topic(unique_name("range"), PARTITIONS)
    producer = confluent_kafka.Producer(
        {"bootstrap.servers": any_kafka.bootstrap_servers, "batch.num.messages": 4}
    )
    for partition in request.param:
        for n in range(ROWS):
            reading = {"ts": TIME_S + n, CHANNELS[partition]: n}
            producer.produce(name, json.dumps(reading), f"pump-{9 - partition}", partition)
    assert producer.flush(30) == 0
    return any_kafka, name


def opened(topic: tuple[Kafka, str], **client: Any) -> KafkaRangeSource:
    broker, name = topic
    config = source_config(topic=name, client=client)
    return KafkaRangeSource(config, {"bootstrap_servers": broker.bootstrap_servers})


def read(topic: tuple[Kafka, str], **client: Any) -> Found:
    with closing(opened(topic, **client)) as source:
        readings = rest(source)
        return source.channel_names, tuple(source.entities), readings


def rest(source: KafkaRangeSource) -> Readings:
    parts = [batch.readings for batch in iter(lambda: source.poll(50), None)]
    columns = [
        np.concatenate([getattr(part, column) for part in parts]) for column in Readings.__slots__
    ]
    return Readings(*columns)


@pytest.mark.parametrize(
    "client",
    [
        pytest.param({}, id="at once"),
        pytest.param({"max_poll_records": 1}, id="batch by batch"),
        pytest.param(
            {"max_partition_fetch_bytes": 300, "fetch_max_bytes": 300}, id="small fetches"
        ),
    ],
)
def test_readings_come_by_partition_and_offset_however_they_are_fetched(
    topic: tuple[Kafka, str], client: dict[str, Any]
) -> None:
    channels, entities, readings = read(topic, **client)
    assert channels == ("flow", "temp", "vib")
    assert entities == ("pump-9", "pump-8", "pump-7")
    assert readings.partition.tolist() == np.repeat(np.arange(PARTITIONS), ROWS).tolist()
    assert readings.entity.tolist() == readings.partition.tolist()
    assert readings.offset.tolist() == [*range(ROWS)] * PARTITIONS
    assert readings.values[ROWS : 2 * ROWS, 2].tolist() == [*range(ROWS)]


class ShuffledFetches:
    """A consumer whose partitions answer in any order, a record batch at a time."""

    def __init__(self, consumer: Any, rng: random.Random) -> None:
        self._consumer, self._rng = consumer, rng
        self._waiting: dict[TopicPartition, list[Any]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._consumer, name)

    def poll(self, timeout_ms: int) -> dict[TopicPartition, list[Any]]:
        while found := self._consumer.poll(20):
            for partition, batches in found.items():
                self._waiting.setdefault(partition, []).extend(batches)
        if not self._waiting:
            return {}
        partition = self._rng.choice(sorted(self._waiting))
        batch = self._waiting[partition].pop(0)
        if not self._waiting[partition]:
            del self._waiting[partition]
        return {partition: [batch]}

    def position(self, partition: TopicPartition) -> int:
        waiting = self._waiting.get(partition)
        position: int = waiting[0].offset if waiting else self._consumer.position(partition)
        return position


def test_the_order_of_fetches_does_not_matter(
    topic: tuple[Kafka, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def shuffling(*arguments: Any) -> Any:
        return ShuffledFetches(open_consumer(*arguments), random.Random(1))

    plain = read(topic)
    monkeypatch.setattr(kafka_range, "open_consumer", shuffling)
    shuffled = read(topic)
    assert shuffled[:2] == plain[:2]
    for column in Readings.__slots__:
        np.testing.assert_array_equal(getattr(shuffled[2], column), getattr(plain[2], column))


def test_a_channel_of_the_last_record_is_there(topic: tuple[Kafka, str]) -> None:
    broker, name = topic
    producer = confluent_kafka.Producer({"bootstrap.servers": broker.bootstrap_servers})
    for n in range(2_000):
        producer.produce(name, json.dumps({"ts": TIME_S + n, "temp": n}), "pump", 0)
    producer.produce(name, json.dumps({"ts": TIME_S, "temp": 1, "new": 7}), "pump", 2)
    assert producer.flush(30) == 0
    channels, _, readings = read(topic)
    assert channels == ("flow", "new", "temp", "vib")
    assert readings.values[-1].tolist()[1:3] == [7, 1]


def test_deleted_records_are_passed_over_with_a_warning_and_nothing_else_is_lost(
    topic: tuple[Kafka, str], caplog: pytest.LogCaptureFixture
) -> None:
    broker, name = topic
    with closing(opened(topic)) as source, caplog.at_level(logging.WARNING, kafka_range.__name__):
        broker.admin.delete_records({TopicPartition(name, 1): 17})  # between the two passes
        readings = rest(source)
    offsets = [readings.offset[readings.partition == n].tolist() for n in range(PARTITIONS)]
    assert offsets == [[*range(ROWS)], [*range(17, ROWS)], [*range(ROWS)]]
    assert f"partition 1 of {name!r}: offsets 0 to 16 are missing" in caplog.text
    assert len(caplog.records) == 1


def test_a_range_that_begins_before_the_oldest_record_is_told(
    topic: tuple[Kafka, str], caplog: pytest.LogCaptureFixture
) -> None:
    broker, name = topic
    broker.admin.delete_records({TopicPartition(name, 2): 5})
    config, servers = source_config(topic=name), {"bootstrap_servers": broker.bootstrap_servers}
    with caplog.at_level(logging.WARNING, kafka_range.__name__):
        with closing(KafkaRangeSource(config, servers, begin="5")) as source:
            assert len(rest(source)) == PARTITIONS * (ROWS - 5)
        assert not caplog.records
        with closing(KafkaRangeSource(config, servers, begin="4")) as source:
            assert len(rest(source)) == PARTITIONS * (ROWS - 4) - 1
    assert f"1 partition of {name!r} begins later than offset 4, the first of" in caplog.text


def test_a_partition_that_has_become_shorter_is_an_error(
    topic: tuple[Kafka, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(opened(topic)) as source:
        partition = TopicPartition(topic[1], 0)
        monkeypatch.setitem(source._ends, partition, ROWS + 9)
        source._consumer.seek(partition, ROWS + 1)
        with pytest.raises(KafkaError, match="partition 0 does not reach offset 41 any more"):
            rest(source)


@pytest.mark.parametrize("failing", ["beginning_offsets", "poll"])
def test_brokers_that_fail_are_told_and_the_connections_let_go(
    monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    """Broken by hand: with a broker that died, `poll` only waits (SILENCE_MAX_S)."""
    consumers: list[Any] = []

    def broken(*arguments: Any) -> Any:
        consumers.append(open_consumer(*arguments))
        if failing == "poll":
            error = kafka.errors.KafkaConnectionError("gone")
            monkeypatch.setattr(consumers[0], failing, Mock(side_effect=error))
        else:
            server.stop()
        return consumers[0]

    monkeypatch.setattr(kafka_range, "open_consumer", broken)
    server = EmbeddedBroker({"readings": 1})
    server.start()
    try:
        producer = confluent_kafka.Producer({"bootstrap.servers": server.bootstrap_servers})
        producer.produce("readings", b"{}")
        assert producer.flush(30) == 0
        config = source_config(topic="readings", client={"request_timeout_ms": 1000})
        with pytest.raises(KafkaError, match=r"'readings': connection refused|cannot read: .*gone"):
            KafkaRangeSource(config, {"bootstrap_servers": server.bootstrap_servers})
    finally:
        server.stop()
    assert consumers[0]._closed
