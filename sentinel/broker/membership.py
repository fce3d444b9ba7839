"""Who is in a consumer group, and the rebalance that makes a new generation of it.

A rebalance begins when somebody comes, goes or changes. It ends when all members have joined again
or its deadline has passed; those that have not are dropped, static members excepted: these have
until the end of their session. Source: Kafka's GroupCoordinator, and KIP-345 for static members.
"""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import kafka.errors as kafka_errors

from sentinel.broker.members import Joined, JoinRequest, Member


class GroupState(StrEnum):
    """Named as Kafka's tools show them."""

    EMPTY = "Empty"
    PREPARING_REBALANCE = "PreparingRebalance"  # members join
    COMPLETING_REBALANCE = "CompletingRebalance"  # the leader assigns
    STABLE = "Stable"


class Membership:
    """The members of one group and their generation. Runs on the event loop.

    generation_id    counts the rebalances
    protocol_name    the assignment protocol that this generation agreed on
    leader_id        the member that assigns
    pending          ids handed out to consumers that have not joined with them yet
    """

    def __init__(self) -> None:
        self.state = GroupState.EMPTY
        self.generation_id = 0
        self.protocol_type = ""
        self.protocol_name = ""
        self.leader_id = ""
        self.members: dict[str, Member] = {}
        self.pending: dict[str, asyncio.TimerHandle] = {}
        self._deadline: asyncio.TimerHandle | None = None

    def reserve_id(self, client_id: str, session_timeout_s: float) -> str:
        """An id with which a consumer is to join, before its session timeout (KIP-394)."""
        member_id = new_member_id(client_id)
        self.pending[member_id] = _after(session_timeout_s, self.forget_pending, member_id)
        return member_id

    def forget_pending(self, member_id: str) -> None:
        """Nobody will join with that id: a rebalance waits for it no longer."""
        self.pending.pop(member_id).cancel()
        self._complete_if_all_joined()

    def static_member(self, instance_id: str | None) -> Member | None:
        """The member that goes by that instance id."""
        if instance_id is None:
            return None
        members = self.members.values()
        return next((member for member in members if member.instance_id == instance_id), None)

    def add(self, request: JoinRequest, member_id: str) -> Member:
        """A new member, which has yet to take part in a rebalance."""
        if member_id in self.pending:
            self.pending.pop(member_id).cancel()
        member = Member(
            member_id=member_id,
            instance_id=request.instance_id,
            client_id=request.client_id,
            session_timeout_s=request.session_timeout_s,
            rebalance_timeout_s=request.rebalance_timeout_s,
            protocols=request.protocols,
            last_seen_s=now_s(),
        )
        self.protocol_type = request.protocol_type
        self.members[member_id] = member
        member.expiry = _after(member.session_timeout_s, self._check_session, member)
        return member

    def rename(self, member: Member) -> None:
        """A static member has restarted: whoever uses its old id is fenced off from now on."""
        fenced = kafka_errors.FencedInstanceIdError
        member.answer_join(fenced())
        member.answer_sync(fenced())
        del self.members[member.member_id]
        leads = self.leader_id == member.member_id
        member.member_id = new_member_id(member.instance_id or "")
        self.members[member.member_id] = member
        if leads:
            self.leader_id = member.member_id

    def remove(self, member: Member) -> None:
        """A member goes; the others share what it had."""
        del self.members[member.member_id]
        if member.expiry is not None:
            member.expiry.cancel()
        member.answer_join(kafka_errors.UnknownMemberIdError())
        member.answer_sync(kafka_errors.UnknownMemberIdError())
        self._begin_rebalance()
        self._complete_if_all_joined()

    async def rebalance_with(self, member: Member) -> Joined:
        """Begin a rebalance, or take part in the present one; returns when it is complete."""
        member.answer_join(kafka_errors.RebalanceInProgressError())
        joining: asyncio.Future[Joined] = asyncio.get_running_loop().create_future()
        member.joining = joining
        self._begin_rebalance()
        self._complete_if_all_joined()
        return await joining

    def joined(
        self, member: Member, *, leader_id: str | None = None, skip_assignment: bool = False
    ) -> Joined:
        """What a member of the present generation hears."""
        leader_id = self.leader_id if leader_id is None else leader_id
        everybody = [
            (other.member_id, other.instance_id, other.protocols[self.protocol_name])
            for other in self.members.values()
        ]
        return Joined(
            generation_id=self.generation_id,
            protocol_type=self.protocol_type,
            protocol_name=self.protocol_name,
            leader_id=leader_id,
            member_id=member.member_id,
            members=everybody if member.member_id == leader_id else (),
            skip_assignment=skip_assignment,
        )

    def vote(self) -> str:
        """The protocol that most members prefer among those that all of them speak."""
        everybody = list(self.members.values())
        votes = Counter(
            next(name for name in member.protocols if all(name in m.protocols for m in everybody))
            for member in everybody
        )
        return votes.most_common(1)[0][0]

    def _begin_rebalance(self) -> None:
        if self.state is GroupState.PREPARING_REBALANCE:
            return
        for member in self.members.values():
            member.answer_sync(kafka_errors.RebalanceInProgressError())
        self.state = GroupState.PREPARING_REBALANCE
        self._set_deadline()

    def _set_deadline(self) -> None:
        timeouts_s = [member.rebalance_timeout_s for member in self.members.values()]
        self._deadline = _after(max(timeouts_s, default=0.0), self._rebalance_timed_out)

    def _rebalance_timed_out(self) -> None:
        absent = [member for member in self.members.values() if not member.joining]
        for member in absent:
            if member.instance_id is None:
                self.remove(member)  # the last one completes the rebalance
        if self.state is not GroupState.PREPARING_REBALANCE:
            return
        if any(member.joining for member in self.members.values()):
            self._complete()
        else:
            self._set_deadline()  # static members alone, none of them here: their sessions decide

    def _complete_if_all_joined(self) -> None:
        everybody_joined = all(member.joining for member in self.members.values())
        preparing = self.state is GroupState.PREPARING_REBALANCE
        if preparing and everybody_joined and not self.pending:
            self._complete()

    def _complete(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self.generation_id += 1
        if not self.members:
            self.state = GroupState.EMPTY
            self.protocol_name = self.leader_id = ""
            return
        self.state = GroupState.COMPLETING_REBALANCE
        self.protocol_name = self.vote()
        here = [member for member in self.members.values() if member.joining]
        if self.leader_id not in {member.member_id for member in here}:
            self.leader_id = here[0].member_id
        for member in here:
            member.last_seen_s = now_s()
            member.answer_join(self.joined(member))

    def _check_session(self, member: Member) -> None:
        """End the session of a silent member. One that waits for our answer is alive."""
        if member.joining or member.syncing:
            member.last_seen_s = now_s()
        left_s = member.last_seen_s + member.session_timeout_s - now_s()
        if left_s <= 0:
            self.remove(member)
        else:
            member.expiry = _after(left_s, self._check_session, member)


def new_member_id(prefix: str) -> str:
    """An id that no member ever had."""
    return f"{prefix}-{uuid.uuid4()}"


def now_s() -> float:
    """The clock of the event loop."""
    return asyncio.get_running_loop().time()


def _after(delay_s: float, callback: Callable[..., object], *arguments: Any) -> asyncio.TimerHandle:
    return asyncio.get_running_loop().call_later(delay_s, callback, *arguments)
