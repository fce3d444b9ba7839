"""A consumer group: what its consumers may ask for, and the offsets they commit.

The classic protocol: a consumer joins (and waits until everybody has joined), one of them, the
leader, assigns the partitions, every member fetches its share by SyncGroup, and then heartbeats
until something changes. The broker never looks into metadata or assignments.
Source: Kafka's GroupCoordinator; KIP-345 (static members), KIP-814 (static leaders).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

import kafka.errors as kafka_errors

from sentinel.broker.members import Joined, JoinRequest, Member
from sentinel.broker.membership import GroupState, Membership, new_member_id, now_s


class CommittedOffset(NamedTuple):
    """What a consumer commits for a partition."""

    offset: int
    leader_epoch: int
    metadata: str


class Group:
    """One group, answering one request after another on the event loop.

    offsets   the committed ones, by topic and partition
    """

    def __init__(self, group_id: str) -> None:
        self.group_id = group_id
        self.membership = Membership()
        self.offsets: dict[tuple[str, int], CommittedOffset] = {}

    def check_join(self, request: JoinRequest) -> None:
        """A group needs one protocol that all members speak.

        Raises kafka.errors.InconsistentGroupProtocolError.
        """
        others = [
            member
            for member in self.membership.members.values()
            if member.member_id != request.member_id
            and (request.instance_id is None or member.instance_id != request.instance_id)
        ]
        common = [
            name for name in request.protocols if all(name in other.protocols for other in others)
        ]
        if not common or (others and request.protocol_type != self.membership.protocol_type):
            raise kafka_errors.InconsistentGroupProtocolError

    async def join(self, request: JoinRequest) -> Joined:
        """Join, or join again; returns when the generation is complete.

        Raises kafka.errors.UnknownMemberIdError, FencedInstanceIdError,
        InconsistentGroupProtocolError, and RebalanceInProgressError where the member itself joins
        once more over another connection.
        """
        self.check_join(request)
        membership = self.membership
        if request.member_id in membership.pending:
            return await membership.rebalance_with(membership.add(request, request.member_id))
        if request.member_id:
            member = self._member(request.member_id, request.instance_id)
            return await self._rejoin(member, request)
        static = membership.static_member(request.instance_id)
        if static is not None:
            return await self._replace(static, request)
        member_id = new_member_id(request.instance_id or request.client_id)
        return await membership.rebalance_with(membership.add(request, member_id))

    async def sync(
        self,
        member_id: str,
        instance_id: str | None,
        generation_id: int,
        assignments: Mapping[str, bytes],
    ) -> bytes:
        """The member's assignment; `assignments`, by member id, come from the leader.

        Raises kafka.errors.UnknownMemberIdError, FencedInstanceIdError, IllegalGenerationError,
        RebalanceInProgressError.
        """
        member = self._present_member(member_id, instance_id, generation_id)
        membership = self.membership
        if membership.state is GroupState.PREPARING_REBALANCE:
            raise kafka_errors.RebalanceInProgressError
        if membership.state is GroupState.COMPLETING_REBALANCE:
            if member_id != membership.leader_id:
                member.answer_sync(kafka_errors.RebalanceInProgressError())
                member.syncing = asyncio.get_running_loop().create_future()
                return await member.syncing
            membership.state = GroupState.STABLE
            for other in membership.members.values():
                other.assignment = assignments.get(other.member_id, b"")
                if other.syncing:
                    other.last_seen_s = now_s()
                other.answer_sync(other.assignment)
        return member.assignment

    def heartbeat(self, member_id: str, instance_id: str | None, generation_id: int) -> None:
        """The member is alive. Raises as `sync` does."""
        self._present_member(member_id, instance_id, generation_id)
        if self.membership.state is GroupState.PREPARING_REBALANCE:
            raise kafka_errors.RebalanceInProgressError

    def leave(self, member_id: str, instance_id: str | None) -> None:
        """A member goes. An administrator may name a static one by its instance id alone.

        Raises kafka.errors.UnknownMemberIdError, FencedInstanceIdError.
        """
        if member_id in self.membership.pending:
            self.membership.forget_pending(member_id)
            return
        static = self.membership.static_member(instance_id)
        if static is not None and not member_id:
            self.membership.remove(static)
        else:
            self.membership.remove(self._member(member_id, instance_id))

    def check_commit(self, member_id: str, instance_id: str | None, generation_id: int) -> None:
        """May this client commit? One that is in no generation may while the group has no members.

        Raises kafka.errors.UnknownMemberIdError, FencedInstanceIdError, IllegalGenerationError,
        and RebalanceInProgressError while the leader assigns.
        """
        if generation_id < 0 and not self.membership.members:
            return
        self._present_member(member_id, instance_id, generation_id)
        if self.membership.state is GroupState.COMPLETING_REBALANCE:
            raise kafka_errors.RebalanceInProgressError

    async def _rejoin(self, member: Member, request: JoinRequest) -> Joined:
        """From a member that brings nothing new, and does not lead, nothing follows."""
        membership = self.membership
        changed = list(member.protocols.items()) != list(request.protocols.items())
        leads_stable = (
            membership.state is GroupState.STABLE and member.member_id == membership.leader_id
        )
        member.update(request, now_s())
        if membership.state is GroupState.PREPARING_REBALANCE or changed or leads_stable:
            return await membership.rebalance_with(member)
        return membership.joined(member)

    async def _replace(self, member: Member, request: JoinRequest) -> Joined:
        """A static member has restarted: in a stable group it gets its old share back."""
        membership = self.membership
        old_id = member.member_id
        leads = membership.leader_id == old_id
        membership.rename(member)
        member.update(request, now_s())
        if membership.state is not GroupState.STABLE:
            return await membership.rebalance_with(member)
        if membership.vote() != membership.protocol_name:
            return await membership.rebalance_with(member)
        if leads and not request.can_skip_assignment:
            # An older client would assign if it heard its own id, so it hears the old one.
            return membership.joined(member, leader_id=old_id)
        return membership.joined(member, skip_assignment=leads)

    def _present_member(
        self, member_id: str, instance_id: str | None, generation_id: int
    ) -> Member:
        member = self._member(member_id, instance_id)
        if generation_id != self.membership.generation_id:
            raise kafka_errors.IllegalGenerationError
        member.last_seen_s = now_s()
        return member

    def _member(self, member_id: str, instance_id: str | None) -> Member:
        if instance_id is None:
            found = self.membership.members.get(member_id)
        else:
            found = self.membership.static_member(instance_id)
            if found is not None and found.member_id != member_id:
                raise kafka_errors.FencedInstanceIdError
        if found is None:
            raise kafka_errors.UnknownMemberIdError
        return found
