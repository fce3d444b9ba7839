"""What a failure of Kafka means to the operator: what failed, on which topic, what to do."""

from __future__ import annotations

from typing import Final

import kafka.errors as kafka_errors

from sentinel.errors import KafkaError

# The first class that fits gives the hint; the more special ones therefore stand first.
_HINTS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (
        kafka_errors.TopicAuthorizationFailedError,
        "allow this user WRITE and DESCRIBE on the topic",
    ),
    (
        kafka_errors.ClusterAuthorizationFailedError,
        "brokers before 2.8 want IDEMPOTENT_WRITE on the cluster for this user",
    ),
    (kafka_errors.SaslAuthenticationFailedError, "check kafka.sasl_* and the password's variable"),
    (
        kafka_errors.UnknownTopicOrPartitionError,
        "create the topic: sentinel check --config FILE --create-topics",
    ),
    (kafka_errors.InvalidTopicError, "topic names have letters, digits, dots, _ and - only"),
    (
        kafka_errors.MessageSizeTooLargeError,
        "raise max.message.bytes of the topic, and sink.client.max_request_size where it is lower",
    ),
    (
        kafka_errors.RecordListTooLargeError,
        "raise segment.bytes of the topic: a record must fit a segment",
    ),
    (
        kafka_errors.InvalidTimestampError,
        "raise message.timestamp.before.max.ms or message.timestamp.after.max.ms of the topic",
    ),
    (
        kafka_errors.InvalidRecordError,
        "set cleanup.policy=delete: a compacted topic refuses records without a key",
    ),
    (
        kafka_errors.NotEnoughReplicasError,
        "fewer replicas are in sync than min.insync.replicas wants: look at the brokers",
    ),
    (
        kafka_errors.KafkaTimeoutError,
        "look whether the brokers can be reached, the topic still exists and its replicas are in "
        "sync; sink.flush_timeout_s is how long sentinel waits",
    ),
)


def undelivered(error: Exception, topic: str) -> KafkaError:
    """The operator's error for output that did not arrive."""
    hint = next((hint for kind, hint in _HINTS if isinstance(error, kind)), "")
    return KafkaError(f"output was not delivered: {_cause(error)}", where=topic, hint=hint)


def topic_not_found(topic: str, bootstrap_servers: str, waited_s: float) -> KafkaError:
    """The operator's error for a topic of which the brokers know nothing."""
    return KafkaError(
        f"no such topic, or none that this user may see, at {bootstrap_servers} "
        f"(asked for {waited_s:g} s)",
        where=topic,
        hint="create it: sentinel check --config FILE --create-topics",
    )


def unreachable(error: Exception, bootstrap_servers: str) -> KafkaError:
    """The operator's error for brokers that do not answer, or not to us."""
    return KafkaError(
        f"cannot connect to Kafka: {_cause(error)}",
        where=bootstrap_servers,
        hint="check the address, that the brokers run, and kafka.security_protocol and kafka.sasl_*"
        ": brokers close the connection without a word where they expect another protocol or "
        "another password",
    )


def _cause(error: Exception) -> str:
    """kafka-python's text, once: its errors carry their class name and often no more."""
    text = str(error).removesuffix(": None")
    return text or type(error).__name__
