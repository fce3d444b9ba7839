"""APIs about committed offsets: OffsetCommit, OffsetFetch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import kafka.errors as kafka_errors
from kafka.protocol.consumer import OffsetCommitResponse, OffsetFetchResponse

from sentinel.broker.group import CommittedOffset, Group
from sentinel.broker.state import BrokerState

MAX_METADATA_BYTES = 4096  # Kafka's default of offset.metadata.max.bytes
GROUPS_SINCE = 8  # version of OffsetFetch that asks for several groups (KIP-709)
NOTHING_COMMITTED = CommittedOffset(-1, -1, "")


async def offset_commit(state: BrokerState, request: Any) -> Any:
    """Keep offsets with their metadata, if the client may commit at all."""
    Topic = OffsetCommitResponse.OffsetCommitResponseTopic
    Partition = Topic.OffsetCommitResponsePartition
    group = state.group(request.group_id)
    refused = 0
    try:
        group.check_commit(
            request.member_id, request.group_instance_id, request.generation_id_or_member_epoch
        )
        group = state.keep_group(request.group_id)
    except kafka_errors.BrokerResponseError as error:
        refused = error.errno
    return OffsetCommitResponse(
        topics=[
            Topic(
                name=topic.name,
                partitions=[
                    Partition(
                        partition_index=asked.partition_index,
                        error_code=refused or _commit(state, group, topic.name, asked),
                    )
                    for asked in topic.partitions
                ],
            )
            for topic in request.topics
        ]
    )


def _commit(state: BrokerState, group: Group, topic: str, asked: Any) -> int:
    """Commit one partition; the error's code, 0 for success."""
    metadata = asked.committed_metadata or ""
    try:
        state.topics.log(topic, asked.partition_index)
        if len(metadata.encode()) > MAX_METADATA_BYTES:
            raise kafka_errors.OffsetMetadataTooLargeError
    except kafka_errors.BrokerResponseError as error:
        return int(error.errno)
    group.offsets[topic, asked.partition_index] = CommittedOffset(
        asked.committed_offset, asked.committed_leader_epoch, metadata
    )
    return 0


async def offset_fetch(state: BrokerState, request: Any) -> Any:
    """Committed offsets of the partitions asked for, or of all; -1 where nothing is committed."""
    if request.API_VERSION < GROUPS_SINCE:
        Topic = OffsetFetchResponse.OffsetFetchResponseTopic
        Partition = Topic.OffsetFetchResponsePartition
        group = state.group(request.group_id)
        return OffsetFetchResponse(topics=_topics(Topic, Partition, group, request.topics))
    GroupAnswer = OffsetFetchResponse.OffsetFetchResponseGroup
    Topic = GroupAnswer.OffsetFetchResponseTopics
    Partition = Topic.OffsetFetchResponsePartitions
    return OffsetFetchResponse(
        groups=[
            GroupAnswer(
                group_id=asked.group_id,
                topics=_topics(Topic, Partition, state.group(asked.group_id), asked.topics),
            )
            for asked in request.groups
        ]
    )


def _topics(Topic: Any, Partition: Any, group: Group, asked: Iterable[Any] | None) -> list[Any]:
    """The answer for one group, built of the classes of the request's version."""
    wanted: dict[str, list[int]] = {}
    if asked is None:
        for topic, partition in group.offsets:
            wanted.setdefault(topic, []).append(partition)
    else:
        wanted = {topic.name: topic.partition_indexes for topic in asked}
    answers = []
    for topic, partitions in wanted.items():
        answer = Topic(name=topic, partitions=[])
        for partition in partitions:
            committed = group.offsets.get((topic, partition), NOTHING_COMMITTED)
            answer.partitions.append(
                Partition(
                    partition_index=partition,
                    committed_offset=committed.offset,
                    committed_leader_epoch=committed.leader_epoch,
                    metadata=committed.metadata,
                )
            )
        answers.append(answer)
    return answers
