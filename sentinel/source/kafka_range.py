"""Readings from a stretch of a topic: for a fit, without a group, and with an end."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import kafka.errors
from kafka import KafkaConsumer
from kafka.structs import TopicPartition as ClientPartition
from msgspec.structs import replace

from sentinel.config.schema import SourceConfig
from sentinel.errors import DataError, KafkaError
from sentinel.ports import ChannelReport, PollBatch, TopicPartition
from sentinel.records import NS_PER_S
from sentinel.source import record_batches
from sentinel.source.consumer import open_consumer
from sentinel.source.decoder import Decoder
from sentinel.source.exact_time import ns_of_number, ns_of_text
from sentinel.source.kafka import poll_batch

SAMPLE_RECORDS = 1000
SILENCE_MAX_S = 30.0
SAMPLE_POLL_MS = 1000

Partitions = dict[ClientPartition, int]


class KafkaRangeSource:
    """Implements `ports.Source` over all partitions of a topic, from `begin` up to `end`.

    begin, end     an offset (a whole number, for every partition), an ISO 8601 time (naive: UTC)
                   or @ and a unix time, both by the records' own timestamps in Kafka; None: the
                   oldest and the newest record there is now
    channel_names  numeric fields of the first records, in the order in which they appear there
    Raises         DataError where begin or end is neither; KafkaError as `KafkaSource`
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
        self._consumer = open_consumer(config, client_options, {"group_id": None})
        numbers = sorted(self._consumer.partitions_for_topic(config.topic))
        partitions = [ClientPartition(config.topic, number) for number in numbers]
        self._consumer.assign(partitions)
        oldest = self._consumer.beginning_offsets(partitions)
        newest = self._consumer.end_offsets(partitions)
        begins = _offsets(self._consumer, partitions, first, oldest, newest)
        self._ends = _offsets(self._consumer, partitions, last, newest, newest)
        self._begin = {p: max(begins[p], oldest[p]) for p in partitions}
        self._heard_s = time.monotonic()
        self._finished = False
        self._rewind()
        self.channel_names = tuple(self._discover())
        self._decoder = Decoder(config, self.channel_names)
        self._rewind()

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
        left: int = sum(max(0, end - self._consumer.position(p)) for p, end in self._ends.items())
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
        for partition, offset in self._begin.items():
            self._consumer.resume(partition)
            self._consumer.seek(partition, offset)

    def _fetch(self, timeout_ms: int) -> dict[ClientPartition, list[Any]] | None:
        """What has come of the range; None where all of it has."""
        for partition, end in self._ends.items():
            if self._consumer.position(partition) >= end:
                self._consumer.pause(partition)
        if len(self._consumer.paused()) == len(self._ends):
            return None
        found: dict[ClientPartition, list[Any]] = self._consumer.poll(timeout_ms)
        if found:
            self._heard_s = time.monotonic()
        elif time.monotonic() - self._heard_s > SILENCE_MAX_S:
            raise KafkaError(
                "nothing has come for so long, though the range has not ended",
                where=self._config.topic,
                hint="is the broker still there? see `sentinel check`",
            )
        return found

    def _discover(self) -> list[str]:
        """Names of the channels in the first records."""
        decoder = Decoder(replace(self._config, channels={}), ())
        seen = 0
        while seen < SAMPLE_RECORDS and (records := self._fetch(SAMPLE_POLL_MS)) is not None:
            for partition, some in records.items():
                for batch in record_batches.batches_of(some, self._ends[partition]):
                    first = batch.head(SAMPLE_RECORDS - seen)
                    decoder.decode(first)
                    seen += len(first)
        renamed = {path: name for name, path in self._config.channels.items()}
        names = [renamed.get(name, name) for name in decoder.channels().unknown]
        if not names:
            raise DataError(
                f"no numeric channel in the first {seen} records of the range",
                where=self._config.topic,
                hint="look at the fields with `sentinel check --sample 10`",
            )
        return names


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
    try:
        found = consumer.offsets_for_times(dict.fromkeys(partitions, at_ms))
    except kafka.errors.KafkaError as error:
        raise KafkaError(f"cannot look up {wanted}: {error}") from error
    return {p: found[p].offset if found.get(p) else newest[p] for p in partitions}
