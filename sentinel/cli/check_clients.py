"""`sentinel check`, the part about the free tables: options that kafka-python does not know."""

from __future__ import annotations

from collections.abc import Iterator

from kafka import KafkaConsumer, KafkaProducer

from sentinel.cli.findings import Finding
from sentinel.config.problems import did_you_mean
from sentinel.config.schema import Config
from sentinel.errors import ConfigError

CONSUMER = KafkaConsumer.DEFAULT_CONFIG.keys()
PRODUCER = KafkaProducer.DEFAULT_CONFIG.keys()


def check_clients(config: Config) -> Iterator[Finding]:
    """Every key of the tables that go to kafka-python unread, and that it would refuse."""
    for table, options, known, whose in (
        ("kafka.client", config.kafka.client, CONSUMER & PRODUCER, "all clients"),
        ("source.client", config.source.client, CONSUMER, "KafkaConsumer"),
        ("sink.client", config.sink.client, PRODUCER, "KafkaProducer"),
    ):
        for name in options:
            if name in known:
                continue
            yield Finding(
                "problem",
                f"{table}.{name}",
                f"not an option of kafka-python's {whose}",
                did_you_mean(name, known) or "see its documentation",
                ConfigError.exit_code,
            )
