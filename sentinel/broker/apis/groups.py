"""APIs about consumer groups: their members, and what administrators ask."""

from __future__ import annotations

from typing import Any

import kafka.errors as kafka_errors
from kafka.protocol.admin import DeleteGroupsResponse, DescribeGroupsResponse, ListGroupsResponse
from kafka.protocol.consumer import (
    HeartbeatResponse,
    JoinGroupResponse,
    LeaveGroupResponse,
    SyncGroupResponse,
)

from sentinel.broker.group import Group
from sentinel.broker.members import JoinRequest
from sentinel.broker.membership import GroupState
from sentinel.broker.state import BrokerState

MEMBER_ID_REQUIRED_SINCE = 4  # version of JoinGroup (KIP-394)
SKIP_ASSIGNMENT_SINCE = 9  # version of JoinGroup (KIP-814)
MEMBERS_SINCE = 3  # version of LeaveGroup that names several members (KIP-345)
MAX_SESSION_TIMEOUT_MS = 1_800_000  # Kafka's default of group.max.session.timeout.ms
CLASSIC = "classic"


async def join_group(state: BrokerState, request: Any) -> Any:
    """Join a group; answered when everybody has joined."""
    join = _join_request(request)
    must_know_its_id = request.API_VERSION >= MEMBER_ID_REQUIRED_SINCE and not join.instance_id
    member_id = join.member_id
    try:
        if not request.group_id:
            raise kafka_errors.InvalidGroupIdError
        if not 0 < request.session_timeout_ms <= MAX_SESSION_TIMEOUT_MS:
            raise kafka_errors.InvalidSessionTimeoutError
        group = state.keep_group(request.group_id)
        if must_know_its_id and not member_id:
            group.check_join(join)
            member_id = group.membership.reserve_id(join.client_id, join.session_timeout_s)
            raise kafka_errors.MemberIdRequiredError
        joined = await group.join(join)
    except kafka_errors.BrokerResponseError as error:
        return JoinGroupResponse(error_code=error.errno, member_id=member_id)
    Member = JoinGroupResponse.JoinGroupResponseMember
    return JoinGroupResponse(
        generation_id=joined.generation_id,
        protocol_type=joined.protocol_type,
        protocol_name=joined.protocol_name,
        leader=joined.leader_id,
        skip_assignment=joined.skip_assignment,
        member_id=joined.member_id,
        members=[
            Member(member_id=member_id, group_instance_id=instance_id, metadata=metadata)
            for member_id, instance_id, metadata in joined.members
        ],
    )


def _join_request(request: Any) -> JoinRequest:
    # Version 0 knows one timeout only.
    has_rebalance_timeout = request.API_VERSION > 0
    rebalance_timeout_ms = (
        request.rebalance_timeout_ms if has_rebalance_timeout else request.session_timeout_ms
    )
    return JoinRequest(
        member_id=request.member_id,
        instance_id=request.group_instance_id,
        client_id=request.header.client_id or "",
        session_timeout_s=request.session_timeout_ms / 1000,
        rebalance_timeout_s=rebalance_timeout_ms / 1000,
        protocol_type=request.protocol_type,
        protocols={protocol.name: bytes(protocol.metadata) for protocol in request.protocols},
        can_skip_assignment=request.API_VERSION >= SKIP_ASSIGNMENT_SINCE,
    )


async def sync_group(state: BrokerState, request: Any) -> Any:
    """Fetch one's share; answered when the leader has assigned."""
    group = state.group(request.group_id)
    membership = group.membership
    try:
        for said, agreed in (
            (request.protocol_type, membership.protocol_type),
            (request.protocol_name, membership.protocol_name),
        ):
            if membership.members and said not in (None, agreed):
                raise kafka_errors.InconsistentGroupProtocolError
        assignment = await group.sync(
            request.member_id,
            request.group_instance_id,
            request.generation_id,
            {each.member_id: bytes(each.assignment) for each in request.assignments},
        )
    except kafka_errors.BrokerResponseError as error:
        return SyncGroupResponse(error_code=error.errno)
    return SyncGroupResponse(
        protocol_type=membership.protocol_type,
        protocol_name=membership.protocol_name,
        assignment=assignment,
    )


