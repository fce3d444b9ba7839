"""Producing the demo's readings, as a gateway on the shop floor would."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from kafka import KafkaProducer
from kafka.errors import KafkaError as ClientError

from sentinel.demo.dataset import CHANNEL, ENTITY
from sentinel.errors import KafkaError

FLUSH_TIMEOUT_S = 60.0


def replay(lines: Iterable[str], topic: str, client_options: Mapping[str, Any]) -> int:
    """Produce `timestamp,temperature` lines as JSON readings; how many. Raises KafkaError."""
    producer = KafkaProducer(**client_options, acks="all", linger_ms=5)
    encoder = msgspec.json.Encoder()
    count = 0
    refused: list[BaseException] = []
    try:
        for line in lines:
            timestamp, value = line.split(",")
            reading = {"ts": timestamp, CHANNEL: float(value)}
            sent = producer.send(topic, key=ENTITY.encode(), value=encoder.encode(reading))
            sent.add_errback(refused.append)
            count += 1
        producer.flush(FLUSH_TIMEOUT_S)
        if refused:
            raise KafkaError(f"the readings cannot be produced: {refused[0]}", where=topic)
    except ClientError as error:
        raise KafkaError(f"the readings cannot be produced: {error}", where=topic) from error
    finally:
        producer.close(0)
    return count
