"""The hook into kafka-python: what it assumes of its internals, and what comes out of it."""

from __future__ import annotations

import inspect
import types

import kafka.errors
import pytest
from kafka.consumer.fetcher import Fetcher
from kafka.record import MemoryRecords
from kafka.record.memory_records import MemoryRecordsBuilder
from kafka.structs import TopicPartition

from sentinel.errors import KafkaError
from sentinel.source import record_batches

PARTITION = TopicPartition("readings", 3)
GZIP = 1


def hooked() -> type:
    """kafka-python's class for the records of a fetch, as `install` leaves it."""
    fetcher = types.SimpleNamespace(PartitionRecords=Fetcher.PartitionRecords)
    record_batches.install(types.SimpleNamespace(_fetcher=fetcher))
    return fetcher.PartitionRecords


def batch(values, first_offset=0, magic=2, compression=0) -> bytearray:
    start = first_offset if magic < 2 else 0  # format 2: the offsets are relative to the batch's
    builder = MemoryRecordsBuilder(magic, compression, 1 << 20, offset=start)
    for i, value in enumerate(values):
        headers = [] if magic < 2 else [("n", b"%d" % i)]
        builder.append(1000 + i, b"key", value, headers)
    builder.close()
    data = bytearray(builder.buffer())
    data[:8] = first_offset.to_bytes(8, "big")
    return data


def fetched(data: bytes, fetch_offset: int = 0):
    return hooked()(fetch_offset, PARTITION, MemoryRecords(bytearray(data)))


def read(data: bytes, fetch_offset: int = 0, high: int = 2**63 - 1):
    records = fetched(data, fetch_offset)
    return [
        (b.offset(i), b.timestamp_ms(i), b.key(i), b.value(i), list(b.record_headers(i)))
        for b in record_batches.batches_of(records.take(), high)
        for i in range(len(b))
    ]


def test_kafka_python_still_is_as_the_hook_assumes():
    assert kafka.__version__.startswith("3.0."), "see sentinel/source/record_batches.py"
    assert list(inspect.signature(Fetcher.PartitionRecords.__init__).parameters)[1:4] == [
        "fetch_offset", "tp", "records",
    ]  # fmt: skip
    source = inspect.getsource(Fetcher)
    assert "self.PartitionRecords(fetch_offset, tp, records," in source
    unpack = inspect.getsource(Fetcher.PartitionRecords._unpack_records)
    append = inspect.getsource(Fetcher._append)
    assert "part_records = part.take(max_records)" in append
    assert "return len(part_records)" in append
    assert "self.record_iterator" in inspect.getsource(Fetcher.PartitionRecords.take)
    assert "records.next_batch()" in unpack
    assert "for record in batch:" in unpack
    assert "self.next_fetch_offset = record.offset + 1" in unpack


@pytest.mark.parametrize("consumer", [object(), types.SimpleNamespace(_fetcher=object())])
def test_another_kafka_python_is_refused_with_what_to_install(consumer):
    with pytest.raises(KafkaError, match=r"install kafka-python>=3\.0\.12,<3\.1"):
        record_batches.install(consumer)


@pytest.mark.parametrize("compression", [0, GZIP])
def test_a_batch_comes_out_as_one_record_with_all_of_its_own(compression):
    data = batch([b"a", None, b"c"], 10, compression=compression) + batch([b"d"], 13)
    records = fetched(data, 10)
    some = records.take()
    assert [record.offset for record in some] == [12, 13]
    assert records.next_fetch_offset == 14
    assert read(data, 10) == [
        (10, 1000, b"key", b"a", [("n", b"0")]),
        (11, 1001, b"key", None, [("n", b"1")]),
        (12, 1002, b"key", b"c", [("n", b"2")]),
        (13, 1000, b"key", b"d", [("n", b"0")]),
    ]


def test_a_fetch_that_begins_inside_of_a_batch_skips_what_was_read_before():
    data = batch([b"a", b"b", b"c", b"d"], 10) + batch([b"e"], 14)
    assert [row[0] for row in read(data, 12)] == [12, 13, 14]
    assert [row[0] for row in read(data, 12, high=13)] == [12]


@pytest.mark.parametrize("magic", [0, 1])
def test_old_message_formats_come_out_record_by_record_and_the_same(magic):
    data = batch([b"a", b"b"], 10, magic=magic)
    times = [1000, 1001] if magic else [-1, -1]
    assert read(data, 10) == [
        (10, times[0], b"key", b"a", []),
        (11, times[1], b"key", b"b", []),
    ]


def test_old_and_new_formats_in_one_fetch_keep_their_order():
    data = batch([b"a"], 5, magic=1) + batch([b"b", b"c"], 6) + batch([b"d"], 8, magic=1)
    assert [(row[0], row[3]) for row in read(data, 5)] == [
        (5, b"a"), (6, b"b"), (7, b"c"), (8, b"d"),
    ]  # fmt: skip


def test_a_flipped_bit_fails_the_checksum():
    data = batch([b"a" * 50], 10)
    data[-10] ^= 1
    with pytest.raises(kafka.errors.CorruptRecordError, match="crc"):
        fetched(data, 10).take()


def test_what_cannot_be_decompressed_is_a_kafka_error():
    data = batch([b"a" * 50], 10, compression=GZIP)
    data[61] ^= 0xFF  # the first byte behind the batch's header
    records = hooked()(10, PARTITION, MemoryRecords(data), check_crcs=False)
    with pytest.raises(kafka.errors.CorruptRecordError, match="cannot be decompressed"):
        records.take()


def test_a_poll_takes_records_of_whole_batches_up_to_its_limit():
    big = [b"x"] * 100
    records = fetched(b"".join(batch(big, 100 * n) for n in range(10)))
    counted = [records.take(n) for n in (1, 100, 101, 450)]
    assert [len(taken) for taken in counted] == [100, 100, 200, 500]
    assert [taken[-1].offset for taken in counted] == [99, 199, 399, 899]
    assert records.next_fetch_offset == 900
    assert [record.offset for record in records.take()] == [999]
    assert not records


def test_a_small_batch_counts_as_many_records_as_it_costs():
    records = fetched(b"".join(batch([b"x"], n) for n in range(100)))
    taken = records.take(10 * record_batches.SMALL_BATCH)
    assert [record.offset for record in taken] == [*range(10)]


@pytest.mark.parametrize("magic", [0, 1])
def test_records_of_old_formats_count_as_small_batches(magic):
    records = fetched(batch([b"x"] * 100, magic=magic))
    assert [r.offset for r in records.take(3 * record_batches.SMALL_BATCH)] == [0, 1, 2]


def test_an_error_behind_good_batches_comes_after_them_however_many_are_taken_at_once():
    spoilt = batch([b"a" * 50], 11)
    spoilt[-10] ^= 1
    records = fetched(batch([b"good"], 10) + spoilt, 10)
    assert [record.offset for record in records.take(1000)] == [10]
    with pytest.raises(kafka.errors.CorruptRecordError, match="crc"):
        records.take(1000)