async def heartbeat(state: BrokerState, request: Any) -> Any:
    """A member says that it is alive, and hears whether a rebalance has begun."""
    group = state.group(request.group_id)
    try:
        group.heartbeat(request.member_id, request.group_instance_id, request.generation_id)
    except kafka_errors.BrokerResponseError as error:
        return HeartbeatResponse(error_code=error.errno)
    return HeartbeatResponse()


async def leave_group(state: BrokerState, request: Any) -> Any:
    """Members go: one that says so itself, or several that an administrator names."""
    group = state.group(request.group_id)
    if request.API_VERSION < MEMBERS_SINCE:
        return LeaveGroupResponse(error_code=_leave(group, request.member_id, None))
    Member = LeaveGroupResponse.MemberResponse
    return LeaveGroupResponse(
        members=[
            Member(
                member_id=member.member_id,
                group_instance_id=member.group_instance_id,
                error_code=_leave(group, member.member_id, member.group_instance_id),
            )
            for member in request.members
        ]
    )


def _leave(group: Group, member_id: str, instance_id: str | None) -> int:
    try:
        group.leave(member_id, instance_id)
    except kafka_errors.BrokerResponseError as error:
        return int(error.errno)
    return 0


async def describe_groups(state: BrokerState, request: Any) -> Any:
    """State, protocol and members of groups; an unknown one is called dead, as Kafka does."""
    Described = DescribeGroupsResponse.DescribedGroup
    groups = []
    for group_id in request.groups:
        if group_id in state.groups:
            groups.append(_described(state.groups[group_id], state.host))
        else:
            groups.append(Described(group_id=group_id, group_state="Dead"))
    return DescribeGroupsResponse(groups=groups)


def _described(group: Group, host: str) -> Any:
    Described = DescribeGroupsResponse.DescribedGroup
    Member = Described.DescribedGroupMember
    membership = group.membership
    return Described(
        group_id=group.group_id,
        group_state=str(membership.state),
        protocol_type=membership.protocol_type,
        protocol_data=membership.protocol_name,
        members=[
            Member(
                member_id=member.member_id,
                group_instance_id=member.instance_id,
                client_id=member.client_id,
                client_host=f"/{host}",
                member_metadata=member.protocols.get(membership.protocol_name, b""),
                member_assignment=member.assignment,
            )
            for member in membership.members.values()
        ],
    )


async def list_groups(state: BrokerState, request: Any) -> Any:
    """All groups, or those of some states and types."""
    Listed = ListGroupsResponse.ListedGroup
    states = {name.lower() for name in request.states_filter}
    types = {name.lower() for name in request.types_filter}
    if types and CLASSIC not in types:
        return ListGroupsResponse()
    return ListGroupsResponse(
        groups=[
            Listed(
                group_id=group.group_id,
                protocol_type=group.membership.protocol_type,
                group_state=str(group.membership.state),
                group_type=CLASSIC,
            )
            for group in state.groups.values()
            if not states or group.membership.state.lower() in states
        ]
    )


async def delete_groups(state: BrokerState, request: Any) -> Any:
    """Forget groups that have no members, with their committed offsets."""
    Result = DeleteGroupsResponse.DeletableGroupResult
    results = []
    for group_id in request.groups_names:
        answer = Result(group_id=group_id)
        results.append(answer)
        group = state.groups.get(group_id)
        if group is None:
            answer.error_code = kafka_errors.GroupIdNotFoundError.errno
        elif group.membership.state is not GroupState.EMPTY:
            answer.error_code = kafka_errors.NonEmptyGroupError.errno
        else:
            del state.groups[group_id]
    return DeleteGroupsResponse(results=results)
