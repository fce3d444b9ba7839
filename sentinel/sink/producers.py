"""Producers of kafka-python: opened with sentinel's promises, closed for certain."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final

import kafka.errors as kafka_errors
from kafka import KafkaProducer

from sentinel.config.kafka_opening import opened, taking_options
from sentinel.config.schema import SinkConfig
from sentinel.errors import ConfigError
from sentinel.sink.failures import topic_not_found, undelivered, unreachable

log = logging.getLogger(__name__)

MAX_METADATA_WAIT_MS: Final = 10_000
REQUEST_TIMEOUT_MS: Final = 30_000
CLOSE_TIMEOUT_S: Final = 5.0
OPTIONS: Final = "sink.client or kafka.client"  # where they come from

# What delivery rests on is not the operator's to change.
FIXED_OPTIONS: Final = frozenset(
    {
        "acks",
        "allow_auto_create_topics",
        "enable_idempotence",
        "key_serializer",
        "max_in_flight_requests_per_connection",
        "transactional_id",
        "value_serializer",
    }
)


def producer_options(config: SinkConfig, client_options: Mapping[str, Any]) -> dict[str, Any]:
    """Options of both producers: the connection's, sentinel's timeouts, the operator's own.

    Raises    ConfigError where config.client sets one of FIXED_OPTIONS, or a deadline is no number.
    """
    fixed = sorted(FIXED_OPTIONS & set(config.client))
    if fixed:
        raise ConfigError(
            f"sentinel sets {', '.join(fixed)} itself",
            where="sink.client",
            hint="remove it: what is promised of delivery rests on it",
        )
    # A record fails with its own reason when the flush that waits for it gives up, not later.
    delivery_timeout_ms = int(config.flush_timeout_s * 1000)
    request_timeout_ms = client_options.get("request_timeout_ms", REQUEST_TIMEOUT_MS)
    with taking_options(KafkaProducer, OPTIONS):
        request_timeout_ms = min(request_timeout_ms, delivery_timeout_ms // 2)
    options = {
        **client_options,
        "delivery_timeout_ms": delivery_timeout_ms,
        "request_timeout_ms": request_timeout_ms,
        "max_block_ms": min(MAX_METADATA_WAIT_MS, delivery_timeout_ms),
        **config.client,
    }
    if config.bootstrap_servers:
        options["bootstrap_servers"] = config.bootstrap_servers
    return options


def open_producer(
    options: Mapping[str, Any], topic: str, role: str, *, idempotent: bool
) -> KafkaProducer:
    """A connected producer for a topic that exists. It never creates one.

    role        ends the client id, for the brokers' logs and quotas
    idempotent  each record once and in order; else in order and at least once
    Raises      ConfigError for options that kafka-python does not take; KafkaError where the
                brokers cannot be reached or do not know the topic.
    """
    promises: dict[str, Any] = {"acks": "all", "enable_idempotence": idempotent}
    if not idempotent:
        promises["max_in_flight_requests_per_connection"] = 1
    client_id = f"{options.get('client_id') or 'sentinel'}-{role}"
    servers = _joined(options["bootstrap_servers"])
    try:
        ours = {**promises, "allow_auto_create_topics": False, "client_id": client_id}
        producer: KafkaProducer = opened(KafkaProducer, {**options, **ours}, OPTIONS)
    except (kafka_errors.KafkaError, OSError) as error:
        raise unreachable(error, servers) from error
    # kafka-python takes the option above and asks for new topics all the same.
    producer._metadata.config["allow_auto_create_topics"] = False
    try:
        producer.partitions_for(topic)
    except kafka_errors.KafkaError as error:
        close_producer(producer)
        if isinstance(error, kafka_errors.KafkaTimeoutError):
            raise topic_not_found(topic, servers, options["max_block_ms"] / 1000) from error
        raise undelivered(error, topic) from error
    except ValueError as error:
        close_producer(producer)
        raise ConfigError(str(error), where=topic, hint="correct the topic's name") from error
    return producer


def close_producer(producer: KafkaProducer) -> None:
    """Close, after a short wait for what is on its way. Idempotent."""
    try:
        producer.close(timeout=CLOSE_TIMEOUT_S)
    except kafka_errors.KafkaTimeoutError:
        log.warning("records were left undelivered: the daemon reads their causes again")
        # close() gave up waiting before it had ended the producer's thread. There is no public
        # way to end it; with what it holds dropped, close() succeeds.
        producer._sender.force_close()
        producer._sender.join(CLOSE_TIMEOUT_S)
        producer.close(timeout=0)


def _joined(servers: str | Sequence[str]) -> str:
    return servers if isinstance(servers, str) else ",".join(servers)
