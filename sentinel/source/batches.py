"""Records in the form in which they are decoded: one payload, and where its records lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sentinel.errors import KafkaError
from sentinel.source.record_table import (
    COLUMNS,
    CORRUPTIONS,
    INTACT,
    KEY_LENGTH,
    KEY_START,
    MIN_RECORD_BYTES,
    OFFSET,
    RECORD_END,
    TIMESTAMP_MS,
    VALUE_LENGTH,
    VALUE_START,
    Headers,
    RecordTable,
    read_headers,
    split,
)


@dataclass(frozen=True, slots=True)
class PackedBatch:
    """A record batch as it came (message format 2, decompressed), not looked into yet.

    low  records before this offset were not asked for: a fetch may begin inside of a batch
    """

    payload: NDArray[np.uint8]
    records: int
    base_offset: int
    last_offset: int
    first_timestamp_ms: int
    append_time_ms: int
    low: int = 0


@dataclass(frozen=True, slots=True)
class PlainRecord:
    """One record as Python objects: what old message formats and samples arrive as."""

    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Records of one partition, ready to be decoded.

    payload  (N,) uint8
    table    (R, COLUMNS) int64, see `record_table`
    headers  of each record, or None where they are still in the payload
    """

    topic: str
    partition: int
    payload: NDArray[np.uint8]
    table: RecordTable
    headers: Sequence[Headers] | None = None

    def __len__(self) -> int:
        return len(self.table)

    def head(self, records: int) -> RecordBatch:
        """The first `records` of them, or as many as there are."""
        return replace(self, table=self.table[: max(0, records)])

    def offset(self, i: int) -> int:
        """The offset of record i."""
        return int(self.table[i, OFFSET])

    def timestamp_ms(self, i: int) -> int:
        """The time of record i, -1 = none."""
        return int(self.table[i, TIMESTAMP_MS])

    def key(self, i: int) -> bytes | None:
        """The key of record i, None = null."""
        return self._slice(int(self.table[i, KEY_START]), int(self.table[i, KEY_LENGTH]))

    def value(self, i: int) -> bytes | None:
        """The value of record i, None = null."""
        return self._slice(int(self.table[i, VALUE_START]), int(self.table[i, VALUE_LENGTH]))

    def record_headers(self, i: int) -> Headers:
        """The headers of record i; KafkaError where they are corrupt."""
        if self.headers is not None:
            return self.headers[i]
        start = int(self.table[i, VALUE_START]) + max(0, int(self.table[i, VALUE_LENGTH]))
        headers = read_headers(self.payload, start, int(self.table[i, RECORD_END]))
        if headers is None:
            raise corrupt(self.topic, self.partition, self.offset(i), "its headers are malformed")
        return headers

    def _slice(self, start: int, length: int) -> bytes | None:
        return None if length < 0 else self.payload[start : start + length].tobytes()


def unpack(topic: str, partition: int, batch: PackedBatch, high: int = 2**63 - 1) -> RecordBatch:
    """Find the records of a batch, those before offset `high`; KafkaError where it is corrupt."""
    if not 0 <= batch.records <= len(batch.payload) // MIN_RECORD_BYTES:
        raise corrupt(
            topic, partition, batch.base_offset, "it cannot hold the records it announces"
        )
    table = np.empty((batch.records, COLUMNS), np.int64)
    kept, fault, position = split(
        batch.payload,
        batch.records,
        batch.base_offset,
        batch.last_offset - batch.base_offset,
        batch.first_timestamp_ms,
        batch.append_time_ms,
        batch.low,
        high,
        table,
    )
    if fault != INTACT:
        what = f"{CORRUPTIONS[fault]} (byte {position} of {len(batch.payload)})"
        raise corrupt(topic, partition, batch.base_offset, what)
    return RecordBatch(topic, partition, batch.payload, table[:kept])


def bytes_view(buffer: bytes | bytearray | memoryview) -> NDArray[np.uint8]:
    """A payload as an array: read-only whatever it lies in, since kernels compile per kind."""
    view = np.frombuffer(buffer, np.uint8)
    view.flags.writeable = False
    return view


def pack(topic: str, partition: int, records: Sequence[PlainRecord]) -> RecordBatch:
    """Lay plain records side by side, so that they are decoded like any others."""
    parts: list[bytes] = []
    table = np.empty((len(records), COLUMNS), np.int64)
    position = 0
    for i, record in enumerate(records):
        row = [record.offset, record.timestamp_ms]
        for part in (record.key, record.value):
            row += [position, -1 if part is None else len(part)]
            parts.append(part or b"")
            position += len(parts[-1])
        table[i] = [*row, position]
    payload = bytes_view(b"".join(parts))
    return RecordBatch(topic, partition, payload, table, [record.headers for record in records])


def corrupt(topic: str, partition: int, offset: int, what: str) -> KafkaError:
    """A record batch that Kafka handed over and nobody can read."""
    return KafkaError(
        f"the record batch is corrupt: {what}",
        where=f"{topic}/{partition}@{offset}",
        hint="compare the broker's log on another replica; to give the batch up, move the "
        "consumer group past it with kafka-consumer-groups --reset-offsets",
    )
