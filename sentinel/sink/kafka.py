"""The Sink port on Kafka: events and dead letters, acknowledged by all replicas in sync.

Two producers, for two promises. Events go through an idempotent one: each once and in order. Dead
letters go through a plain one with a single request in flight: in order, a retry may repeat them.
For an idempotent producer of kafka-python ends with the first record that a broker refuses, and
dead letters are the very records that a broker may refuse.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import kafka.errors as kafka_errors
from kafka import KafkaProducer

from sentinel.config.schema import SinkConfig
from sentinel.ports import DeadLetter, EventContext
from sentinel.records import EpisodeEvent
from sentinel.sink.dead_letter import REPAIRS, LetterRecord, letter_record
from sentinel.sink.events import CONTENT_TYPE, anomaly_event, encode
from sentinel.sink.failures import undelivered
from sentinel.sink.producers import close_producer, open_producer, producer_options

log = logging.getLogger(__name__)

# kafka-python's buffer has no bound. Beyond these, queueing waits for acknowledgements.
MAX_QUEUED_RECORDS: Final = 10_000
MAX_QUEUED_BYTES: Final = 32 * 1024 * 1024

EVENT_HEADERS: Final = [("content-type", CONTENT_TYPE.encode())]


@dataclass(frozen=True, slots=True)
class _QueuedLetter:
    """A dead letter on its way; no future where the client itself refused it."""

    record: LetterRecord
    future: Any


class KafkaSink:
    """Delivers to config.events_topic and config.dead_letter_topic. Used by one thread.

    client_options  bootstrap_servers and security, as kafka-python names them
    on_reduced      called for each dead letter that was delivered without part of its content
    Raises          ConfigError where config.client holds what kafka-python does not take;
                    KafkaError where the brokers cannot be reached or a topic is missing.
    """

    def __init__(
        self,
        config: SinkConfig,
        client_options: Mapping[str, Any],
        *,
        on_reduced: Callable[[], None] = lambda: None,
    ) -> None:
        self._config = config
        self._on_reduced = on_reduced
        self._queued_events: list[Any] = []  # futures
        self._queued_letters: list[_QueuedLetter] = []
        self._queued_bytes = 0
        options = producer_options(config, client_options)
        self._events: KafkaProducer = open_producer(
            options, config.events_topic, "events", idempotent=True
        )
        try:
            self._letters: KafkaProducer = open_producer(
                options, config.dead_letter_topic, "dead-letters", idempotent=False
            )
        except BaseException:
            close_producer(self._events)
            raise

    def event(self, event: EpisodeEvent, context: EventContext) -> None:
        """Queue one anomaly event: the key is the entity, the value a CloudEvent in JSON.

        The record's own timestamp is the time of writing: by the reading's time, retention would
        delete the events of a replayed history at once.
        """
        key, value = context.entity.encode(), encode(anomaly_event(event, context))
        self._make_room(len(key) + len(value))
        topic = self._config.events_topic
        try:
            future = self._events.send(topic, key=key, value=value, headers=EVENT_HEADERS)
        except kafka_errors.KafkaError as error:
            raise undelivered(error, topic) from error
        self._queued_events.append(future)

    def dead_letter(self, letter: DeadLetter) -> None:
        """Queue one record that could not be used, with the reason in its headers."""
        record = letter_record(letter)
        self._make_room(record.size_bytes)
        try:
            future = self._send(record)
        except kafka_errors.MessageSizeTooLargeError:
            future = None  # `flush` repairs it, as if a broker had refused it
        except kafka_errors.KafkaError as error:
            raise undelivered(error, self._config.dead_letter_topic) from error
        self._queued_letters.append(_QueuedLetter(record, future))

    def flush(self, timeout_s: float) -> None:
        """Wait until everything queued is acknowledged.

        Dead letters that are refused for what they are get repaired (see dead_letter.py) and sent
        again. Raises KafkaError on the first record that stays undelivered: nothing of what was
        queued counts as delivered then, and the sink is of no further use.
        """
        deadline = time.monotonic() + timeout_s
        for future in self._queued_events:
            error = _settle(future, deadline)
            if error is not None:
                raise undelivered(error, self._config.events_topic) from error
        for letter in [
            letter for letter in self._queued_letters if self._refused(letter, deadline)
        ]:
            self._deliver_alone(letter.record, deadline)
        self._queued_events.clear()
        self._queued_letters.clear()
        self._queued_bytes = 0

    def close(self) -> None:
        """Let go of the connections, after a short wait for what is on its way. Idempotent."""
        close_producer(self._events)
        close_producer(self._letters)

    def _make_room(self, size_bytes: int) -> None:
        records = len(self._queued_events) + len(self._queued_letters)
        if records >= MAX_QUEUED_RECORDS or self._queued_bytes + size_bytes > MAX_QUEUED_BYTES:
            self.flush(self._config.flush_timeout_s)
        self._queued_bytes += size_bytes

    def _send(self, record: LetterRecord) -> Any:
        return self._letters.send(
            self._config.dead_letter_topic,
            key=record.key,
            value=record.value,
            headers=[*record.headers, *record.errors],
            timestamp_ms=record.timestamp_ms,
        )

    def _refused(self, letter: _QueuedLetter, deadline: float) -> bool:
        """Whether a letter is to be sent again by itself. Raises where that would not help."""
        if letter.future is None:
            return True
        error = _settle(letter.future, deadline)
        if isinstance(error, kafka_errors.RetriableError):  # and retried long enough
            raise undelivered(error, self._config.dead_letter_topic) from error
        return error is not None

    def _deliver_alone(self, original: LetterRecord, deadline: float) -> None:
        """Send one refused letter until it is taken, giving up what each answer asks for.

        Alone, since one bad record fails its whole batch, with an error that is not the others'.
        """
        record = original
        while (error := self._try(record, deadline)) is not None:
            repair = REPAIRS.get(type(error))
            repaired = repair(record) if repair else record
            if repaired == record:
                raise undelivered(error, self._config.dead_letter_topic) from error
            record = repaired
        if record != original:
            self._on_reduced()
            told = dict(record.errors[len(original.errors) :])
            log.warning(
                "dead letter of %s was refused, and delivered in part: %r", record.origin, told
            )

    def _try(self, record: LetterRecord, deadline: float) -> kafka_errors.KafkaError | None:
        try:
            return _settle(self._send(record), deadline)
        except kafka_errors.KafkaError as error:
            return error


def _settle(future: Any, deadline: float) -> kafka_errors.KafkaError | None:
    """The error of a record, once known; None where it was acknowledged in time."""
    try:
        future.get(timeout=max(0.0, deadline - time.monotonic()))
    except kafka_errors.KafkaError as error:
        return error
    return None
