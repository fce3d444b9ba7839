"""The contract of a Sink, over every broker: what flush returned for is there, unchanged."""

from __future__ import annotations

import dataclasses
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from kafka import KafkaConsumer, TopicPartition
from test_dead_letter import LETTER
from test_events import CONTEXT, VALIDATOR, episode

from sentinel.broker import EmbeddedBroker
from sentinel.config.schema import SinkConfig
from sentinel.errors import ConfigError, KafkaError
from sentinel.sink import kafka as sink_module
from sentinel.sink import producers
from sentinel.sink.events import anomaly_event, encode
from sentinel.sink.kafka import KafkaSink
from tests.kafka.handle import Kafka
from tests.waiting import wait_until

FLUSH_TIMEOUT_S = 20.0

Name = Callable[[str], str]


class Topics:
    """An events topic and a dead-letter topic of one test's own, and what lies in them."""

    def __init__(self, kafka: Kafka, unique_name: Name) -> None:
        self.kafka = kafka
        self.events = kafka.create_topic(unique_name("events"))
        self.letters = kafka.create_topic(unique_name("letters"))
        self.reduced = 0

    @contextmanager
    def sink(self, **client: Any) -> Iterator[KafkaSink]:
        config = SinkConfig(
            events_topic=self.events,
            dead_letter_topic=self.letters,
            flush_timeout_s=FLUSH_TIMEOUT_S,
            client=client,
        )
        options = {"bootstrap_servers": self.kafka.bootstrap_servers}
        sink = KafkaSink(config, options, on_reduced=self._count)
        try:
            yield sink
        finally:
            sink.close()

    def _count(self) -> None:
        self.reduced += 1

    def read(self, topic: str) -> list[Any]:
        """Every record of the topic's one partition."""
        partition = TopicPartition(topic, 0)
        consumer = KafkaConsumer(
            bootstrap_servers=self.kafka.bootstrap_servers, enable_auto_commit=False
        )
        try:
            consumer.assign([partition])
            consumer.seek_to_beginning(partition)
            end = consumer.end_offsets([partition])[partition]
            records: list[Any] = []
            while consumer.position(partition) < end:
                for found in consumer.poll(timeout_ms=1_000).values():
                    records += found
            return records
        finally:
            consumer.close()


@pytest.fixture
def topics(any_kafka: Kafka, unique_name: Name) -> Topics:
    return Topics(any_kafka, unique_name)


def test_flushed_events_are_there_keyed_and_valid(topics: Topics) -> None:
    life = [
        episode(),
        episode(state="updated", update=1, time_ns=episode().time_ns + 10**12),
        episode(state="resolved", update=1, time_ns=episode().time_ns + 10**13),
    ]
    context = dataclasses.replace(CONTEXT, entity="Pumpe/Süd 7")
    with topics.sink() as sink:
        for event in life:
            sink.event(event, context)
        sink.flush(FLUSH_TIMEOUT_S)
        records = topics.read(topics.events)
    assert [record.value for record in records] == [
        encode(anomaly_event(event, context)) for event in life
    ]
    for record in records:
        assert record.key == "Pumpe/Süd 7".encode()
        assert record.headers == [("content-type", b"application/cloudevents+json; charset=UTF-8")]
        VALIDATOR.validate(json.loads(record.value))
        assert abs(record.timestamp / 1e3 - time.time()) < 600  # retention counts from writing


def test_replay_writes_the_same_bytes_again(topics: Topics) -> None:
    for _ in range(2):
        with topics.sink() as sink:
            sink.event(episode(), CONTEXT)
            sink.flush(FLUSH_TIMEOUT_S)
    first, second = topics.read(topics.events)
    assert (first.key, first.value) == (second.key, second.value)


def test_dead_letter_is_the_record_itself_plus_the_reason(topics: Topics) -> None:
    with topics.sink() as sink:
        sink.dead_letter(LETTER)
        sink.flush(FLUSH_TIMEOUT_S)
    (record,) = topics.read(topics.letters)
    assert (record.key, record.value, record.timestamp) == (
        LETTER.key,
        LETTER.value,
        LETTER.timestamp_ms,
    )
    headers = dict(record.headers)
    assert headers["trace"] == b"\x00\xff"
    assert headers["__connect.errors.offset"] == b"9214"
    assert headers["__connect.errors.exception.message"].startswith(b"readings/3@9214")


@pytest.mark.parametrize(("key", "value"), [(None, b"v"), (b"k", None), (None, None)])
def test_nulls_do_not_stop_a_dead_letter(
    topics: Topics, key: bytes | None, value: bytes | None
) -> None:
    with topics.sink() as sink:
        sink.dead_letter(dataclasses.replace(LETTER, key=key, value=value))
        sink.flush(FLUSH_TIMEOUT_S)
    (record,) = topics.read(topics.letters)
    assert record.key == key
    assert record.value == (value if key else value or b"")


