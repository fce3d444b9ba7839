"""What a test gets of a broker, whichever it is."""

from __future__ import annotations

from functools import cached_property
from typing import Self

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError
from kafka.protocol.consumer import OffsetSpec

from tests.waiting import wait_until


class Kafka:
    """A running broker: its name (embedded, kafka), where it is, and a way to create topics."""

    def __init__(self, name: str, bootstrap_servers: str) -> None:
        self.name = name
        self.bootstrap_servers = bootstrap_servers

    @cached_property
    def admin(self) -> KafkaAdminClient:
        """One administrator for all tests; it connects when first asked."""
        return KafkaAdminClient(bootstrap_servers=self.bootstrap_servers)

    def create_topic(self, name: str, partitions: int = 1) -> str:
        """Create a topic, wait until it can be used, and give back its name."""
        self.admin.create_topics({name: {"num_partitions": partitions}}, wait_for_metadata=True)
        newest = {TopicPartition(name, index): OffsetSpec.LATEST for index in range(partitions)}

        def readable() -> bool:
            # A real Kafka lists a topic a moment before it opens its logs.
            try:
                return len(self.admin.list_partition_offsets(newest)) == partitions
            except KafkaError:
                return False

        wait_until(readable)
        return name

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if "admin" in self.__dict__:
            self.admin.close()
