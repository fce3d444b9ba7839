"""A repair of kafka-python 3.0.12: a consumer that joins its group and then forgets that it did.

`poll` waits for the answers to JoinGroup and SyncGroup as long as its timeout allows, and leaves
the request running where that is too short. Should the answer come while nobody polls (a batch is
being scored, say), the next `poll` does not look at it: it joins once more, which makes every other
member join again, for as long as the bad luck lasts; or, where it sees no need to join, it stays
without partitions for ever, while its heartbeats go on. Both were seen with two members. Private
API, hence ``kafka-python<3.1``.
"""

from __future__ import annotations

from typing import Any

from kafka import KafkaConsumer
from kafka.coordinator.base import MemberState


def finish_join(consumer: KafkaConsumer) -> None:
    """Take in the answer to a join that came between two polls. Call before every `poll`."""
    coordinator = consumer._coordinator
    join = coordinator._join_task
    if join is None or not join.is_done:
        return
    if join.succeeded():
        coordinator._net.run(_complete, coordinator, join.value)
    elif not coordinator.need_rejoin():
        coordinator.request_rejoin()


async def _complete(coordinator: Any, assignment: bytes) -> None:
    """What `join_group_async` does behind a join that it has waited for, on the same thread."""
    coordinator._join_task = None
    with coordinator._lock:
        coordinator.rejoining = False
        coordinator.rejoin_needed = False
        coordinator.state = MemberState.STABLE
        coordinator._enable_heartbeat()
    generation = coordinator._generation
    await coordinator._on_join_complete_async(
        generation.generation_id, generation.member_id, generation.protocol, assignment
    )
