"""Record batches out of kafka-python whole, instead of one object per record.

kafka-python keeps all that is hard: groups, fetch sessions, CRC, decompression, aborted
transactions, control batches, positions. Only its last step changes: a batch of message format 2
comes out as ONE record whose value is a `PackedBatch`. Batches of older formats, which no broker
has written since 2017, come out record by record as ever.

The hook is private API (`consumer._fetcher.PartitionRecords`), hence ``kafka-python<3.1``;
`install` refuses loudly where its assumptions do not hold, and tests/source/test_record_batches.py
says which they are. ``max_poll_records`` counts records as ever, of whole batches: a poll ends with
the batch that reaches it.

What a compressed batch expands to has no bound: kafka-python decompresses it in one go, in none of
its four codecs with a limit. `fetch_max_bytes` bounds what comes over the wire; a batch made to
expand (a 99 KiB one of gzip took 209 MiB, measured) takes the memory that it asks for. Who may
write to the topic is to be trusted that far, and MemoryMax= of the systemd unit is the bound.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import kafka
import kafka.errors
from kafka.consumer.fetcher import Fetcher
from kafka.record.default_records import DefaultRecordBatch

from sentinel.errors import KafkaError
from sentinel.source.batches import (
    PackedBatch,
    PlainRecord,
    RecordBatch,
    bytes_view,
    pack,
    unpack,
)

_FORMAT_2 = 2
# Records that a batch counts as at least: handing one on takes about as long as decoding so many.
SMALL_BATCH = 32


class _WholeBatch:
    """A record batch that iterates as one record; everything else is the batch's own."""

    key = None
    checksum = None
    headers: tuple[()] = ()

    def __init__(self, batch: Any, low: int) -> None:
        self._batch = batch
        self._low = low
        self.offset = batch.last_offset  # so that kafka-python goes on behind the batch
        self.timestamp = batch.first_timestamp
        self.timestamp_type = batch.timestamp_type
        self.size_in_bytes = batch.size_in_bytes
        self.value = _Value(None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[_WholeBatch]:
        batch = self._batch
        try:
            batch._maybe_uncompress()
        except kafka.errors.KafkaError:
            raise
        except Exception as error:  # every codec's library has exceptions of its own
            raise kafka.errors.CorruptRecordError(
                f"the record batch at offset {batch.base_offset} cannot be decompressed: {error!r}"
            ) from error
        self.value = _Value(
            PackedBatch(
                payload=bytes_view(memoryview(batch._buffer)[batch._pos :]),
                records=batch.records_count,
                base_offset=batch.base_offset,
                last_offset=batch.last_offset,
                first_timestamp_ms=batch.first_timestamp,
                append_time_ms=batch.max_timestamp if batch.timestamp_type == 1 else -1,
                low=self._low,
            )
        )
        yield self

    def validate_crc(self) -> bool:
        # Asked once of the batch, and once more of the record that it poses as.
        return self._batch._decompressed or bool(self._batch.validate_crc())


class _Value:
    """What stands in `ConsumerRecord.value`: kafka-python asks for its length."""

    __slots__ = ("batch",)

    def __init__(self, batch: PackedBatch | None) -> None:
        self.batch = batch

    def __len__(self) -> int:
        return 0 if self.batch is None else len(self.batch.payload)


class _WholeBatches:
    """kafka-python's `MemoryRecords`, its batches made whole."""

    def __init__(self, records: Any, low: int) -> None:
        self._records = records
        self._low = low

    def __getattr__(self, name: str) -> Any:
        return getattr(self._records, name)

    def next_batch(self) -> Any:
        batch = self._records.next_batch()
        if batch is None or batch.magic != _FORMAT_2 or batch.is_control_batch:
            return batch
        return _WholeBatch(batch, self._low)


class _Metered(Iterator[Any]):
    """An iterator that pauses behind the record with which `taken` reaches `limit`."""

    def __init__(self, records: Iterator[Any]) -> None:
        self._records = records
        self.taken, self.limit = 0, 0.0

    def __next__(self) -> Any:
        if self.taken >= self.limit:
            raise StopIteration
        record = next(self._records)
        self.taken += _weight(record)
        return record


class _Taken(list[Any]):
    """Batches whose length is their records': kafka-python takes it off what a poll may bring."""

    def __init__(self, batches: list[Any], records: int) -> None:
        super().__init__(batches)
        self._records = records

    def __len__(self) -> int:
        return self._records


class _PartitionBatches(Fetcher.PartitionRecords):  # type: ignore[misc]
    record_iterator: Any

    def __init__(self, fetch_offset: int, tp: Any, records: Any, **options: Any) -> None:
        super().__init__(fetch_offset, tp, _WholeBatches(records, fetch_offset), **options)
        self._meter = _Metered(self.record_iterator)
        self.record_iterator = self._meter

    def take(self, n: int | None = None) -> _Taken:
        self._meter.taken, self._meter.limit = 0, math.inf if n is None else n
        return _Taken(super().take(), self._meter.taken)


def _weight(record: Any) -> int:
    whole = isinstance(record.value, _Value) and record.value.batch is not None
    return max(SMALL_BATCH, record.value.batch.records if whole else 1)


def install(consumer: Any) -> None:
    """Make `consumer.poll` return whole batches; KafkaError where this kafka-python is another."""
    fetcher: Any = getattr(consumer, "_fetcher", None)
    expected = ("_maybe_uncompress", "_buffer", "_pos", "_decompressed", "records_count")
    if (
        getattr(fetcher, "PartitionRecords", None) is not Fetcher.PartitionRecords
        or not all(hasattr(DefaultRecordBatch, name) for name in expected)
    ):  # fmt: skip
        raise KafkaError(
            f"kafka-python {kafka.__version__} hands out records in another way",
            where="sentinel.source.record_batches",
            hint="install kafka-python>=3.0.12,<3.1",
        )
    fetcher.PartitionRecords = _PartitionBatches


def batches_of(records: list[Any], high: int = 2**63 - 1) -> Iterator[RecordBatch]:
    """What `poll` returned for one partition, as batches; records from offset `high` on are left.

    Raises KafkaError where a batch is corrupt.
    """
    plain: list[PlainRecord] = []
    for record in records:
        if not isinstance(record.value, _Value):
            if record.offset < high:
                plain.append(_plain(record))
            continue
        if plain:
            yield pack(record.topic, record.partition, plain)
            plain = []
        batch = record.value.batch
        assert batch is not None  # it was iterated, or it would not be here
        yield unpack(record.topic, record.partition, batch, high)
    if plain:
        yield pack(records[0].topic, records[0].partition, plain)


def _plain(record: Any) -> PlainRecord:
    timestamp_ms = -1 if record.timestamp is None else record.timestamp
    return PlainRecord(record.offset, timestamp_ms, record.key, record.value, record.headers)
