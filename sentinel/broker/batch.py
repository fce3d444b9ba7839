"""The header of a record batch: all that the broker reads of the records it keeps.

Format "magic 2", big-endian, 61 bytes, followed by the records, which stay opaque (and compressed)
here. Source: Kafka's documentation, "Record Batch".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import kafka.errors as kafka_errors
from kafka.record.util import calc_crc32c

_HEADER = struct.Struct(">qiibIhiqqqhii")
_BASE_OFFSET = struct.Struct(">q")
_LENGTH_STARTS = 12  # `length` counts from here: after the base offset and itself
_CRC_STARTS = 21  # the checksum covers everything behind itself

MAGIC = 2
TRANSACTIONAL = 0x10
CONTROL = 0x20


@dataclass(frozen=True, slots=True)
class Batch:
    """One record batch. `data` holds it whole, header included, as it goes over the wire.

    base_offset       of the first record; what the producer wrote until `at` moves it
    last_offset_delta offset of the last record, from base_offset
    max_timestamp_ms  largest of the records' timestamps
    producer_id, producer_epoch, base_sequence   -1 where the producer is not idempotent
    """

    base_offset: int
    last_offset_delta: int
    max_timestamp_ms: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    data: bytes

    @property
    def next_offset(self) -> int:
        """The offset behind the last record."""
        return self.base_offset + self.last_offset_delta + 1

    def at(self, base_offset: int) -> Batch:
        """The same batch at its place in the log. The checksum does not cover the offset."""
        return Batch(
            base_offset,
            self.last_offset_delta,
            self.max_timestamp_ms,
            self.producer_id,
            self.producer_epoch,
            self.base_sequence,
            _BASE_OFFSET.pack(base_offset) + self.data[_BASE_OFFSET.size :],
        )


def parse_batch(records: bytes | memoryview | None) -> Batch:
    """Check and read what a producer sent for one partition: exactly one batch.

    Raises kafka.errors.CorruptRecordError (cut short, or a wrong checksum),
    UnsupportedForMessageFormatError (older than Kafka 0.11), InvalidRecordError (more than one
    batch, a count that does not fit, a control batch), InvalidTxnStateError (transactional).
    """
    data = bytes(records or b"")
    if len(data) < _HEADER.size:
        raise kafka_errors.CorruptRecordError(f"a batch of {len(data)} bytes has no whole header")
    (
        base_offset,
        length,
        _leader_epoch,
        magic,
        checksum,
        attributes,
        last_offset_delta,
        _first_timestamp,
        max_timestamp,
        producer_id,
        producer_epoch,
        base_sequence,
        count,
    ) = _HEADER.unpack_from(data)
    if magic != MAGIC:
        raise kafka_errors.UnsupportedForMessageFormatError(f"message format {magic}")
    if length != len(data) - _LENGTH_STARTS:
        raise kafka_errors.InvalidRecordError("not exactly one batch for the partition")
    if calc_crc32c(memoryview(data)[_CRC_STARTS:]) != checksum:
        raise kafka_errors.CorruptRecordError("wrong checksum")
    if count < 1 or last_offset_delta != count - 1:
        raise kafka_errors.InvalidRecordError(
            f"{count} records, but the last offset delta is {last_offset_delta}"
        )
    if attributes & CONTROL:
        raise kafka_errors.InvalidRecordError("clients may not write control batches")
    if attributes & TRANSACTIONAL:
        raise kafka_errors.InvalidTxnStateError("the embedded broker has no transactions")
    return Batch(
        base_offset,
        last_offset_delta,
        max_timestamp,
        producer_id,
        producer_epoch,
        base_sequence,
        data,
    )
