"""Dead letters: the record unchanged, with Kafka Connect's headers that say why it is here.

Tools that read Connect's dead-letter topics read these. Where the brokers refuse a letter for what
it is, `REPAIRS` holds what is given up so that they take it: a letter that can never be delivered
would stop the daemon for ever. The original stays in its topic, where the headers point.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import kafka.errors as kafka_errors

from sentinel.ports import DeadLetter

Header = tuple[str, bytes]

# What a shortened letter keeps. Brokers take a megabyte unless told otherwise, and no one sets a
# limit below this sum.
KEPT_VALUE_BYTES: Final = 16_384
KEPT_KEY_BYTES: Final = 1_024
KEPT_HEADERS_BYTES: Final = 4_096
KEPT_MESSAGE_BYTES: Final = 2_048

SHORTENED_HEADER: Final = "sentinel.shortened"
UNDATED_HEADER: Final = "sentinel.original.timestamp.ms"


@dataclass(frozen=True, slots=True)
class LetterRecord:
    """A dead letter as the producer takes it.

    origin        topic/partition@offset of the original record, for people
    headers       those of the original record
    errors        ours, which follow them
    timestamp_ms  None: the time of writing
    """

    origin: str
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...]
    errors: tuple[Header, ...]
    timestamp_ms: int | None

    @property
    def size_bytes(self) -> int:
        """Bytes of key, value and headers, as far as they matter to a bound on memory."""
        contents = (content for _, content in (*self.headers, *self.errors))
        return _size(self.key) + _size(self.value) + sum(map(len, contents))


def letter_record(letter: DeadLetter) -> LetterRecord:
    """The record for the dead-letter topic.

    kafka-python writes neither a null header nor a record without key and value; both become
    empty bytes.
    """
    value = b"" if letter.key is None and letter.value is None else letter.value
    return LetterRecord(
        origin=f"{letter.topic}/{letter.partition}@{letter.offset}",
        key=letter.key,
        value=value,
        headers=tuple((name, content or b"") for name, content in letter.headers),
        errors=(
            ("__connect.errors.topic", letter.topic.encode()),
            ("__connect.errors.partition", str(letter.partition).encode()),
            ("__connect.errors.offset", str(letter.offset).encode()),
            ("__connect.errors.stage", letter.stage.encode()),
            ("__connect.errors.exception.class.name", letter.reason.encode()),
            ("__connect.errors.exception.message", _bytes(letter.message)[:KEPT_MESSAGE_BYTES]),
        ),
        # -1 is Kafka's "no timestamp", which no producer may write.
        timestamp_ms=letter.timestamp_ms if letter.timestamp_ms >= 0 else None,
    )


def shortened(record: LetterRecord) -> LetterRecord:
    """The record with the beginnings of key and value, and a header that says what is missing."""
    key = record.key and record.key[:KEPT_KEY_BYTES]
    value = record.value and record.value[:KEPT_VALUE_BYTES]
    headers = record.headers
    if sum(len(name.encode()) + len(content) for name, content in headers) > KEPT_HEADERS_BYTES:
        headers = ()
    if (key, value, headers) == (record.key, record.value, record.headers):
        return record
    told = "; ".join(
        text
        for text, changed in (
            (f"key: first {_size(key)} of {_size(record.key)} bytes", key != record.key),
            (f"value: first {_size(value)} of {_size(record.value)} bytes", value != record.value),
            (f"headers: none of {len(record.headers)}", headers != record.headers),
        )
        if changed
    )
    errors = (*record.errors, (SHORTENED_HEADER, told.encode()))
    return replace(record, key=key, value=value, headers=headers, errors=errors)


def undated(record: LetterRecord) -> LetterRecord:
    """The record with the time of writing, and the original time in a header."""
    if record.timestamp_ms is None:
        return record
    original = (UNDATED_HEADER, str(record.timestamp_ms).encode())
    return replace(record, errors=(*record.errors, original), timestamp_ms=None)


# By the broker's answer. Each repair gives back an equal record where it has nothing left to do.
REPAIRS: Final[Mapping[type[Exception], Callable[[LetterRecord], LetterRecord]]] = {
    kafka_errors.MessageSizeTooLargeError: shortened,
    kafka_errors.RecordListTooLargeError: shortened,
    kafka_errors.InvalidTimestampError: undated,
}


def _bytes(text: str) -> bytes:
    return text.encode(errors="backslashreplace")


def _size(content: bytes | None) -> int:
    return len(content or b"")
