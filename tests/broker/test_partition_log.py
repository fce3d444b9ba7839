"""The log of a partition against a plain list that does the same slowly."""

import kafka.errors as kafka_errors
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka.record import MemoryRecords

from sentinel.broker.batch import parse_batch
from sentinel.broker.partition_log import PartitionLog
from tests.broker.raw_client import batch

T0_MS = 1_700_000_000_000
batches = st.lists(
    st.tuples(st.integers(1, 5), st.integers(0, 400), st.integers(0, 50)), min_size=1, max_size=40
)


def filled(sizes, retention_bytes=1 << 20):
    """The log, and (offset, time, size of its batch) of every record ever appended."""
    log = PartitionLog(retention_bytes)
    records = []
    for count, value_bytes, time_ms in sizes:
        data = batch(*[b"x" * value_bytes] * count, timestamp_ms=T0_MS + time_ms)
        base_offset = log.append(data)
        assert base_offset == len(records)
        records += [(base_offset + i, T0_MS + time_ms + i, len(data)) for i in range(count)]
    return log, records


def offsets_in(data):
    return [record.offset for each in MemoryRecords(data) for record in each]


@settings(deadline=None)
@given(batches, st.data())
def test_reading_goes_on_from_any_offset_without_a_gap(sizes, data):
    log, records = filled(sizes)
    offset = data.draw(st.integers(0, len(records)))
    read = offsets_in(b"".join(log.read(offset, 1 << 20, at_least_one=True)))
    assert [each for each in read if each >= offset] == list(range(offset, len(records)))
    if read:
        assert read[0] <= offset


@settings(deadline=None)
@given(batches, st.integers(0, 3000), st.booleans())
def test_a_read_keeps_to_its_limit_but_for_the_first_batch(sizes, max_bytes, at_least_one):
    log, _ = filled(sizes)
    chosen = log.read(0, max_bytes, at_least_one=at_least_one)
    assert sum(map(len, chosen)) <= max_bytes or (at_least_one and len(chosen) == 1)
    assert chosen or not at_least_one


@settings(deadline=None)
@given(batches, st.integers(100, 4000))
def test_retention_bounds_the_log_and_always_keeps_the_newest_batch(sizes, retention_bytes):
    log, records = filled(sizes, retention_bytes)
    assert log.end_offset == len(records)
    kept = log.read(log.start_offset, 1 << 20, at_least_one=True)
    assert kept
    assert sum(map(len, kept)) <= retention_bytes or len(kept) == 1
    assert offsets_in(b"".join(kept)) == list(range(log.start_offset, log.end_offset))
    for outside in (log.start_offset - 1, log.end_offset + 1):
        with pytest.raises(kafka_errors.OffsetOutOfRangeError):
            log.read(outside, 1000, at_least_one=True)


@settings(deadline=None)
@given(batches, st.integers(-1, 60), st.data())
def test_a_time_leads_to_the_first_record_at_or_after_it(sizes, time_ms, data):
    log, records = filled(sizes)
    start = data.draw(st.integers(0, len(records)))
    log.delete_before(start)
    wanted = T0_MS + time_ms
    expected = next(((t, o) for o, t, _ in records if t >= wanted and o >= start), None)
    assert log.offset_for_time(wanted) == expected


@settings(deadline=None)
@given(batches)
def test_the_newest_time_is_found(sizes):
    log, records = filled(sizes)
    newest = max(time_ms for _, time_ms, _ in records)
    assert log.offset_of_newest_time() == next((t, o) for o, t, _ in records if t == newest)


def test_an_empty_log_has_no_times():
    log = PartitionLog(1000)
    assert log.offset_for_time(0) is None
    assert log.offset_of_newest_time() is None


def test_a_log_can_be_emptied_and_goes_on():
    log, records = filled([(3, 10, 0)])
    log.delete_before(log.end_offset)
    assert log.read(3, 1000, at_least_one=True) == []
    assert log.append(batch(b"next")) == len(records)


@pytest.mark.parametrize("cut", [0, 1, 60])
def test_a_batch_without_a_whole_header_is_corrupt(cut):
    with pytest.raises(kafka_errors.CorruptRecordError):
        parse_batch(batch(b"value")[:cut])


def test_a_batch_that_is_cut_short_is_refused():
    with pytest.raises(kafka_errors.InvalidRecordError):
        parse_batch(batch(b"value")[:-1])


@settings(deadline=None)
@given(st.integers(16, len(batch(b"some value")) - 1), st.integers(0, 7))
def test_no_flipped_bit_behind_the_length_goes_unnoticed(position, bit):
    damaged = bytearray(batch(b"some value"))
    damaged[position] ^= 1 << bit
    with pytest.raises(kafka_errors.BrokerResponseError):
        parse_batch(bytes(damaged))
