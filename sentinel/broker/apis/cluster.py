"""APIs about the cluster: Metadata, FindCoordinator, InitProducerId."""

from __future__ import annotations

from typing import Any

import kafka.errors as kafka_errors
from kafka.protocol.metadata import CoordinatorType, FindCoordinatorResponse, MetadataResponse
from kafka.protocol.producer import InitProducerIdResponse

from sentinel.broker.state import CLUSTER_ID, LEADER_EPOCH, NODE_ID, BrokerState
from sentinel.broker.topics import Topic

NO_TRANSACTIONS = "the embedded broker has no transactions"

_Topic = MetadataResponse.MetadataResponseTopic
_Partition = _Topic.MetadataResponsePartition


async def metadata(state: BrokerState, request: Any) -> Any:
    """The node, and the topics asked for: all of them for null (in version 0 for none)."""
    version = request.API_VERSION
    if request.topics is None or (version == 0 and not request.topics):
        topics = [_described(topic) for topic in state.topics]
    else:
        topics = [_asked_for(state, request, asked) for asked in request.topics]
    node = MetadataResponse.MetadataResponseBroker(
        node_id=NODE_ID, host=state.host, port=state.port
    )
    return MetadataResponse(
        brokers=[node], cluster_id=CLUSTER_ID, controller_id=NODE_ID, topics=topics
    )


def _asked_for(state: BrokerState, request: Any, asked: Any) -> Any:
    try:
        if asked.name is None:
            return _described(state.topics.get_by_id(asked.topic_id))
        return _described(
            state.topics.get_or_create(asked.name, allowed=request.allow_auto_topic_creation)
        )
    except kafka_errors.BrokerResponseError as error:
        return _Topic(name=asked.name, topic_id=asked.topic_id, error_code=error.errno)


def _described(topic: Topic) -> Any:
    partitions = [
        _Partition(
            partition_index=index,
            leader_id=NODE_ID,
            leader_epoch=LEADER_EPOCH,
            replica_nodes=[NODE_ID],
            isr_nodes=[NODE_ID],
        )
        for index in range(len(topic.partitions))
    ]
    return _Topic(name=topic.name, topic_id=topic.topic_id, partitions=partitions)


async def find_coordinator(state: BrokerState, request: Any) -> Any:
    """This node coordinates every group; nobody coordinates transactions."""
    if request.key_type == CoordinatorType.GROUP:
        answer = {"node_id": NODE_ID, "host": state.host, "port": state.port, "error_message": None}
    else:
        code = kafka_errors.InvalidRequestError.errno
        answer = {"node_id": -1, "error_code": code, "error_message": NO_TRANSACTIONS}
    coordinators = [
        FindCoordinatorResponse.Coordinator(key=key, **answer) for key in request.coordinator_keys
    ]
    return FindCoordinatorResponse(coordinators=coordinators, **answer)


async def init_producer_id(state: BrokerState, request: Any) -> Any:
    """A new id for an idempotent producer, also for one that lost track of its sequence."""
    if request.transactional_id is not None:
        return InitProducerIdResponse(error_code=kafka_errors.InvalidRequestError.errno)
    return InitProducerIdResponse(producer_id=next(state.producer_ids), producer_epoch=0)