# The first is refused by the client, whose limit is a megabyte; the second by the broker.
@pytest.mark.parametrize("client", [{}, {"max_request_size": 8_000_000}])
def test_dead_letter_too_large_is_delivered_in_part_and_counted(
    topics: Topics, client: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    letters = [
        dataclasses.replace(LETTER, offset=offset, value=value)
        for offset, value in enumerate([b"a", b"b" * 1_100_000, b"c" * 900_000, b"d" * 3_000_000])
    ]
    with topics.sink(**client) as sink, caplog.at_level(logging.WARNING, "sentinel"):
        for letter in letters:
            sink.dead_letter(letter)
        sink.event(episode(), CONTEXT)
        sink.flush(FLUSH_TIMEOUT_S)
        # The sink goes on.
        sink.dead_letter(dataclasses.replace(LETTER, offset=4, value=b"e"))
        sink.event(episode(state="resolved"), CONTEXT)
        sink.flush(FLUSH_TIMEOUT_S)
    found = {
        dict(record.headers)["__connect.errors.offset"]: record
        for record in topics.read(topics.letters)
    }
    assert {offset: record.value for offset, record in found.items()} == {
        b"0": b"a",
        b"1": b"b" * 16_384,
        b"2": b"c" * 900_000,
        b"3": b"d" * 16_384,
        b"4": b"e",
    }
    told = dict(found[b"1"].headers)["sentinel.shortened"]
    assert told == b"value: first 16384 of 1100000 bytes"
    assert "sentinel.shortened" not in dict(found[b"2"].headers)
    assert topics.reduced == 2
    assert "readings/3@1" in caplog.text
    assert len(topics.read(topics.events)) == 2


def test_queue_is_bounded(topics: Topics, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink_module, "MAX_QUEUED_RECORDS", 10)
    monkeypatch.setattr(sink_module, "MAX_QUEUED_BYTES", 50_000)
    large = dataclasses.replace(LETTER, value=bytes(20_000))
    with topics.sink() as sink:
        for _ in range(25):
            sink.event(episode(), CONTEXT)
        for _ in range(5):
            sink.dead_letter(large)
        # Delivered without a flush of ours: all but what still has room.
        assert len(topics.read(topics.events)) >= 20
        assert len(topics.read(topics.letters)) >= 3
        sink.flush(FLUSH_TIMEOUT_S)
    assert len(topics.read(topics.events)) == 25
    assert len(topics.read(topics.letters)) == 5


def test_missing_topic_is_told_at_the_start_and_not_created(
    any_kafka: Kafka, unique_name: Name
) -> None:
    config = SinkConfig(
        events_topic=any_kafka.create_topic(unique_name("events")),
        dead_letter_topic=unique_name("missing"),
        flush_timeout_s=1.0,
    )
    with pytest.raises(KafkaError) as caught:
        KafkaSink(config, {"bootstrap_servers": any_kafka.bootstrap_servers})
    assert caught.value.where == config.dead_letter_topic
    assert "no such topic" in caught.value.what
    assert caught.value.hint == "create it: sentinel check --config FILE --create-topics"
    assert config.dead_letter_topic not in any_kafka.admin.list_topics()


def test_deleted_topic_fails_the_flush_with_cause_and_hint(
    any_kafka: Kafka, unique_name: Name
) -> None:
    topics = Topics(any_kafka, unique_name)
    config = SinkConfig(
        events_topic=topics.events, dead_letter_topic=topics.letters, flush_timeout_s=2.0
    )
    sink = KafkaSink(config, {"bootstrap_servers": any_kafka.bootstrap_servers})
    try:
        any_kafka.admin.delete_topics([topics.events])
        sink.event(episode(), CONTEXT)
        with pytest.raises(KafkaError) as caught:
            sink.flush(2.0)
        assert caught.value.where == topics.events
        assert "was not delivered" in caught.value.what
        assert "still exists" in caught.value.hint
        with pytest.raises(KafkaError):  # and is not forgotten by asking again
            sink.flush(0.1)
    finally:
        sink.close()


def test_close_is_idempotent_and_ends_the_threads(topics: Topics) -> None:
    before = set(threading.enumerate())
    with topics.sink() as sink:
        sink.event(episode(), CONTEXT)
        sink.flush(FLUSH_TIMEOUT_S)
        assert set(threading.enumerate()) > before
        sink.close()
    wait_until(lambda: set(threading.enumerate()) <= before)


def test_close_ends_the_threads_though_the_broker_is_gone(
    unique_name: Name, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(producers, "CLOSE_TIMEOUT_S", 0.5)
    before = set(threading.enumerate())
    with EmbeddedBroker() as broker, Kafka("own", broker.bootstrap_servers) as kafka:
        topics = Topics(kafka, unique_name)
        config = SinkConfig(events_topic=topics.events, dead_letter_topic=topics.letters)
        sink = KafkaSink(config, {"bootstrap_servers": broker.bootstrap_servers})
    sink.event(episode(), CONTEXT)
    with caplog.at_level(logging.WARNING, "sentinel"):
        sink.close()
    assert "left undelivered" in caplog.text
    wait_until(lambda: set(threading.enumerate()) <= before)


def test_sink_may_have_brokers_of_its_own(embedded_kafka: Kafka, unique_name: Name) -> None:
    topics = Topics(embedded_kafka, unique_name)
    config = SinkConfig(
        events_topic=topics.events,
        dead_letter_topic=topics.letters,
        bootstrap_servers=f"{embedded_kafka.bootstrap_servers},127.0.0.1:9",
    )
    sink = KafkaSink(config, {"bootstrap_servers": ["source.invalid:9092"]})
    try:
        sink.event(episode(), CONTEXT)
        sink.flush(FLUSH_TIMEOUT_S)
    finally:
        sink.close()
    assert len(topics.read(topics.events)) == 1


def test_unreachable_brokers_are_the_operators_error() -> None:
    config = SinkConfig(events_topic="events", dead_letter_topic="letters")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(KafkaError) as caught:
        KafkaSink(config, {"bootstrap_servers": [address], "bootstrap_timeout_ms": 500})
    assert str(caught.value).startswith(f"{address}: cannot connect to Kafka: ")
    assert "kafka.security_protocol" in caught.value.hint


def test_illegal_topic_name_is_the_configurations_error(embedded_kafka: Kafka) -> None:
    config = SinkConfig(events_topic="bad/name", dead_letter_topic="letters")
    with pytest.raises(ConfigError, match=r"^bad/name: .* is illegal.*; correct the topic's name"):
        KafkaSink(config, {"bootstrap_servers": embedded_kafka.bootstrap_servers})


def test_timestamp_that_the_topic_refuses_moves_into_a_header(
    kafka: Kafka, unique_name: Name
) -> None:
    topics = Topics(kafka, unique_name)
    tomorrow_ms = int(time.time() * 1000) + 86_400_000
    letters = [dataclasses.replace(LETTER, offset=i, value=b"%d" % i) for i in range(5)]
    letters[2] = dataclasses.replace(letters[2], timestamp_ms=tomorrow_ms)
    with topics.sink(linger_ms=50) as sink:  # one batch, so that one bad letter fails all five
        for letter in letters:
            sink.dead_letter(letter)
        sink.flush(FLUSH_TIMEOUT_S)
    records = topics.read(topics.letters)
    assert sorted(record.value for record in records) == [b"0", b"1", b"2", b"3", b"4"]
    for record in records:
        headers = dict(record.headers)
        if record.value == b"2":
            assert headers["sentinel.original.timestamp.ms"] == str(tomorrow_ms).encode()
            assert record.timestamp < tomorrow_ms - 3_600_000
        else:
            assert "sentinel.original.timestamp.ms" not in headers
            assert record.timestamp == LETTER.timestamp_ms
    assert topics.reduced == 1


def test_letter_that_no_repair_helps_is_the_operators_error(
    kafka: Kafka, unique_name: Name
) -> None:
    compacted = unique_name("compacted")
    configs = {"cleanup.policy": "compact"}
    kafka.admin.create_topics(
        {compacted: {"num_partitions": 1, "configs": configs}}, wait_for_metadata=True
    )
    topics = Topics(kafka, unique_name)
    topics.letters = compacted
    with topics.sink() as sink:
        sink.dead_letter(dataclasses.replace(LETTER, key=None))
        with pytest.raises(KafkaError) as caught:
            sink.flush(FLUSH_TIMEOUT_S)
    assert caught.value.where == compacted
    assert "cleanup.policy=delete" in caught.value.hint


@pytest.mark.parametrize(
    ("client", "text"),
    [
        ({"acks": 1}, "sink.client: sentinel sets acks itself; remove it"),
        (
            {"no_such_option": 1},
            "sink.client or kafka.client: kafka-python does not take these options",
        ),
        (
            {"compression_type": "rar"},
            "sink.client or kafka.client: kafka-python does not take these options",
        ),
        (
            {"api_version": 2.3},
            "sink.client or kafka.client: kafka-python does not take these options",
        ),
    ],
)
def test_wrong_options_are_the_configurations_error(
    topics: Topics, client: dict[str, Any], text: str
) -> None:
    with pytest.raises(ConfigError) as caught, topics.sink(**client):
        pass
    assert str(caught.value).startswith(text)


def test_deadline_that_is_no_number_is_the_configurations_error() -> None:
    config = SinkConfig(events_topic="events", dead_letter_topic="letters")
    with pytest.raises(ConfigError, match=r"^sink.client or kafka.client: .*not supported between"):
        producers.producer_options(config, {"request_timeout_ms": "30000"})


def test_version_of_the_brokers_can_be_written_as_toml_has_it(topics: Topics) -> None:
    with topics.sink(api_version=[2, 3]) as sink:
        sink.event(episode(), CONTEXT)
        sink.flush(FLUSH_TIMEOUT_S)
    assert len(topics.read(topics.events)) == 1
