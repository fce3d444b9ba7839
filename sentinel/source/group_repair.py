"""A repair of kafka-python 3.0.12: a consumer that is left without partitions for ever."""

from __future__ import annotations

from kafka import KafkaConsumer


def resume_join(consumer: KafkaConsumer) -> None:
    """Join again where an assignment was lost. Call after every `poll`; costs nothing otherwise.

    A leader that joins again because the topic's metadata changed forgets so while it assigns
    (assignment_snapshot equals metadata_snapshot from then on). Should poll() time out between that
    and the answer to SyncGroup, then no later poll() looks at the finished join: its assignment is
    lost, while the heartbeats go on. Private API, hence ``kafka-python<3.1``.
    """
    coordinator = consumer._coordinator
    join = coordinator._join_task
    if join is not None and join.is_done and not coordinator.need_rejoin():
        coordinator.request_rejoin()
