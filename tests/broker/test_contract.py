"""What sentinel needs of a broker: records in, records out. On both brokers, by two clients.

test_contract_groups, _admin and _wire go on with consumer groups, administration, and requests
that no client library would send.
"""

import os
import threading

import confluent_kafka
import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaTimeoutError, MessageSizeTooLargeError, OffsetOutOfRangeError

from tests.waiting import wait_until

T0_MS = 1_700_000_000_000
COMPRESSIONS = [None, "gzip", "snappy", "lz4", "zstd"]


@pytest.fixture
def topic(any_kafka, unique_name):
    return any_kafka.create_topic(unique_name("records"))


@pytest.fixture
def consumer(any_kafka, topic):
    """Reads partition 0 of the topic from its beginning."""
    reader = KafkaConsumer(
        bootstrap_servers=any_kafka.bootstrap_servers, auto_offset_reset="earliest"
    )
    reader.assign([TopicPartition(topic, 0)])
    yield reader
    reader.close()


def produce(any_kafka, topic, values, **options):
    """One value a record, a millisecond apart; every one acknowledged."""
    with KafkaProducer(bootstrap_servers=any_kafka.bootstrap_servers, **options) as producer:
        sent = [
            producer.send(topic, value, partition=0, timestamp_ms=T0_MS + index)
            for index, value in enumerate(values)
        ]
        producer.flush()
        return [each.get(10) for each in sent]


def read(consumer, count):
    """The next records, exactly that many."""
    records = []

    def enough():
        for each in consumer.poll(timeout_ms=200).values():
            records.extend(each)
        return len(records) >= count

    wait_until(enough, timeout_s=20)
    assert len(records) == count
    return records


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_records_come_back_as_they_were_sent(any_kafka, topic, consumer, compression):
    with KafkaProducer(
        bootstrap_servers=any_kafka.bootstrap_servers, compression_type=compression, linger_ms=20
    ) as producer:
        for index in range(300):
            producer.send(
                topic,
                None if index == 7 else b'{"pump": 17, "value": %d}' % index,
                key=b"" if index == 8 else b"key-%d" % index,
                headers=[("trace", b"\x00\xff"), ("empty", b"")],
                timestamp_ms=T0_MS + index,
            )
    records = read(consumer, 300)
    assert [record.offset for record in records] == list(range(300))
    assert [record.timestamp for record in records] == [T0_MS + index for index in range(300)]
    assert records[7].value is None
    assert records[8].key == b""
    assert records[299].value == b'{"pump": 17, "value": 299}'
    assert list(records[0].headers) == [("trace", b"\x00\xff"), ("empty", b"")]


@pytest.mark.parametrize("acks", [0, 1, "all"])
def test_every_acks_setting_delivers(any_kafka, topic, consumer, acks):
    with KafkaProducer(
        bootstrap_servers=any_kafka.bootstrap_servers, acks=acks, enable_idempotence=False
    ) as producer:
        for index in range(10):
            producer.send(topic, b"%d" % index)
    assert [record.value for record in read(consumer, 10)] == [b"%d" % index for index in range(10)]


def test_a_producer_learns_the_offset_of_each_record(any_kafka, topic):
    produce(any_kafka, topic, [b"a", b"b"])
    assert [sent.offset for sent in produce(any_kafka, topic, [b"c", b"d"])] == [2, 3]


def test_a_waiting_poll_returns_as_soon_as_a_record_comes(any_kafka, topic, consumer):
    assert consumer.poll(timeout_ms=500) == {}
    sender = threading.Timer(0.3, produce, (any_kafka, topic, [b"late"]))
    sender.start()
    try:
        (records,) = consumer.poll(timeout_ms=20_000).values()
    finally:
        sender.join()
    assert [record.value for record in records] == [b"late"]


def test_a_batch_larger_than_every_fetch_limit_is_read_all_the_same(any_kafka, topic):
    values = [os.urandom(50_000) for _ in range(4)]
    produce(any_kafka, topic, values)
    consumer = KafkaConsumer(
        bootstrap_servers=any_kafka.bootstrap_servers,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=1000,
        fetch_max_bytes=1000,
    )
    consumer.assign([TopicPartition(topic, 0)])
    try:
        assert [record.value for record in read(consumer, 4)] == values
    finally:
        consumer.close()


def test_a_batch_beyond_the_brokers_limit_is_refused(any_kafka, topic):
    with pytest.raises(MessageSizeTooLargeError):
        produce(any_kafka, topic, [os.urandom(1_200_000)], max_request_size=4_000_000)


def test_reading_committed_records_only_reads_all_where_nothing_is_transactional(any_kafka, topic):
    produce(any_kafka, topic, [b"a", b"b"])
    consumer = KafkaConsumer(
        bootstrap_servers=any_kafka.bootstrap_servers,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
    )
    consumer.assign([TopicPartition(topic, 0)])
    try:
        assert [record.value for record in read(consumer, 2)] == [b"a", b"b"]
        assert consumer.end_offsets([TopicPartition(topic, 0)]) == {TopicPartition(topic, 0): 2}
    finally:
        consumer.close()


