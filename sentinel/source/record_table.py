"""Where the records of a batch lie: a table of slices into its payload, one row per record.

`split` fills it from a record batch (message format 2). Its input comes from outside, therefore
every varint and every length is checked before anything is read: a corrupt batch is an error.

Source: KIP-98 and https://kafka.apache.org/documentation/#recordbatch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentinel.kernels.jit import lean_root
from sentinel.source.arrays import Bytes, Ints

# Columns of the table. A length of -1 is a null; the headers begin where the value ends.
OFFSET, TIMESTAMP_MS, KEY_START, KEY_LENGTH, VALUE_START, VALUE_LENGTH, RECORD_END = range(7)
COLUMNS = 7
MIN_RECORD_BYTES = 7  # length, attributes, timestamp, offset, key, value, headers: a byte each

RecordTable = NDArray[np.int64]

# Why a batch is corrupt: the second result of `split`.
INTACT, BAD_VARINT, BAD_LENGTH, BAD_OFFSET, BAD_COUNT = range(5)
CORRUPTIONS = {
    BAD_VARINT: "a number in it is cut off or too long",
    BAD_LENGTH: "a length in it reaches beyond its end",
    BAD_OFFSET: "an offset in it lies outside of the batch or is not in order",
    BAD_COUNT: "it holds fewer or more records than it says",
}


@lean_root
def _varint(b: Bytes, p: int, end: int) -> tuple[int, int]:
    """(value, next position) of the zigzag varint at `p`; next is -1 where it is malformed."""
    word = np.uint64(0)
    shift = np.uint64(0)
    while p < end and shift < np.uint64(64):
        c = np.uint64(b[p])
        p += 1
        word |= (c & np.uint64(0x7F)) << shift
        if c < np.uint64(128):
            value: Any = np.int64(word >> np.uint64(1)) ^ -np.int64(word & np.uint64(1))
            return value, p
        shift += np.uint64(7)
    return 0, -1


@lean_root
def _bytes(b: Bytes, p: int, end: int) -> tuple[int, int, int]:
    """(start, length, next position) of nullable bytes at `p`; next: -1 varint, -2 length."""
    length, p = _varint(b, p, end)
    if p < 0:
        return 0, -1, -1
    if length < 0:
        return p, -1, p if length == -1 else -2
    if length > end - p:
        return p, -1, -2
    return p, length, p + length


@lean_root
def split(
    b: Bytes,
    count: int,
    base_offset: int,
    last_delta: int,
    base_timestamp_ms: int,
    append_time_ms: int,
    low: int,
    high: int,
    table: Ints,
) -> tuple[int, int, int]:
    """Find the records of one batch's (decompressed) payload.

    b                 (N,) uint8
    count             records that the batch's header announces
    last_delta        offset of the batch's last record, relative to base_offset
    append_time_ms    the time of all records where the broker set it (LogAppendTime), else -1
    low, high         only records with low <= offset < high are kept: a fetch may begin inside of
                      a batch
    table             (>= count, COLUMNS) int64, overwritten
    Returns           (records kept, INTACT or why the batch is corrupt, position of the fault)
    """
    p = 0
    kept = 0
    before = -1
    for _ in range(count):
        length, p = _varint(b, p, len(b))
        if p < 0:
            return kept, BAD_VARINT, 0
        if length < MIN_RECORD_BYTES - 1 or length > len(b) - p:
            return kept, BAD_LENGTH, p
        start, end = p, p + length
        time_delta, p = _varint(b, p + 1, end)  # behind the record's attributes, which are unused
        if p < 0:
            return kept, BAD_VARINT, start
        delta, p = _varint(b, p, end)
        if p < 0:
            return kept, BAD_VARINT, start
        if delta <= before or delta > last_delta:
            return kept, BAD_OFFSET, start
        key, key_length, p = _bytes(b, p, end)
        if p < 0:
            return kept, BAD_VARINT if p == -1 else BAD_LENGTH, start
        value, value_length, p = _bytes(b, p, end)
        if p < 0:
            return kept, BAD_VARINT if p == -1 else BAD_LENGTH, start
        offset = base_offset + delta
        if low <= offset < high:
            table[kept, OFFSET] = offset
            table[kept, TIMESTAMP_MS] = (
                append_time_ms if append_time_ms >= 0 else base_timestamp_ms + time_delta
            )
            table[kept, KEY_START], table[kept, KEY_LENGTH] = key, key_length
            table[kept, VALUE_START], table[kept, VALUE_LENGTH] = value, value_length
            table[kept, RECORD_END] = end
            kept += 1
        before = delta
        p = end
    return kept, INTACT if p == len(b) else BAD_COUNT, p


Headers = Sequence[tuple[str, bytes | None]]


def read_headers(b: NDArray[np.uint8], start: int, end: int) -> Headers | None:
    """The headers of one record, which lie from `start` to `end`; None where they are corrupt."""
    count, p = _varint(b, start, end)
    if p < 0 or not 0 <= count <= (end - p) // 2:
        return None
    headers: list[tuple[str, bytes | None]] = []
    for _ in range(count):
        name, name_length, p = _bytes(b, p, end)
        if p < 0 or name_length < 0:
            return None
        value, value_length, p = _bytes(b, p, end)
        if p < 0:
            return None
        text = b[name : name + name_length].tobytes().decode(errors="backslashreplace")
        content = b[value : value + value_length].tobytes() if value_length >= 0 else None
        headers.append((text, content))
    return headers if p == end else None
