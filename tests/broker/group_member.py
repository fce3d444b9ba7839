"""A consumer that polls in a thread of its own, as a daemon would, and keeps a diary."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any, Self

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition

from sentinel.source.group_repair import finish_join
from tests.waiting import wait_until

SESSION = {"session_timeout_ms": 6000, "heartbeat_interval_ms": 200}
STOP_TIMEOUT_S = 20.0


class GroupMember(ConsumerRebalanceListener):
    """Subscribes to one topic; `with` leaves the group at the end (a static member just goes).

    assigned   its partitions as of now
    revoked    every partition that was ever taken from it, in order
    values     the values of all records, in the order of their arrival
    """

    def __init__(self, bootstrap_servers: str, topic: str, group_id: str, **options: Any) -> None:
        self.assigned: set[int] = set()
        self.revoked: list[int] = []
        self.values: list[bytes] = []
        self._topic = topic
        self._options = {
            "bootstrap_servers": bootstrap_servers,
            "group_id": group_id,
            "auto_offset_reset": "earliest",
            "enable_auto_commit": False,
            **SESSION,
            **options,
        }
        self._stopping = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=f"member-{group_id}")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(STOP_TIMEOUT_S)
        assert not self._thread.is_alive(), "the consumer hangs"
        if self._failure:
            raise self._failure

    def wait_for(self, count: int) -> None:
        """Until it has that many partitions."""
        wait_until(lambda: self._failure or len(self.assigned) == count, timeout_s=30)
        assert self._failure is None

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self.assigned |= {tp.partition for tp in assigned}

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        partitions = sorted(tp.partition for tp in revoked)
        self.revoked += partitions
        self.assigned -= set(partitions)

    on_partitions_lost = on_partitions_revoked

    def _run(self) -> None:
        try:
            consumer = KafkaConsumer(**self._options)
            try:
                consumer.subscribe([self._topic], listener=self)
                while not self._stopping.is_set():
                    for records in consumer.poll(timeout_ms=100).values():
                        self.values += [record.value for record in records]
                    finish_join(consumer)
            finally:
                consumer.close()
        except Exception as failure:  # shown by the test's thread
            self._failure = failure
