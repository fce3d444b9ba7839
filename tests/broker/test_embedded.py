"""What is special about the embedded broker: its life, its limits, what it refuses."""

import gc
import logging
import socket
import struct
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import (
    InvalidRequestError,
    InvalidTopicError,
    InvalidTxnStateError,
    UnknownTopicOrPartitionError,
)
from kafka.errors import KafkaError as ClientError
from kafka.protocol.producer import InitProducerIdRequest

from sentinel.broker import EmbeddedBroker
from sentinel.broker.server import MAX_REQUEST_BYTES
from sentinel.errors import KafkaError
from tests.broker.raw_client import RawClient, batch
from tests.waiting import wait_until


@pytest.fixture
def broker():
    with EmbeddedBroker(topics={"readings": 2}) as running:
        yield running


def broker_threads():
    return {thread for thread in threading.enumerate() if thread.name == "embedded-broker"}


def sent_by_the_broker(caplog):
    """What the broker and its event loop have logged."""
    return [each for each in caplog.records if each.name.startswith(("sentinel", "asyncio"))]


def test_it_has_its_topics_when_it_has_started(broker):
    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap_servers)
    try:
        assert consumer.partitions_for_topic("readings") == {0, 1}
    finally:
        consumer.close()


def test_an_illegal_topic_is_told_before_anything_starts():
    with pytest.raises(InvalidTopicError):
        EmbeddedBroker(topics={"not a name": 1})


def test_a_taken_port_is_a_clear_error():
    before = broker_threads()
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        with pytest.raises(KafkaError) as caught:
            EmbeddedBroker(port=port).start()
    assert str(caught.value) == (
        f"127.0.0.1:{port}: the embedded broker cannot listen: Address already in use; "
        "choose another port, or 0 for any free one"
    )
    assert broker_threads() == before


def test_it_starts_once():
    broker = EmbeddedBroker()
    with broker, pytest.raises(RuntimeError, match="only once"):
        broker.start()


def test_it_stops_without_a_trace(caplog):
    before = broker_threads()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        broker = EmbeddedBroker(topics={"t": 1})
        broker.start()
        with RawClient(broker.bootstrap_servers) as client:
            client.produce("t", batch(b"x"))
            broker.stop()
            broker.stop()
        gc.collect()
    assert broker_threads() == before
    assert sent_by_the_broker(caplog) == []
    host, port = broker.bootstrap_servers.split(":")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((host, int(port)), timeout=1)


def test_its_port_is_free_for_the_next_one():
    with EmbeddedBroker() as first:
        port = int(first.bootstrap_servers.split(":")[1])
        with RawClient(first.bootstrap_servers) as client:
            client.new_producer_id()
    with EmbeddedBroker(port=port) as second, RawClient(second.bootstrap_servers) as client:
        client.new_producer_id()


def test_waiting_clients_do_not_hold_up_its_end(caplog):
    broker = EmbeddedBroker(topics={"t": 1})
    broker.start()
    with (
        RawClient(broker.bootstrap_servers) as poller,
        RawClient(broker.bootstrap_servers) as member,
        ThreadPoolExecutor() as pool,
    ):
        reserved = member.join(
            "g", version=5
        )  # a rebalance waits for this id, which nobody joins with
        assert reserved.member_id
        waiting = [
            pool.submit(poller.fetch, "t", 0, max_wait_ms=600_000),
            pool.submit(member.join, "g", version=3),
        ]
        with pytest.raises(TimeoutError):
            waiting[1].result(0.3)
        broker.stop()
        for each in waiting:
            with pytest.raises(ConnectionError):
                each.result(10)
    assert sent_by_the_broker(caplog) == []


