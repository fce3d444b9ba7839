"""What sentinel needs of a broker: the same answers to what only a broken client would send."""

import struct
from concurrent.futures import ThreadPoolExecutor

import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import (
    CorruptRecordError,
    FetchSessionIdNotFoundError,
    InvalidProducerEpochError,
    InvalidRecordError,
    MemberIdRequiredError,
    OffsetOutOfRangeError,
    OutOfOrderSequenceNumberError,
    UnknownMemberIdError,
    UnknownTopicOrPartitionError,
    UnsupportedVersionError,
)
from kafka.protocol.metadata import ApiVersionsResponse
from kafka.record.util import calc_crc32c

from tests.broker.raw_client import RawClient, batch

API_VERSIONS = 18
NO_SUCH_API = 999
PRODUCE = 0
MEMBER_ID_REQUIRED_SINCE = 4  # version of JoinGroup (KIP-394)
SKIP_ASSIGNMENT_SINCE = 9  # version of JoinGroup (KIP-814)
CHECKSUM, LAST_OFFSET_DELTA = slice(17, 21), slice(23, 27)  # in the header of a batch


@pytest.fixture
def topic(any_kafka, unique_name):
    return any_kafka.create_topic(unique_name("wire"))


@pytest.fixture
def client(any_kafka):
    with RawClient(any_kafka.bootstrap_servers) as raw:
        yield raw


def end_offset(any_kafka, topic):
    consumer = KafkaConsumer(bootstrap_servers=any_kafka.bootstrap_servers)
    try:
        (offset,) = consumer.end_offsets([TopicPartition(topic, 0)]).values()
    finally:
        consumer.close()
    return offset


def test_a_batch_sent_twice_is_kept_once(any_kafka, topic, client):
    producer_id = client.new_producer_id()
    first = batch(b"a", b"b", producer_id=producer_id, epoch=0, sequence=0)
    second = batch(b"c", producer_id=producer_id, epoch=0, sequence=2)
    assert [client.produce(topic, each) for each in (first, second, first, second)] == [
        (0, 0),
        (0, 2),
        (0, 0),
        (0, 2),
    ]
    assert end_offset(any_kafka, topic) == 3


def test_a_gap_in_the_sequence_is_refused(any_kafka, topic, client):
    producer_id = client.new_producer_id()
    client.produce(topic, batch(b"a", producer_id=producer_id, epoch=0, sequence=0))
    late = batch(b"c", producer_id=producer_id, epoch=0, sequence=2)
    assert client.produce(topic, late) == (OutOfOrderSequenceNumberError.errno, -1)
    assert end_offset(any_kafka, topic) == 1


def test_a_producer_of_an_older_epoch_is_refused(topic, client):
    producer_id = client.new_producer_id()
    client.produce(topic, batch(b"a", producer_id=producer_id, epoch=1, sequence=0))
    zombie = batch(b"b", producer_id=producer_id, epoch=0, sequence=1)
    assert client.produce(topic, zombie) == (InvalidProducerEpochError.errno, -1)


def test_a_new_epoch_begins_a_new_sequence(topic, client):
    producer_id = client.new_producer_id()
    client.produce(topic, batch(b"a", producer_id=producer_id, epoch=0, sequence=0))
    wrong = batch(b"b", producer_id=producer_id, epoch=1, sequence=1)
    assert client.produce(topic, wrong) == (OutOfOrderSequenceNumberError.errno, -1)
    right = batch(b"b", producer_id=producer_id, epoch=1, sequence=0)
    assert client.produce(topic, right) == (0, 1)


def test_a_damaged_batch_is_refused(any_kafka, topic, client):
    damaged = bytearray(batch(b"value"))
    damaged[-2] ^= 1
    assert client.produce(topic, bytes(damaged)) == (CorruptRecordError.errno, -1)
    assert end_offset(any_kafka, topic) == 0


def test_a_batch_that_miscounts_its_records_is_refused(topic, client):
    miscounting = bytearray(batch(b"a", b"b"))
    miscounting[LAST_OFFSET_DELTA] = struct.pack(">i", 7)
    miscounting[CHECKSUM] = struct.pack(">I", calc_crc32c(memoryview(miscounting)[CHECKSUM.stop :]))
    assert client.produce(topic, bytes(miscounting)) == (InvalidRecordError.errno, -1)


