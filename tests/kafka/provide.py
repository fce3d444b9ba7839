"""A real Kafka for a fixture: started, or the test is skipped with the reason."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.kafka.cluster import KafkaCluster, KafkaUnavailableError
from tests.kafka.handle import Kafka


@contextmanager
def real_kafka(**properties: str) -> Iterator[Kafka]:
    """A node with these server properties; with SENTINEL_REQUIRE_KAFKA=1 it may not be missing."""
    try:
        with (
            KafkaCluster(properties) as cluster,
            Kafka("kafka", cluster.bootstrap_servers) as handle,
        ):
            yield handle
    except KafkaUnavailableError as error:
        if os.environ.get("SENTINEL_REQUIRE_KAFKA") == "1":
            pytest.fail(f"a real Kafka is required here, but {error}")
        pytest.skip(f"no real Kafka: {error}")
