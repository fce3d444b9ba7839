"""APIs about records: Produce, Fetch, ListOffsets, OffsetForLeaderEpoch, DeleteRecords."""

from __future__ import annotations

import asyncio
from typing import Any

import kafka.errors as kafka_errors
from kafka.protocol.admin import DeleteRecordsResponse
from kafka.protocol.consumer import (
    FetchResponse,
    ListOffsetsResponse,
    OffsetForLeaderEpochResponse,
    OffsetSpec,
)
from kafka.protocol.producer import ProduceResponse

from sentinel.broker.apis.errors import message_of
from sentinel.broker.partition_log import PartitionLog
from sentinel.broker.state import LEADER_EPOCH, BrokerState

NO_SESSION = 0  # fetch sessions are never opened: every Fetch names all its partitions
HIGH_WATERMARK = -1  # in DeleteRecords: everything


async def produce(state: BrokerState, request: Any) -> Any:
    """Append each partition's batch; None with acks=0, for nobody waits for an answer then."""
    Topic = ProduceResponse.TopicProduceResponse
    topics = [
        Topic(
            name=topic.name,
            partition_responses=[
                _append(state, topic.name, partition) for partition in topic.partition_data
            ],
        )
        for topic in request.topic_data
    ]
    return ProduceResponse(responses=topics) if request.acks else None


def _append(state: BrokerState, topic: str, partition: Any) -> Any:
    Partition = ProduceResponse.TopicProduceResponse.PartitionProduceResponse
    try:
        log = state.topics.log(topic, partition.index)
        base_offset = log.append(partition.records)
    except kafka_errors.BrokerResponseError as error:
        return Partition(
            index=partition.index,
            error_code=error.errno,
            base_offset=-1,
            error_message=message_of(error),
        )
    return Partition(
        index=partition.index, base_offset=base_offset, log_start_offset=log.start_offset
    )


async def fetch(state: BrokerState, request: Any) -> Any:
    """Batches of each partition, up to the limits; waits for min_bytes, at most max_wait_ms.

    Both isolation levels see the same, as there are no transactions.
    """
    if request.session_id != NO_SESSION:  # of another broker that had this port before
        return FetchResponse(error_code=kafka_errors.FetchSessionIdNotFoundError.errno)
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + request.max_wait_ms / 1000
    wanted = [
        (topic.topic, each.partition) for topic in request.topics for each in topic.partitions
    ]
    with state.topics.watch(wanted) as changed:
        while True:
            changed.clear()
            response, size_bytes, failed = _read(state, request)
            if size_bytes >= request.min_bytes or failed or loop.time() >= deadline_s:
                return response
            try:
                async with asyncio.timeout_at(deadline_s):
                    await changed.wait()
            except TimeoutError:
                continue


def _read(state: BrokerState, request: Any) -> tuple[Any, int, bool]:
    """The answer to a Fetch as of now, the size of its records, and whether a partition failed."""
    Topic = FetchResponse.FetchableTopicResponse
    Partition = Topic.PartitionData
    topics = []
    size_bytes = 0
    failed = False
    for topic in request.topics:
        partitions = []
        for asked in topic.partitions:
            answer = Partition(partition_index=asked.partition, high_watermark=-1)
            partitions.append(answer)
            try:
                log = state.topics.log(topic.topic, asked.partition)
                answer.high_watermark = answer.last_stable_offset = log.end_offset
                answer.log_start_offset = log.start_offset
                left_bytes = min(asked.partition_max_bytes, request.max_bytes - size_bytes)
                batches = log.read(asked.fetch_offset, left_bytes, at_least_one=not size_bytes)
            except kafka_errors.BrokerResponseError as error:
                answer.error_code = error.errno
                failed = True
                continue
            answer.records = b"".join(batches)
            size_bytes += len(answer.records)
        topics.append(Topic(topic=topic.topic, partitions=partitions))
    return FetchResponse(session_id=NO_SESSION, responses=topics), size_bytes, failed


async def list_offsets(state: BrokerState, request: Any) -> Any:
    """First, next, newest offset of each partition, or the first one at or after a time."""
    Topic = ListOffsetsResponse.ListOffsetsTopicResponse
    Partition = Topic.ListOffsetsPartitionResponse
    topics = []
    for topic in request.topics:
        partitions = []
        for asked in topic.partitions:
            answer = Partition(partition_index=asked.partition_index)
            partitions.append(answer)
            try:
                log = state.topics.log(topic.name, asked.partition_index)
                found = _find(log, asked.timestamp)
            except kafka_errors.BrokerResponseError as error:
                answer.error_code = error.errno
                continue
            if found is not None:
                answer.timestamp, answer.offset = found
                answer.leader_epoch = LEADER_EPOCH
        topics.append(Topic(name=topic.name, partitions=partitions))
    return ListOffsetsResponse(topics=topics)


def _find(log: PartitionLog, timestamp_ms: int) -> tuple[int, int] | None:
    """Time (-1 where it does not matter) and offset of what ListOffsets asks for."""
    if timestamp_ms == OffsetSpec.LATEST:
        return -1, log.end_offset
    if timestamp_ms == OffsetSpec.EARLIEST:
        return -1, log.start_offset
    if timestamp_ms == OffsetSpec.MAX_TIMESTAMP:
        return log.offset_of_newest_time()
    if timestamp_ms < 0:
        raise kafka_errors.UnsupportedVersionError(f"ListOffsets of time {timestamp_ms}")
    return log.offset_for_time(timestamp_ms)


async def offset_for_leader_epoch(state: BrokerState, request: Any) -> Any:
    """Where a leader's epoch ends: always at the end of the log, for there is one epoch."""
    Topic = OffsetForLeaderEpochResponse.OffsetForLeaderTopicResult
    Partition = Topic.EpochEndOffset
    topics = []
    for topic in request.topics:
        partitions = []
        for asked in topic.partitions:
            answer = Partition(partition=asked.partition)
            partitions.append(answer)
            try:
                answer.end_offset = state.topics.log(topic.topic, asked.partition).end_offset
                answer.leader_epoch = LEADER_EPOCH
            except kafka_errors.BrokerResponseError as error:
                answer.error_code = error.errno
        topics.append(Topic(topic=topic.topic, partitions=partitions))
    return OffsetForLeaderEpochResponse(topics=topics)


async def delete_records(state: BrokerState, request: Any) -> Any:
    """Move the start of each partition's log forward."""
    Topic = DeleteRecordsResponse.DeleteRecordsTopicResult
    Partition = Topic.DeleteRecordsPartitionResult
    topics = []
    for topic in request.topics:
        partitions = []
        for asked in topic.partitions:
            answer = Partition(partition_index=asked.partition_index, low_watermark=-1)
            partitions.append(answer)
            try:
                log = state.topics.log(topic.name, asked.partition_index)
                log.delete_before(
                    log.end_offset if asked.offset == HIGH_WATERMARK else asked.offset
                )
                answer.low_watermark = log.start_offset
            except kafka_errors.BrokerResponseError as error:
                answer.error_code = error.errno
        topics.append(Topic(name=topic.name, partitions=partitions))
    return DeleteRecordsResponse(topics=topics)