@pytest.mark.parametrize("compression", [None, "lz4"])
def test_offsets_are_found_by_time(any_kafka, topic, consumer, compression):
    partition = TopicPartition(topic, 0)
    produce(any_kafka, topic, [b"x"] * 100, compression_type=compression, linger_ms=20)

    def at(time_ms):
        found = consumer.offsets_for_times({partition: time_ms})[partition]
        return found and (found.offset, found.timestamp)

    assert at(0) == (0, T0_MS)
    assert at(T0_MS + 57) == (57, T0_MS + 57)
    assert at(T0_MS + 100) is None


def test_the_ends_of_a_log_are_known(any_kafka, topic, consumer):
    partition = TopicPartition(topic, 0)
    assert consumer.end_offsets([partition]) == {partition: 0}
    produce(any_kafka, topic, [b"x"] * 5)
    assert consumer.beginning_offsets([partition]) == {partition: 0}
    assert consumer.end_offsets([partition]) == {partition: 5}


def test_a_consumer_seeks_into_the_middle_of_a_batch(any_kafka, topic, consumer):
    produce(any_kafka, topic, [b"%d" % index for index in range(50)], linger_ms=20)
    consumer.seek(TopicPartition(topic, 0), 33)
    assert [record.offset for record in read(consumer, 17)] == list(range(33, 50))


def test_a_paused_partition_is_silent_until_it_is_resumed(any_kafka, topic, consumer):
    partition = TopicPartition(topic, 0)
    produce(any_kafka, topic, [b"a"])
    read(consumer, 1)
    consumer.pause(partition)
    produce(any_kafka, topic, [b"b"])
    assert consumer.poll(timeout_ms=500) == {}
    consumer.seek(partition, 0)
    consumer.resume(partition)
    assert [record.value for record in read(consumer, 2)] == [b"a", b"b"]


def test_an_offset_that_is_not_there_any_more_is_an_error(any_kafka, topic):
    partition = TopicPartition(topic, 0)
    produce(any_kafka, topic, [b"%d" % index for index in range(20)])
    any_kafka.admin.delete_records({partition: 12})
    strict = KafkaConsumer(bootstrap_servers=any_kafka.bootstrap_servers, auto_offset_reset="none")
    strict.assign([partition])
    strict.seek(partition, 3)
    try:
        with pytest.raises(OffsetOutOfRangeError):
            read(strict, 1)
    finally:
        strict.close()


def test_reset_to_earliest_starts_where_the_log_starts_now(any_kafka, topic, consumer):
    partition = TopicPartition(topic, 0)
    produce(any_kafka, topic, [b"%d" % index for index in range(20)])
    any_kafka.admin.delete_records({partition: 12})
    consumer.seek(partition, 3)
    assert [record.offset for record in read(consumer, 8)] == list(range(12, 20))
    assert consumer.beginning_offsets([partition]) == {partition: 12}


def test_asking_for_a_topic_does_not_create_it(any_kafka, unique_name):
    name = unique_name("nobody-created-it")
    consumer = KafkaConsumer(bootstrap_servers=any_kafka.bootstrap_servers)
    try:
        assert not consumer.partitions_for_topic(name)
    finally:
        consumer.close()
    with (
        KafkaProducer(bootstrap_servers=any_kafka.bootstrap_servers, max_block_ms=500) as producer,
        pytest.raises(KafkaTimeoutError),
    ):
        producer.send(name, b"x").get(5)
    assert name not in any_kafka.admin.list_topics()


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_librdkafka_writes_what_kafka_python_reads(any_kafka, topic, consumer, compression):
    producer = confluent_kafka.Producer(
        {
            "bootstrap.servers": any_kafka.bootstrap_servers,
            "compression.type": compression,
            "enable.idempotence": True,
        }
    )
    failures = []
    for index in range(500):
        producer.produce(
            topic,
            b'{"value": %d}' % index,
            key=b"pump",
            on_delivery=lambda error, _: failures.append(error) if error else None,
        )
    assert producer.flush(20) == 0
    assert failures == []
    assert [record.value for record in read(consumer, 500)] == [
        b'{"value": %d}' % index for index in range(500)
    ]


def test_librdkafka_reads_what_kafka_python_writes(any_kafka, topic, unique_name):
    values = [b"%d" % index for index in range(500)]
    produce(any_kafka, topic, values, compression_type="zstd", linger_ms=20)
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": any_kafka.bootstrap_servers,
            "group.id": unique_name("group"),
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic])
    read_values = []

    def all_read():
        for message in consumer.consume(500, timeout=0.2):
            assert message.error() is None
            read_values.append(message.value())
        return len(read_values) >= len(values)

    try:
        wait_until(all_read, timeout_s=30)
        assert read_values == values
        consumer.commit(asynchronous=False)
        (committed,) = consumer.committed([confluent_kafka.TopicPartition(topic, 0)], timeout=10)
        assert committed.offset == 500
    finally:
        consumer.close()
