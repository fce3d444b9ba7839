"""Idempotent producers: what is remembered, for how long, and where sequences wrap."""

import kafka.errors as kafka_errors
import pytest

from sentinel.broker.batch import Batch
from sentinel.broker.sequences import (
    REMEMBERED_BATCHES,
    REMEMBERED_PRODUCERS,
    SEQUENCE_MASK,
    ProducerSequences,
)


def sent(sequence, *, count=1, base_offset=0, producer_id=7, epoch=0):
    return Batch(base_offset, count - 1, 0, producer_id, epoch, sequence, b"")


def test_only_the_newest_batches_are_known_as_duplicates():
    sequences = ProducerSequences()
    for number in range(REMEMBERED_BATCHES + 1):
        sequences.remember(sent(number, base_offset=100 + number))
    assert sequences.duplicate_of(sent(1)) == 101
    with pytest.raises(kafka_errors.OutOfOrderSequenceNumberError):
        sequences.duplicate_of(sent(0))


def test_sequences_wrap_behind_the_largest_int32():
    sequences = ProducerSequences()
    sequences.remember(sent(SEQUENCE_MASK - 1, count=3))
    assert sequences.duplicate_of(sent(1)) is None
    with pytest.raises(kafka_errors.OutOfOrderSequenceNumberError):
        sequences.duplicate_of(sent(2))


def test_a_producer_nobody_knows_may_begin_anywhere():
    assert ProducerSequences().duplicate_of(sent(42)) is None


def test_the_longest_silent_producer_is_forgotten_first():
    sequences = ProducerSequences()
    for producer_id in range(REMEMBERED_PRODUCERS):
        sequences.remember(sent(0, producer_id=producer_id, base_offset=producer_id))
    sequences.remember(sent(1, producer_id=0))
    sequences.remember(sent(0, producer_id=REMEMBERED_PRODUCERS))
    assert sequences.duplicate_of(sent(0, producer_id=1)) is None  # forgotten: kept as new
    assert sequences.duplicate_of(sent(0, producer_id=0)) == 0
    assert sequences.duplicate_of(sent(0, producer_id=2)) == 2
