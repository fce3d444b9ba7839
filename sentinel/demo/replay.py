"""Producing the demo's readings, as a gateway on the shop floor would."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from kafka import KafkaProducer
from kafka.errors import KafkaError as ClientError

from sentinel.demo.dataset import CHANNEL, ENTITY
from sentinel.errors import KafkaError

FLUSH_TIMEOUT_S = 60.0


def replay(lines: Iterable[str], topic: str, producer: KafkaProducer) -> None:
    """Produce `timestamp,temperature` lines as JSON readings.

    Raises KafkaError where one is refused, and where they are not taken within FLUSH_TIMEOUT_S.
    """
    encoder = msgspec.json.Encoder()
    refused: list[BaseException] = []
    try:
        for line in lines:
            timestamp, value = line.split(",")
            reading = {"ts": timestamp, CHANNEL: float(value)}
            sent = producer.send(topic, key=ENTITY.encode(), value=encoder.encode(reading))
            sent.add_errback(refused.append)
        producer.flush(FLUSH_TIMEOUT_S)
    except ClientError as error:
        refused.append(error)
    if refused:
        raise KafkaError(
            f"the readings cannot be produced: {refused[0]}",
            where=topic,
            hint="does the broker still run?",
        ) from refused[0]