def test_who_waits_for_a_topic_hears_that_it_was_deleted(broker):
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    try:
        with ThreadPoolExecutor() as pool, RawClient(broker.bootstrap_servers) as client:
            waiting = pool.submit(client.fetch, "readings", 0, max_wait_ms=30_000)
            with pytest.raises(TimeoutError):
                waiting.result(0.3)
            admin.delete_topics(["readings"])
            (partition,) = waiting.result(10).responses[0].partitions
    finally:
        admin.close()
    assert partition.error_code == UnknownTopicOrPartitionError.errno


def test_the_oldest_records_go_beyond_the_limit():
    retention_bytes = 1_000_000
    partition = TopicPartition("t", 0)
    with EmbeddedBroker(topics={"t": 1}, retention_bytes=retention_bytes) as broker:
        with RawClient(broker.bootstrap_servers) as client:
            for _ in range(100):
                assert client.produce("t", batch(b"x" * 49_900))[0] == 0
        consumer = KafkaConsumer(
            bootstrap_servers=broker.bootstrap_servers, auto_offset_reset="earliest"
        )
        try:
            (start,) = consumer.beginning_offsets([partition]).values()
            assert consumer.end_offsets([partition]) == {partition: 100}
            assert (
                100 - retention_bytes // 50_000 <= start <= 100 - retention_bytes // 50_000 * 3 // 4
            )
            consumer.assign([partition])
            consumer.seek(partition, 0)
            records = wait_until(lambda: consumer.poll(timeout_ms=200).get(partition))
            assert records[0].offset == start
        finally:
            consumer.close()


def test_topics_are_made_up_for_clients_only_where_wanted():
    with EmbeddedBroker(auto_create_partitions=3) as broker:
        with KafkaProducer(bootstrap_servers=broker.bootstrap_servers) as producer:
            producer.send("new", b"x").get(10)
        consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap_servers)
        try:
            assert consumer.partitions_for_topic("new") == {0, 1, 2}
        finally:
            consumer.close()


def test_transactions_are_refused_and_do_not_hang(broker):
    producer = KafkaProducer(
        bootstrap_servers=broker.bootstrap_servers, transactional_id="tx", max_block_ms=20_000
    )
    try:
        with pytest.raises(ClientError, match="InvalidRequest"):
            producer.init_transactions()
    finally:
        producer.close()
    with RawClient(broker.bootstrap_servers) as client:
        transactional = batch(b"x", producer_id=1, epoch=0, sequence=0, transactional=True)
        assert client.produce("readings", transactional) == (InvalidTxnStateError.errno, -1)
        request = InitProducerIdRequest(transactional_id="tx", transaction_timeout_ms=1000)
        assert client.ask(request, 2).error_code == InvalidRequestError.errno


def test_a_request_that_is_not_spoken_is_told_to_the_log(broker, caplog):
    caplog.set_level(logging.WARNING, "sentinel.broker")
    with RawClient(broker.bootstrap_servers) as client, pytest.raises(ConnectionError):
        client.exchange(struct.pack(">hhih", 999, 1, 7, -1))
    assert "API 999 in version 1 is not spoken here" in caplog.text


@pytest.mark.parametrize("size_bytes", [-1, MAX_REQUEST_BYTES + 1, 2**31 - 1])
def test_a_request_of_an_absurd_size_ends_the_connection(broker, size_bytes):
    host, port = broker.bootstrap_servers.split(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(struct.pack(">i", size_bytes))
        assert connection.recv(1) == b""


def test_a_client_that_vanishes_in_a_long_poll_disturbs_nobody(broker, caplog):
    with RawClient(broker.bootstrap_servers) as client:
        client.fetch("readings", 0)
        host, port = broker.bootstrap_servers.split(":")
        with socket.create_connection((host, int(port)), timeout=10) as vanishing:
            vanishing.sendall(struct.pack(">i", 1000) + b"half a request")
        assert client.produce("readings", batch(b"x")) == (0, 0)
        answer = client.fetch("readings", 0)
    assert len(answer.responses[0].partitions[0].records) == len(batch(b"x"))
    assert caplog.records == []
