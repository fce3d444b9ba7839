"""The members of a consumer group, and what they say and hear when they join."""

from __future__ import annotations

from asyncio import Future, TimerHandle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRequest:
    """What a consumer says when it joins.

    member_id             empty when it joins for the first time
    instance_id           its own lasting name (static membership), or None
    protocols             metadata by assignment protocol, the preferred protocol first
    can_skip_assignment   the client understands that a leader need not assign again
    """

    member_id: str
    instance_id: str | None
    client_id: str
    session_timeout_s: float
    rebalance_timeout_s: float
    protocol_type: str
    protocols: Mapping[str, bytes]
    can_skip_assignment: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What a member hears once its generation is complete.

    members           to the leader alone: member id, instance id and metadata of everybody
    skip_assignment   the leader shall keep the assignment that there is
    """

    generation_id: int
    protocol_type: str
    protocol_name: str
    leader_id: str
    member_id: str
    members: Sequence[tuple[str, str | None, bytes]] = ()
    skip_assignment: bool = False


@dataclass(slots=True, eq=False)
class Member:
    """One member, for as long as it is in the group.

    joining, syncing   pending answers to its JoinGroup and SyncGroup
    last_seen_s        on the clock of the event loop
    expiry             looks again when its session might be over
    """

    member_id: str
    instance_id: str | None
    client_id: str
    session_timeout_s: float
    rebalance_timeout_s: float
    protocols: Mapping[str, bytes]
    last_seen_s: float
    assignment: bytes = b""
    joining: Future[Joined] | None = None
    syncing: Future[bytes] | None = None
    expiry: TimerHandle | None = None

    def update(self, request: JoinRequest, now_s: float) -> None:
        """Take over what the member says about itself when it joins again."""
        self.last_seen_s = now_s
        self.client_id = request.client_id
        self.session_timeout_s = request.session_timeout_s
        self.rebalance_timeout_s = request.rebalance_timeout_s
        self.protocols = request.protocols

    def answer_join(self, answer: Joined | Exception) -> None:
        """Answer the pending JoinGroup, if there is one."""
        pending, self.joining = self.joining, None
        _answer(pending, answer)

    def answer_sync(self, answer: bytes | Exception) -> None:
        """Answer the pending SyncGroup, if there is one."""
        pending, self.syncing = self.syncing, None
        _answer(pending, answer)


def _answer(pending: Future[Answer] | None, answer: Answer | Exception) -> None:
    if pending is None or pending.done():  # done: the connection is gone, and with it the waiter
        return
    if isinstance(answer, Exception):
        pending.set_exception(answer)
    else:
        pending.set_result(answer)
