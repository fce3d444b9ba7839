"""The splitter: every record where it lies, and an error for whatever is no record batch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

from sentinel.errors import KafkaError
from sentinel.source.batches import PackedBatch, RecordBatch, bytes_view, unpack
from sentinel.source.record_table import INTACT, split

HEADER_BYTES = 61
NAMES = st.text(max_size=5)
HEADERS = st.lists(st.tuples(NAMES, st.none() | st.binary(max_size=5)), max_size=3)
BYTES = st.none() | st.binary(max_size=40)
RECORDS = st.lists(st.tuples(st.integers(0, 2**41), BYTES, BYTES, HEADERS), min_size=1, max_size=20)


def batch_bytes(records, offsets=None) -> bytearray:
    """A record batch (message format 2) as kafka-python's producer builds it."""
    builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, 1 << 20)
    for offset, (timestamp, key, value, headers) in zip(
        offsets or range(len(records)), records, strict=True
    ):
        builder.append(offset, timestamp, key, value, headers)
    return bytearray(builder.build())


def packed(data: bytes | bytearray, low: int = 0, append_time_ms: int = -1) -> PackedBatch:
    batch = DefaultRecordBatch(memoryview(bytes(data)))
    return PackedBatch(
        bytes_view(bytes(data[HEADER_BYTES:])),
        batch.records_count,
        batch.base_offset,
        batch.last_offset,
        batch.first_timestamp,
        append_time_ms,
        low,
    )


def listed(batch: RecordBatch):
    return [
        (batch.offset(i), batch.timestamp_ms(i), batch.key(i), batch.value(i),
         list(batch.record_headers(i)))
        for i in range(len(batch))
    ]  # fmt: skip


@given(RECORDS)
def test_every_record_comes_out_as_kafka_python_reads_it(records):
    data = batch_bytes(records)
    expected = [
        (r.offset, r.timestamp, r.key, r.value, r.headers)
        for r in DefaultRecordBatch(memoryview(data))
    ]
    assert listed(unpack("t", 0, packed(data))) == expected


def test_records_before_the_fetch_offset_and_behind_the_end_are_left_out():
    records = [(0, None, b"%d" % i, []) for i in range(10)]
    data = batch_bytes(records, [0, 1, 2, 5, 6, 7, 20, 21, 22, 40])  # compacted: gaps
    batch = unpack("t", 0, packed(data, low=6), high=22)
    assert [batch.offset(i) for i in range(len(batch))] == [6, 7, 20, 21]
    assert [batch.value(i) for i in range(len(batch))] == [b"4", b"5", b"6", b"7"]


def test_the_brokers_time_is_every_records_time_where_it_sets_it():
    data = batch_bytes([(5, None, b"a", []), (7, None, b"b", [])])
    batch = unpack("t", 0, packed(data, append_time_ms=99))
    assert [batch.timestamp_ms(i) for i in range(2)] == [99, 99]


def test_an_empty_batch_has_no_records():
    assert len(unpack("t", 0, PackedBatch(bytes_view(b""), 0, 5, 5, 0, -1))) == 0


@given(RECORDS, st.data())
def test_a_damaged_batch_is_an_error_or_other_records_but_never_a_wild_read(records, data):
    damaged = batch_bytes(records)
    for _ in range(data.draw(st.integers(1, 4))):
        position = data.draw(st.integers(HEADER_BYTES, len(damaged) - 1))
        damaged[position] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, 3))
    batch = packed(damaged[: len(damaged) - cut] if cut < len(damaged) - HEADER_BYTES else damaged)
    try:
        found = unpack("t", 0, batch)
    except KafkaError:
        return
    for i in range(len(found)):
        for start, length in (found.table[i, 2:4], found.table[i, 4:6]):
            assert length >= -1
            assert 0 <= start <= start + max(length, 0) <= len(batch.payload)
        assert batch.base_offset <= found.offset(i) <= batch.last_offset


@pytest.mark.parametrize(
    ("position", "byte"),
    [(0, 0x7E), (0, 0x03), (2, 0xFF), (3, 0x02), (4, 0x7E), (4, 0x03), (6, 0x7E), (6, 0x03)],
)
def test_a_length_or_offset_that_leaves_the_batch_is_an_error(position, byte):
    data = batch_bytes([(0, b"k", b"v", [])])  # length, attributes, time, offset, 1 k, 1 v, headers
    assert len(data) == HEADER_BYTES + 9
    data[HEADER_BYTES + position] = byte
    with pytest.raises(KafkaError, match="corrupt"):
        unpack("t", 0, packed(data))


@given(st.binary(max_size=60), st.integers(0, 8))
def test_noise_is_never_read_beyond_its_end(noise, count):
    fenced = np.frombuffer(b"\x80" * 16 + noise + b"\x80" * 16, np.uint8)[16 : 16 + len(noise)]
    table = np.zeros((max(count, 1), 7), np.int64)
    kept, fault, position = split(fenced, count, 0, 100, 0, -1, 0, 2**62, table)
    assert 0 <= position <= len(noise)
    assert 0 <= kept <= count
    if fault == INTACT:
        assert (table[:kept, 6] <= len(noise)).all()


@pytest.mark.parametrize("count", [-1, 3, 10**9])
def test_a_wrong_number_of_records_is_an_error_that_says_where(count):
    data = packed(batch_bytes([(0, b"k", b"v", []), (0, b"k", b"v", [])]))
    wrong = PackedBatch(data.payload, count, 7, 8, 0, -1)
    with pytest.raises(KafkaError, match=r"t/3@7: the record batch is corrupt"):
        unpack("t", 3, wrong)


def test_damaged_headers_are_an_error_when_somebody_needs_them():
    data = batch_bytes([(0, b"k", b"v", [("name", b"value")])])
    data[-len(b"\nvalue")] = 0x7F  # the length of the header's value
    batch = unpack("t", 0, packed(data))
    with pytest.raises(KafkaError, match="headers"):
        batch.record_headers(0)
