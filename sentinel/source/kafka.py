"""Readings from a topic, by consumer group; whole record batches, no Python object per reading."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import kafka.errors
import numpy as np
from kafka.consumer.subscription_state import AsyncConsumerRebalanceListener
from kafka.structs import OffsetAndMetadata
from kafka.structs import TopicPartition as ClientPartition

from sentinel.config.schema import SourceConfig
from sentinel.errors import KafkaError
from sentinel.ports import ChannelReport, PollBatch, TopicPartition
from sentinel.records import IndexArray, Readings
from sentinel.source import record_batches
from sentinel.source.consumer import open_consumer, reading
from sentinel.source.decoder import Decoded, Decoder
from sentinel.source.group_repair import finish_join
from sentinel.source.poll_size import PollSize

log = logging.getLogger(__name__)

QUIET_S = 5.0
END_OFFSETS_EVERY_S = 5.0
END_OFFSETS_TIMEOUT_MS = 1000
COMMIT_TIMEOUT_MS = 5_000
LEAVE_TIMEOUT_MS = 2_000
# Another member has the partitions now, or is about to: their records will be read again.
NOT_OURS = (
    kafka.errors.CommitFailedError,
    kafka.errors.IllegalGenerationError,
    kafka.errors.UnknownMemberIdError,
    kafka.errors.FencedInstanceIdError,
)
# Nobody answers, or the client itself is joining (to a broker's rebalance it says CommitFailed):
# the next polls show which partitions stay ours.
NOT_NOW = (kafka.errors.RetriableError, kafka.errors.RebalanceInProgressError)


class KafkaSource:
    """Implements `ports.Source` over the partitions that the consumer group gives us.

    client_options  bootstrap_servers and security, as kafka-python names them
    channels        the model's, in the order of `Readings.values`
    Raises          ConfigError where the options are none of kafka-python's; KafkaError where Kafka
                    cannot be reached or the topic is missing.
    """

    def __init__(
        self, config: SourceConfig, client_options: Mapping[str, Any], channels: Sequence[str]
    ) -> None:
        self._config = config
        self._decoder = Decoder(config, channels)
        self._gone = _GonePartitions()
        self._partition_of = np.empty(0, np.int32)
        self._handed: dict[TopicPartition, int] = {}
        self._owed: dict[TopicPartition, int] = {}
        self._arrived_s: dict[ClientPartition, float] = {}
        self._ends: dict[ClientPartition, int] = {}
        self._ends_s = -math.inf
        self._consumer = open_consumer(
            config,
            client_options,
            {
                "group_id": config.group_id,
                "auto_offset_reset": config.auto_offset_reset,
                "partition_assignment_strategy": ("cooperative-sticky",),
            },
        )
        self._size = PollSize(self._consumer.config["max_poll_records"])
        self._consumer.subscribe([config.topic], listener=self._gone)

    @property
    def entities(self) -> Sequence[str]:
        """Entity names; `Readings.entity` indexes it."""
        return self._decoder.entities

    def poll(self, timeout_ms: int) -> PollBatch:
        """The readings of the record batches that have arrived; KafkaError where one is corrupt.

        A broker that has died shows as empty polls: kafka-python goes on trying.
        """
        with reading(self._config.topic):
            finish_join(self._consumer)
            found = self._consumer.poll(timeout_ms, max_records=self._size.records)
        self._arrived_s |= dict.fromkeys(found, time.monotonic())
        forget = self._forget(self._gone.take())
        for records in found.values():
            for batch in record_batches.batches_of(records):
                self._decoder.decode(batch)
        decoded = self._decoder.take()
        self._size.brought(decoded.records, len(decoded.readings))
        self._place(decoded.readings)
        positions = self._positions(found)
        self._handed |= positions
        return poll_batch(decoded, positions, forget)

    def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        """Commit what is still ours of `positions`.

        What cannot be committed at present is tried again with the next commit, whether or not
        that one brings positions of its own.
        Raises KafkaError where the group refuses for good (not authorised, for one).
        """
        # Only what was handed on since the partition came to us: somebody else may have read on
        # in between, and the group shall not be moved back.
        self._owed |= {p: o for p, o in positions.items() if o <= self._handed.get(p, -1)}
        offsets = {
            ClientPartition(*partition): OffsetAndMetadata(offset, "", -1)
            for partition, offset in self._owed.items()
        }
        if not offsets:
            return
        try:
            self._consumer.commit(offsets, timeout_ms=COMMIT_TIMEOUT_MS)
            self._owed = {}
        except NOT_OURS as error:
            self._owed = {}
            log.warning("commit refused, the records will be read again: %s", error)
        except NOT_NOW as error:
            log.warning("cannot commit at present, will try again: %s", error)
        except kafka.errors.KafkaError as error:
            raise KafkaError(
                f"cannot commit: {error}",
                where=f"group {self._config.group_id}",
                hint="what was not committed is read again after the restart",
            ) from error

    def lag_records(self) -> int | None:
        """Records behind the end of the assigned partitions; None where nobody can tell.

        Records bring the end of their partition with them. Of a partition that has been quiet the
        broker is asked: an end that nobody renews would go on saying that all is read.
        """
        assigned = self._consumer.assignment()
        ends = {partition: self._consumer.highwater(partition) for partition in assigned}
        since_s = time.monotonic() - QUIET_S
        quiet = [
            partition
            for partition, end in ends.items()
            if end is None or self._arrived_s.get(partition, -math.inf) < since_s
        ]
        if quiet:
            self._ask_ends(assigned)  # all of them: the next to fall quiet has its answer then
            ends |= {partition: self._ends.get(partition) for partition in quiet}
        lag = 0
        for partition, end in ends.items():
            position = self._position(partition)
            if end is None or position is None:
                return None
            lag += max(0, end - position)
        return lag

    def assigned(self) -> int:
        """Partitions that the group has given us."""
        return len(self._consumer.assignment())

    def channels(self) -> ChannelReport:
        """The stream's channels so far, against the model's."""
        return self._decoder.channels()

    def close(self) -> None:
        """Leave the group. Idempotent.

        A broker answers nothing while it holds our request to join, which takes until the group's
        last dead member is given up: nobody waits for that in order to stop.
        """
        self._consumer.close(autocommit=False, timeout_ms=LEAVE_TIMEOUT_MS)

    def _positions(self, partitions: Iterable[ClientPartition]) -> dict[TopicPartition, int]:
        found = {}
        for partition in partitions:
            position = self._position(partition)
            if position is not None:
                held = self._decoder.hold_back(partition.partition, position)
                found[partition.topic, partition.partition] = held
        return found

    def _position(self, partition: ClientPartition) -> int | None:
        """Where we are in a partition; None where it was taken from us in this very moment."""
        state = self._consumer._subscription.assignment.get(partition)
        position = None if state is None else state.position
        return None if position is None else int(position.offset)

    def _ask_ends(self, partitions: Iterable[ClientPartition]) -> None:
        now = time.monotonic()
        if now - self._ends_s < END_OFFSETS_EVERY_S:
            return
        self._ends_s = now
        try:
            self._ends = self._consumer.end_offsets(list(partitions), END_OFFSETS_TIMEOUT_MS)
        except kafka.errors.KafkaError as error:
            log.debug("the ends of the partitions are not known: %s", error)
            self._ends = {}

    def _place(self, readings: Readings) -> None:
        """Remember the partition in which each entity was last seen."""
        grown = len(self.entities) - len(self._partition_of)
        if grown > 0:
            room = max(grown, len(self._partition_of))
            self._partition_of = np.r_[self._partition_of, np.full(room, -1, np.int32)]
        self._partition_of[readings.entity] = readings.partition

    def _forget(self, partitions: set[int]) -> Sequence[int]:
        if not partitions:
            return ()
        for partition in [p for p in self._handed if p[1] in partitions]:
            del self._handed[partition]
            self._owed.pop(partition, None)
        entities: IndexArray = np.flatnonzero(np.isin(self._partition_of, list(partitions))).astype(
            np.int32
        )
        self._partition_of[entities] = -1
        self._decoder.forget(partitions)
        log.info("partitions given up: %s", ", ".join(map(str, sorted(partitions))))
        gone: list[int] = entities.tolist()
        return gone


class _GonePartitions(AsyncConsumerRebalanceListener):  # type: ignore[misc]
    """Collects the partitions that went to others; called on kafka-python's own thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers: set[int] = set()

    async def on_partitions_revoked(self, revoked: Iterable[ClientPartition]) -> None:
        with self._lock:
            self._numbers |= {partition.partition for partition in revoked}

    async def on_partitions_lost(self, lost: Iterable[ClientPartition]) -> None:
        await self.on_partitions_revoked(lost)

    async def on_partitions_assigned(self, assigned: Iterable[ClientPartition]) -> None:
        numbers = sorted(partition.partition for partition in assigned)
        if numbers:
            log.info("partitions assigned: %s", ", ".join(map(str, numbers)))

    def take(self) -> set[int]:
        """Those since the last call."""
        with self._lock:
            numbers, self._numbers = self._numbers, set()
        return numbers


def poll_batch(
    decoded: Decoded, positions: Mapping[TopicPartition, int], forget: Sequence[int] = ()
) -> PollBatch:
    """What was decoded, as the port has it."""
    return PollBatch(
        records=decoded.records,
        readings=decoded.readings,
        rejected=decoded.rejected,
        masked=decoded.masked,
        dead_letters=decoded.dead_letters,
        positions=positions,
        forget=forget,
    )
