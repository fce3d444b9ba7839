"""The log of one partition: record batches in memory, in the order of their offsets."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from operator import attrgetter

import kafka.errors as kafka_errors
from kafka.record import MemoryRecords

from sentinel.broker.batch import Batch, parse_batch
from sentinel.broker.sequences import ProducerSequences

MAX_BATCH_BYTES = 1_048_588  # Kafka's default of message.max.bytes
TRIM_STRIDE = 8  # an eighth of the limit goes at once, as Kafka drops whole segments

_base_offset = attrgetter("base_offset")


class PartitionLog:
    """Batches between start_offset and end_offset; the oldest are dropped beyond the limit.

    retention_bytes   largest sum of the batches' sizes; the newest batch always stays
    start_offset      oldest offset that can be read
    end_offset        offset that the next record will get; the high watermark too, and the last
                      stable offset, for there are neither replicas nor transactions
    watchers          set whenever something was appended, or the partition is gone
    """

    def __init__(self, retention_bytes: int) -> None:
        self.retention_bytes = retention_bytes
        self.start_offset = 0
        self.end_offset = 0
        self.watchers: set[asyncio.Event] = set()
        self._batches: list[Batch] = []
        self._size_bytes = 0
        self._sequences = ProducerSequences()

    def append(self, records: bytes | memoryview | None) -> int:
        """Keep one batch; the offset of its first record (that of the original if a duplicate).

        Raises kafka.errors.MessageSizeTooLargeError, and what `parse_batch` and
        `ProducerSequences.duplicate_of` raise; nothing is kept then.
        """
        if records is not None and len(records) > MAX_BATCH_BYTES:
            raise kafka_errors.MessageSizeTooLargeError(
                f"a batch of {len(records)} bytes; the limit is {MAX_BATCH_BYTES}"
            )
        batch = parse_batch(records)
        idempotent = batch.producer_id >= 0
        if idempotent:
            duplicate = self._sequences.duplicate_of(batch)
            if duplicate is not None:
                return duplicate
        batch = batch.at(self.end_offset)
        self._batches.append(batch)
        self._size_bytes += len(batch.data)
        self.end_offset = batch.next_offset
        if idempotent:
            self._sequences.remember(batch)
        if self._size_bytes > self.retention_bytes:
            self._drop_oldest()
        self.wake()
        return batch.base_offset

    def read(self, offset: int, max_bytes: int, *, at_least_one: bool) -> list[bytes]:
        """Whole batches from the one that holds `offset` on, up to max_bytes in sum.

        at_least_one   a first batch larger than max_bytes is answered all the same, so that a
                       consumer with small limits does not stand still
        Raises         kafka.errors.OffsetOutOfRangeError
        """
        if not self.start_offset <= offset <= self.end_offset:
            raise kafka_errors.OffsetOutOfRangeError(
                f"{offset} is not in {self.start_offset}..{self.end_offset}"
            )
        chosen: list[bytes] = []
        if offset == self.end_offset:
            return chosen
        first = bisect_right(self._batches, offset, key=_base_offset) - 1
        left_bytes = max_bytes
        for index in range(first, len(self._batches)):
            data = self._batches[index].data
            left_bytes -= len(data)
            if left_bytes < 0 and not (at_least_one and not chosen):
                break
            chosen.append(data)
        return chosen

    def offset_for_time(self, timestamp_ms: int) -> tuple[int, int] | None:
        """Time and offset of the first record at or after a time; None where there is none."""
        for batch in self._batches:
            if batch.max_timestamp_ms >= timestamp_ms:
                for time_ms, offset in self._times(batch):
                    if time_ms >= timestamp_ms:
                        return time_ms, offset
        return None

    def offset_of_newest_time(self) -> tuple[int, int] | None:
        """Time and offset of the record with the largest time; None where the log is empty."""
        newest = max(self._batches, key=attrgetter("max_timestamp_ms"), default=None)
        if newest is None:
            return None
        return max(self._times(newest), key=lambda found: (found[0], -found[1]), default=None)

    def delete_before(self, offset: int) -> None:
        """Drop the records before `offset`. Raises kafka.errors.OffsetOutOfRangeError."""
        if not 0 <= offset <= self.end_offset:
            raise kafka_errors.OffsetOutOfRangeError(f"{offset} is beyond {self.end_offset}")
        self.start_offset = max(self.start_offset, offset)
        dropped = 0
        while dropped < len(self._batches) and (
            self._batches[dropped].next_offset <= self.start_offset
        ):
            self._size_bytes -= len(self._batches[dropped].data)
            dropped += 1
        del self._batches[:dropped]

    def wake(self) -> None:
        """Tell everybody who waits for this partition that it changed."""
        for watcher in self.watchers:
            watcher.set()

    def _drop_oldest(self) -> None:
        target = self.retention_bytes - self.retention_bytes // TRIM_STRIDE
        size_bytes = self._size_bytes
        index = 0
        while size_bytes > target and index < len(self._batches) - 1:
            size_bytes -= len(self._batches[index].data)
            index += 1
        self.delete_before(self._batches[index].base_offset)

    def _times(self, batch: Batch) -> list[tuple[int, int]]:
        """Time and offset of each record that can still be read. Decompresses and decodes."""
        (decoded,) = MemoryRecords(batch.data)
        return [
            (record.timestamp, record.offset)
            for record in decoded
            if record.offset >= self.start_offset
        ]