def test_two_batches_at_once_are_refused(topic, client):
    assert client.produce(topic, batch(b"a") + batch(b"b")) == (InvalidRecordError.errno, -1)


def test_producing_to_an_unknown_topic_is_answered(client, unique_name):
    assert client.produce(unique_name("unknown"), batch(b"a")) == (
        UnknownTopicOrPartitionError.errno,
        -1,
    )


def test_a_waiting_fetch_is_answered_when_a_record_comes(any_kafka, topic, client):
    with ThreadPoolExecutor() as pool, RawClient(any_kafka.bootstrap_servers) as producer:
        waiting = pool.submit(client.fetch, topic, 0, max_wait_ms=30_000)
        with pytest.raises(TimeoutError):
            waiting.result(0.3)
        producer.produce(topic, batch(b"late"))
        (partition,) = waiting.result(10).responses[0].partitions
    assert bytes(partition.records).endswith(batch(b"late")[-10:])


@pytest.mark.parametrize("offset", [-1, 3])
def test_a_fetch_beyond_the_log_is_answered_at_once(topic, client, offset):
    client.produce(topic, batch(b"a", b"b"))
    (partition,) = client.fetch(topic, offset, max_wait_ms=30_000).responses[0].partitions
    assert partition.error_code == OffsetOutOfRangeError.errno


def test_a_fetch_in_an_unknown_session_is_refused(topic, client):
    answer = client.fetch(topic, 0, session_id=4711, session_epoch=5)
    assert answer.error_code == FetchSessionIdNotFoundError.errno


@pytest.mark.parametrize("version", [8, 9])
def test_a_static_leader_that_comes_back_does_not_assign_again(client, unique_name, version):
    group = unique_name("static")
    before = client.join(group, instance_id="a", version=version)
    assert before.leader == before.member_id
    assert client.sync(group, before, "a", 5).error_code == 0
    after = client.join(group, instance_id="a", version=version)
    assert (after.error_code, after.generation_id) == (0, before.generation_id)
    assert after.member_id != before.member_id
    assert after.skip_assignment == (version >= SKIP_ASSIGNMENT_SINCE)
    assert (after.leader == after.member_id) == (version >= SKIP_ASSIGNMENT_SINCE)


@pytest.mark.parametrize("version", [3, 4])
def test_a_new_member_has_to_know_its_id_before_it_joins(client, unique_name, version):
    group = unique_name("new")
    answer = client.join(group, version=version)
    if version >= MEMBER_ID_REQUIRED_SINCE:
        assert answer.error_code == MemberIdRequiredError.errno
        answer = client.join(group, member_id=answer.member_id, version=version)
    assert answer.error_code == 0
    assert answer.leader == answer.member_id


def test_an_unknown_member_may_not_join(client, unique_name):
    answer = client.join(unique_name("group"), member_id="nobody", version=5)
    assert answer.error_code == UnknownMemberIdError.errno


def test_an_unknown_version_of_api_versions_is_answered_so_that_clients_can_negotiate(client):
    answer = ApiVersionsResponse.decode(
        client.exchange(struct.pack(">hhih", API_VERSIONS, 99, 7, -1) + b"\0"),
        version=0,
        header=True,
    )
    assert answer.error_code == UnsupportedVersionError.errno
    assert API_VERSIONS in {api.api_key for api in answer.api_keys}


@pytest.mark.parametrize(
    "frame",
    [
        struct.pack(">hhih", NO_SUCH_API, 0, 7, -1),
        struct.pack(">hhih", PRODUCE, 99, 7, -1),
        struct.pack(">hhih", PRODUCE, 8, 7, -1) + b"\x00\xff garbage",
        b"\0",
    ],
    ids=["unknown API", "unknown version", "not decodable", "too short"],
)
def test_what_is_not_spoken_ends_the_connection_and_nothing_else(any_kafka, topic, client, frame):
    with RawClient(any_kafka.bootstrap_servers) as stranger, pytest.raises(ConnectionError):
        stranger.exchange(frame)
    assert client.produce(topic, batch(b"still here")) == (0, 0)
