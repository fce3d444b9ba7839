"""The APIs the broker speaks, one coroutine each: (state, request) -> response.

The messages are kafka-python's own classes. A response names all fields; its version decides
which of them are encoded. Errors of the protocol travel inside as kafka-python's exceptions, and
each coroutine turns them into the codes of its response.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kafka.protocol import admin, consumer, metadata, producer

from sentinel.broker.apis import cluster, groups, offsets, records, topics
from sentinel.broker.state import BrokerState

Handler = Callable[[BrokerState, Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Api:
    """One API: the class of its requests, the versions spoken, and who answers."""

    request: Any
    min_version: int
    max_version: int
    handler: Handler


def _table(*apis: Api) -> Mapping[int, Api]:
    return {api.request.API_KEY: api for api in apis}


# Versions that name topics by id alone (Produce 13, Fetch 13, OffsetCommit 10) are left out.
APIS = _table(
    Api(producer.ProduceRequest, 3, 9, records.produce),
    Api(consumer.FetchRequest, 4, 12, records.fetch),
    Api(consumer.ListOffsetsRequest, 1, 7, records.list_offsets),
    Api(consumer.OffsetForLeaderEpochRequest, 2, 4, records.offset_for_leader_epoch),
    Api(admin.DeleteRecordsRequest, 0, 2, records.delete_records),
    Api(metadata.MetadataRequest, 0, 12, cluster.metadata),
    Api(metadata.FindCoordinatorRequest, 0, 4, cluster.find_coordinator),
    Api(producer.InitProducerIdRequest, 0, 4, cluster.init_producer_id),
    Api(admin.CreateTopicsRequest, 2, 7, topics.create_topics),
    Api(admin.CreatePartitionsRequest, 0, 3, topics.create_partitions),
    Api(admin.DeleteTopicsRequest, 1, 6, topics.delete_topics),
    Api(consumer.JoinGroupRequest, 0, 9, groups.join_group),
    Api(consumer.SyncGroupRequest, 0, 5, groups.sync_group),
    Api(consumer.HeartbeatRequest, 0, 4, groups.heartbeat),
    Api(consumer.LeaveGroupRequest, 0, 5, groups.leave_group),
    Api(consumer.OffsetCommitRequest, 2, 8, offsets.offset_commit),
    Api(consumer.OffsetFetchRequest, 1, 8, offsets.offset_fetch),
    Api(admin.DescribeGroupsRequest, 0, 5, groups.describe_groups),
    Api(admin.ListGroupsRequest, 0, 5, groups.list_groups),
    Api(admin.DeleteGroupsRequest, 0, 2, groups.delete_groups),
)
