"""APIs about topics: CreateTopics, CreatePartitions, DeleteTopics."""

from __future__ import annotations

from typing import Any

import kafka.errors as kafka_errors
from kafka.protocol.admin import (
    CreatePartitionsResponse,
    CreateTopicsResponse,
    DeleteTopicsResponse,
)

from sentinel.broker.apis.errors import message_of
from sentinel.broker.state import BrokerState

DEFAULT_PARTITIONS = 1  # as Kafka's num.partitions
ONE_REPLICA = (-1, 1)  # the default, or just that; there is one node


async def create_topics(state: BrokerState, request: Any) -> Any:
    """Create topics. Their configurations are ignored."""
    return CreateTopicsResponse(
        topics=[_create(state, asked, request.validate_only) for asked in request.topics]
    )


def _create(state: BrokerState, asked: Any, validate_only: bool) -> Any:
    answer = CreateTopicsResponse.CreatableTopicResult(name=asked.name, error_message=None)
    partitions = len(asked.assignments) or asked.num_partitions
    if partitions == -1:
        partitions = DEFAULT_PARTITIONS
    try:
        if asked.replication_factor not in ONE_REPLICA:
            raise kafka_errors.InvalidReplicationFactorError(
                f"{asked.replication_factor} replicas, but there is one node"
            )
        topic = state.topics.create(asked.name, partitions, validate_only=validate_only)
    except kafka_errors.BrokerResponseError as error:
        answer.error_code = error.errno
        answer.error_message = message_of(error)
        return answer
    answer.topic_id = topic.topic_id
    answer.num_partitions = partitions
    answer.replication_factor = 1
    return answer


async def create_partitions(state: BrokerState, request: Any) -> Any:
    """Give topics more partitions."""
    results = []
    for asked in request.topics:
        answer = CreatePartitionsResponse.CreatePartitionsTopicResult(name=asked.name)
        results.append(answer)
        try:
            state.topics.add_partitions(
                asked.name, asked.count, validate_only=request.validate_only
            )
        except kafka_errors.BrokerResponseError as error:
            answer.error_code = error.errno
            answer.error_message = message_of(error)
    return CreatePartitionsResponse(results=results)


async def delete_topics(state: BrokerState, request: Any) -> Any:
    """Delete topics by name, or (from version 6 on) by id."""
    asked = [(topic.name, topic.topic_id) for topic in request.topics]
    asked += [(name, None) for name in request.topic_names]
    responses = []
    for name, topic_id in asked:
        answer = DeleteTopicsResponse.DeletableTopicResult(name=name, topic_id=topic_id)
        responses.append(answer)
        try:
            topic = state.topics.get_by_id(topic_id) if name is None else state.topics.get(name)
        except kafka_errors.BrokerResponseError as error:
            answer.error_code = error.errno
            answer.error_message = message_of(error)
            continue
        state.topics.delete(topic)
        answer.name, answer.topic_id = topic.name, topic.topic_id
    return DeleteTopicsResponse(responses=responses)
