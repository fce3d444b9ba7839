"""Readings from a stretch of a topic: for a fit, without a group, and with an end."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import kafka.errors
from kafka import KafkaConsumer
from kafka.structs import TopicPartition as ClientPartition

from sentinel.config.schema import SourceConfig
from sentinel.errors import DataError, KafkaError
from sentinel.plural import counted, noun
from sentinel.ports import ChannelReport, PollBatch, TopicPartition
from sentinel.records import NS_PER_S
from sentinel.source import record_batches
from sentinel.source.channel_discovery import ChannelDiscovery
from sentinel.source.consumer import open_consumer, reading
from sentinel.source.decoder import Decoder
from sentinel.source.exact_time import ns_of_number, ns_of_text
from sentinel.source.kafka import poll_batch
from sentinel.source.kafka_admin import told

log = logging.getLogger(__name__)

SILENCE_MAX_S = 30.0
DISCOVERY_POLL_MS = 1000

Partitions = dict[ClientPartition, int]


class KafkaRangeSource:
    """Implements `ports.Source` over all partitions of a topic, from `begin` up to `end`.

    begin, end     an offset (a whole number, for every partition), an ISO 8601 time (naive: UTC)
                   or @ and a unix time, both by the records' own timestamps in Kafka; None: the
                   oldest and the newest record there is now
    channel_names  every channel in the range, sorted: the range is read twice, see
                   `channel_discovery`
    Raises         DataError where begin or end is neither, or the range has no channels;
                   KafkaError as `KafkaSource`

    One partition is read after the other, each from its beginning: readings, and so the indices of
    entities, come in the same order whatever the brokers are faster with. What the brokers delete
    of the range before it was read is passed over, with a warning.
    """

    def __init__(
        self,
        config: SourceConfig,
        client_options: Mapping[str, Any],
        *,
        begin: str | None = None,
        end: str | None = None,
    ) -> None:
        self._config = config
        first, last = _parsed(begin, "--from"), _parsed(end, "--to")
        # No reset: kafka-python's own would skip to the newest record where the oldest are deleted.
        # Fetches are taken whole: behind the rest of one kafka-python asks for the next at once,
        # at a partition's end in vain, and the next partition waits for that answer.
        alone = {"group_id": None, "auto_offset_reset": "none", "max_poll_records": sys.maxsize}
        self._consumer = open_consumer(config, client_options, alone)
        self._finished = False
        self._left: list[ClientPartition] = []  # to be read; the first of them is
        try:
            with told(f"look up what there is in the topic {config.topic!r}"):
                self._begin, self._ends = _bounds(self._consumer, config.topic, first, last)
            self._heard_s = time.monotonic()
            self._rewind()
            self.channel_names = tuple(self._discover())
            self._decoder = Decoder(config, self.channel_names)
            self._rewind()
        except BaseException:
            self.close()
            raise

    @property
    def entities(self) -> Sequence[str]:
        """Entity names; `Readings.entity` indexes it."""
        return self._decoder.entities

    def poll(self, timeout_ms: int) -> PollBatch | None:
        """The next readings of the range; None after the last."""
        if self._finished:
            return None
        records = self._fetch(timeout_ms)
        if records is None:
            self._finished = True
            return poll_batch(self._decoder.finish(), {})
        for partition, some in records.items():
            for batch in record_batches.batches_of(some, self._ends[partition]):
                self._decoder.decode(batch)
        return poll_batch(self._decoder.take(), {})

    def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        """Nothing: there is no group."""

    def lag_records(self) -> int | None:
        """Records left in the range."""
        with reading(self._config.topic):
            left: int = sum(
                max(0, end - self._consumer.position(p)) for p, end in self._ends.items()
            )
        return left

    def assigned(self) -> int:
        """All partitions of the topic."""
        return len(self._ends)

    def channels(self) -> ChannelReport:
        """The range's channels, against those that were discovered."""
        return self._decoder.channels()

    def close(self) -> None:
        """Let go of the connections. Idempotent."""
        self._consumer.close(autocommit=False)

    def _rewind(self) -> None:
        self._left = sorted(self._begin)
        self._consumer.pause(*self._left)
        for partition, offset in self._begin.items():
            self._consumer.seek(partition, offset)

    def _fetch(self, timeout_ms: int) -> dict[ClientPartition, list[Any]] | None:
        """What has come of the partition in turn; None where the whole range has."""
        with reading(self._config.topic):
            if not self._resume_next():
                return None
            found = self._poll(timeout_ms)
        if found:
            self._heard_s = time.monotonic()
        elif time.monotonic() - self._heard_s > SILENCE_MAX_S:
            raise KafkaError(
                "nothing has come for so long, though the range has not ended",
                where=self._config.topic,
                hint="is the broker still there? see `sentinel check`",
            )
        return found

    def _resume_next(self) -> bool:
        """Let the partition in turn come; False where there is none left."""
        while self._left and self._consumer.position(self._left[0]) >= self._ends[self._left[0]]:
            self._consumer.pause(self._left.pop(0))
        self._consumer.resume(*self._left[:1])
        return bool(self._left)

    def _poll(self, timeout_ms: int) -> dict[ClientPartition, list[Any]]:
        try:
            found: dict[ClientPartition, list[Any]] = self._consumer.poll(timeout_ms)
        except kafka.errors.OffsetOutOfRangeError:
            self._pass_over_deleted(self._left[0])
            return {}
        return found

    def _pass_over_deleted(self, partition: ClientPartition) -> None:
        """Go on at the oldest record there is, where it was the older ones that went."""
        wanted = self._consumer.position(partition)
        oldest = self._consumer.beginning_offsets([partition])[partition]
        if oldest <= wanted:
            raise KafkaError(
                f"partition {partition.partition} does not reach offset {wanted} any more",
                where=partition.topic,
                hint="was the topic created anew meanwhile? then begin again",
            )
        log.warning(
            "partition %d of %r: offsets %d to %d are missing, they were deleted before they were "
            "read; see the topic's retention",
            partition.partition, partition.topic, wanted, oldest - 1,
        )  # fmt: skip
        self._consumer.seek(partition, oldest)

    def _discover(self) -> Sequence[str]:
        """Names of the channels, of the whole range."""
        discovery = ChannelDiscovery(self._config)
        while (records := self._fetch(DISCOVERY_POLL_MS)) is not None:
            for partition, some in records.items():
                discovery.look(record_batches.batches_of(some, self._ends[partition]))
        return discovery.channels()


