"""Idempotent producers: each batch of a producer is kept once and in order, however often sent.

The rules are those of Kafka's ProducerStateManager.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field

import kafka.errors as kafka_errors

from sentinel.broker.batch import Batch

REMEMBERED_BATCHES = 5  # an idempotent producer has at most five requests in flight
REMEMBERED_PRODUCERS = 1024  # per partition; the longest silent one is forgotten first
SEQUENCE_MASK = 0x7FFFFFFF  # sequences wrap to 0 behind the largest int32


@dataclass(slots=True)
class _Producer:
    """What one partition knows of one producer.

    recent   base_sequence, last_offset_delta and base_offset of its newest batches
    """

    epoch: int
    next_sequence: int = 0
    recent: deque[tuple[int, int, int]] = field(
        default_factory=lambda: deque(maxlen=REMEMBERED_BATCHES)
    )


class ProducerSequences:
    """The idempotent producers of one partition."""

    def __init__(self) -> None:
        self._producers: OrderedDict[int, _Producer] = OrderedDict()

    def duplicate_of(self, batch: Batch) -> int | None:
        """Base offset of the kept batch that this one repeats; None: it is new, and the next.

        Raises kafka.errors.OutOfOrderSequenceNumberError for a gap or an old batch,
        InvalidProducerEpochError for a producer that a newer epoch has replaced.
        """
        producer = self._producers.get(batch.producer_id)
        if producer is None:
            return None
        if batch.producer_epoch < producer.epoch:
            raise kafka_errors.InvalidProducerEpochError(
                f"producer {batch.producer_id} has epoch {producer.epoch} by now"
            )
        expected = 0
        if batch.producer_epoch == producer.epoch:
            for base_sequence, last_offset_delta, base_offset in producer.recent:
                if (base_sequence, last_offset_delta) == (
                    batch.base_sequence,
                    batch.last_offset_delta,
                ):
                    return base_offset
            expected = producer.next_sequence
        if batch.base_sequence != expected:
            raise kafka_errors.OutOfOrderSequenceNumberError(
                f"producer {batch.producer_id}: {batch.base_sequence}, expected {expected}"
            )
        return None

    def remember(self, batch: Batch) -> None:
        """`batch` is in the log now, at its base offset."""
        producer = self._producers.pop(batch.producer_id, None)
        if producer is None or producer.epoch != batch.producer_epoch:
            producer = _Producer(epoch=batch.producer_epoch)
        self._producers[batch.producer_id] = producer
        count = batch.last_offset_delta + 1
        producer.next_sequence = (batch.base_sequence + count) & SEQUENCE_MASK
        producer.recent.append((batch.base_sequence, batch.last_offset_delta, batch.base_offset))
        if len(self._producers) > REMEMBERED_PRODUCERS:
            self._producers.popitem(last=False)
