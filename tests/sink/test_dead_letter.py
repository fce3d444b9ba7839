"""Dead letters: unchanged but for the headers that say why, and what is given up if need be."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.ports import DeadLetter
from sentinel.sink import dead_letter
from sentinel.sink.dead_letter import REPAIRS, letter_record, shortened, undated

LETTER = DeadLetter(
    topic="readings",
    partition=3,
    offset=9_214,
    timestamp_ms=1_700_000_000_123,
    key=b"pump-7",
    value=b'{"ts": "yesterday"}',
    headers=[("trace", b"\x00\xff"), ("empty", None)],
    stage="read",
    reason="bad_timestamp",
    message="readings/3@9214: field \"ts\" is not a time: 'yesterday'",
)


def test_record_is_unchanged_and_says_why_in_connects_headers() -> None:
    record = letter_record(LETTER)
    assert (record.key, record.value, record.timestamp_ms) == (
        LETTER.key,
        LETTER.value,
        LETTER.timestamp_ms,
    )
    assert record.headers == (("trace", b"\x00\xff"), ("empty", b""))
    assert dict(record.errors) == {
        "__connect.errors.topic": b"readings",
        "__connect.errors.partition": b"3",
        "__connect.errors.offset": b"9214",
        "__connect.errors.stage": b"read",
        "__connect.errors.exception.class.name": b"bad_timestamp",
        "__connect.errors.exception.message": LETTER.message.encode(),
    }


def test_what_kafka_python_cannot_write_becomes_empty() -> None:
    record = letter_record(dataclasses.replace(LETTER, key=None, value=None, timestamp_ms=-1))
    assert (record.key, record.value, record.timestamp_ms) == (None, b"", None)
    tombstone = letter_record(dataclasses.replace(LETTER, value=None))
    assert tombstone.value is None


def test_message_of_any_text_can_be_written() -> None:
    record = letter_record(dataclasses.replace(LETTER, message="\ud800 " + "x" * 10_000))
    message = dict(record.errors)["__connect.errors.exception.message"]
    assert message.startswith(b"\\ud800 xxx")
    assert len(message) == dead_letter.KEPT_MESSAGE_BYTES


def test_shortened_keeps_beginnings_and_says_what_is_missing() -> None:
    large = letter_record(
        dataclasses.replace(
            LETTER, key=b"k" * 5_000, value=b"v" * 2_000_000, headers=[("h", b"h" * 5_000)] * 2
        )
    )
    small = shortened(large)
    assert small.key == b"k" * 1_024
    assert small.value == b"v" * 16_384
    assert small.headers == ()
    assert small.errors[:-1] == large.errors
    assert small.errors[-1] == (
        "sentinel.shortened",
        b"key: first 1024 of 5000 bytes; value: first 16384 of 2000000 bytes; headers: none of 2",
    )


def test_undated_keeps_the_time_in_a_header() -> None:
    record = undated(letter_record(LETTER))
    assert record.timestamp_ms is None
    assert record.errors[-1] == ("sentinel.original.timestamp.ms", b"1700000000123")


@pytest.mark.parametrize("repair", set(REPAIRS.values()))
@given(
    key=st.none() | st.integers(0, 5_000),
    value=st.none() | st.integers(0, 50_000),
    header=st.integers(0, 10_000),
    timestamp_ms=st.integers(-1, 2**41),
)
def test_repairs_end(
    repair: object, key: int | None, value: int | None, header: int, timestamp_ms: int
) -> None:
    assert callable(repair)
    letter = dataclasses.replace(
        LETTER,
        key=None if key is None else bytes(key),
        value=None if value is None else bytes(value),
        headers=[("h", bytes(header))],
        timestamp_ms=timestamp_ms,
    )
    once = repair(letter_record(letter))
    assert repair(once) == once
    assert (once.key is None, once.value is None) == (
        letter_record(letter).key is None,
        letter_record(letter).value is None,
    )


def test_shortened_is_small_whatever_it_was() -> None:
    worst = dataclasses.replace(
        LETTER,
        key=bytes(10**6),
        value=bytes(10**6),
        headers=[("h" * 1_000, bytes(1_000))] * 100,
        message="m" * 10**6,
    )
    assert shortened(letter_record(worst)).size_bytes < 24_000