def _parsed(text: str | None, option: str) -> int | datetime | None:
    if text is None:
        return None
    if text.isdecimal() and text.isascii():
        return int(text)
    if text.startswith("@"):
        time_ns = ns_of_number(text[1:], "auto")
    else:
        time_ns = ns_of_text(text, "iso8601")
    if time_ns is None:
        raise DataError(
            f"{text!r} is neither an offset nor a time between 2000 and 2100",
            where=option,
            hint="whole numbers are offsets; times are 2024-01-31T12:00:00Z or @1706702400",
        )
    return datetime.fromtimestamp(time_ns / NS_PER_S, UTC)


def _bounds(
    consumer: KafkaConsumer, topic: str, first: int | datetime | None, last: int | datetime | None
) -> tuple[Partitions, Partitions]:
    """Where each partition begins and ends; from now on they are the consumer's."""
    partitions = [ClientPartition(topic, n) for n in sorted(consumer.partitions_for_topic(topic))]
    consumer.assign(partitions)
    oldest, newest = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
    begins = _offsets(consumer, partitions, first, oldest, newest)
    ends = _offsets(consumer, partitions, last, newest, newest)
    if late := [p for p in partitions if begins[p] < oldest[p]]:
        log.warning(
            "%s of %r %s later than offset %s, the first of them at %d: what came before is "
            "deleted; see the topic's retention",
            counted(len(late), "partition"), topic, noun(len(late), "begins", "begin"), first,
            oldest[late[0]],
        )  # fmt: skip
    return {p: max(begins[p], oldest[p]) for p in partitions}, ends


def _offsets(
    consumer: KafkaConsumer,
    partitions: Sequence[ClientPartition],
    wanted: int | datetime | None,
    default: Partitions,
    newest: Partitions,
) -> Partitions:
    if wanted is None:
        return dict(default)
    if isinstance(wanted, int):
        return {partition: min(wanted, newest[partition]) for partition in partitions}
    at_ms = int(wanted.timestamp() * 1000)
    found = consumer.offsets_for_times(dict.fromkeys(partitions, at_ms))
    return {p: found[p].offset if found.get(p) else newest[p] for p in partitions}
