"""Questions to a Kafka cluster, and the creation of topics: for people, never for the daemon.

kafka-python tries to connect until a deadline and then says only that it could not. What went wrong
it tells its log, exceptions and all; so that is where the cause is taken from. Measured against
Apache Kafka 4.3: of a wrong password every second attempt shows as a closed connection, hence the
most telling of all causes wins.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import kafka.errors
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient

from sentinel.config.kafka_opening import opened
from sentinel.errors import KafkaError
from sentinel.source.batches import PlainRecord

OPTIONS = "kafka.client or source.client"  # where they come from


@dataclass(frozen=True, slots=True)
class Topic:
    """What this user can see of a topic.

    missing     it does not exist, or that is all this user is told
    forbidden   this user may not even describe it
    leaderless  partitions that nobody serves at present
    operations  what this user may do with it (READ, WRITE, ...); None where the broker does not say
    """

    name: str
    missing: bool
    forbidden: bool
    partitions: int
    leaderless: int
    operations: frozenset[str] | None

    def allows(self, operation: str) -> bool:
        """Whether this user may do so, as far as the broker says."""
        return self.operations is None or operation in self.operations


def admin_client(options: Mapping[str, Any], timeout_ms: int) -> KafkaAdminClient:
    """kafka-python's admin client, connected.

    options     of kafka-python's clients; those that its admin client does not know are left out
    timeout_ms  of the connection, and again of each question
    Raises      ConfigError where it does not take the options
    """
    known = {k: v for k, v in options.items() if k in KafkaAdminClient.DEFAULT_CONFIG}
    deadlines = dict.fromkeys(("bootstrap_timeout_ms", "request_timeout_ms"), timeout_ms)
    client: KafkaAdminClient = opened(KafkaAdminClient, known | deadlines, OPTIONS)
    return client


class Cluster:
    """A connection to a cluster, for a few questions.

    Arguments as of `admin_client`. Raises ConfigError as there; KafkaError, with the cause as far
    as it can be told.
    """

    def __init__(self, options: Mapping[str, Any], timeout_ms: int) -> None:
        servers = options["bootstrap_servers"]
        self._brokers = servers if isinstance(servers, str) else ",".join(servers)
        with told(f"reach Kafka at {self._brokers}"):
            self._admin = admin_client(options, timeout_ms)

    def topics(self, names: Sequence[str]) -> dict[str, Topic]:
        """What there is to know of each; asking never creates a topic."""
        with told(f"describe the topics at {self._brokers}", answered=True):
            found = self._admin.describe_topics(list(names))
        return {topic["name"]: _topic(topic) for topic in found}

    def group_is_forbidden(self, group_id: str) -> bool:
        """Whether the broker says that this user may not use the consumer group."""
        try:
            self._admin.describe_groups([group_id])
        except kafka.errors.GroupAuthorizationFailedError:
            return True
        except kafka.errors.KafkaError:
            return False  # a new cluster has no coordinator yet: nothing is known
        return False

    def create_topic(
        self, name: str, partitions: int | None, replication_factor: int | None
    ) -> None:
        """Create a topic and wait until it can be used; None leaves a number to the broker."""
        numbers = {"num_partitions": partitions, "replication_factor": replication_factor}
        wanted = {key: number for key, number in numbers.items() if number is not None}
        with told(f"create the topic {name!r} at {self._brokers}", answered=True):
            answer = self._admin.create_topics({name: wanted}, raise_errors=False)
            result = answer["topics"][0]
            if result["error_code"]:
                kind = kafka.errors.for_code(result["error_code"]).__name__
                reason = (result["error_message"] or kind).rstrip(".")
                raise KafkaError(
                    f"cannot create the topic {name!r}: {reason}",
                    hint="it can also be created by whoever administers the cluster",
                )
            self._admin.wait_for_topics([name])

    def close(self) -> None:
        """Let go of the connection. Idempotent."""
        self._admin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def never_create_topics(consumer: KafkaConsumer) -> None:
    """Let a consumer ask for a topic without the wish that brokers create it where they may.

    kafka-python 3.0.12 takes the option allow_auto_create_topics and does not pass it on.
    """
    consumer._cluster.config["allow_auto_create_topics"] = False


def latest_records(
    options: Mapping[str, Any], topic: str, count: int, timeout_ms: int
) -> dict[int, list[PlainRecord]]:
    """The newest `count` records of a topic, by partition: no group, nothing committed.

    Where one partition has fewer than its share, the others stand in. What has not come after
    `timeout_ms` is left out (markers of transactions, and records that are compacted, never come).
    """
    known = {k: v for k, v in options.items() if k in KafkaConsumer.DEFAULT_CONFIG}
    alone = {"group_id": None, "bootstrap_timeout_ms": timeout_ms}
    with told(f"read the topic {topic!r}"):
        consumer = opened(KafkaConsumer, known | alone, OPTIONS)
        never_create_topics(consumer)
        try:
            return _read_latest(consumer, topic, count, time.monotonic() + timeout_ms / 1000)
        finally:
            consumer.close()


def _read_latest(
    consumer: KafkaConsumer, topic: str, count: int, deadline_s: float
) -> dict[int, list[PlainRecord]]:
    partitions = [TopicPartition(topic, i) for i in consumer.partitions_for_topic(topic) or ()]
    consumer.assign(partitions)
    starts, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
    wanted = shares({p: ends[p] - starts[p] for p in partitions}, count)
    for partition, share in wanted.items():
        consumer.seek(partition, ends[partition] - share)
    found: dict[int, list[PlainRecord]] = {p.partition: [] for p in partitions}
    while any(consumer.position(p) < ends[p] for p in wanted) and time.monotonic() < deadline_s:
        for partition, records in consumer.poll(timeout_ms=100).items():
            found[partition.partition] += [
                PlainRecord(r.offset, r.timestamp, r.key, r.value, r.headers)
                for r in records
                if r.offset < ends[partition]
            ]
    return found


def shares(available: Mapping[TopicPartition, int], count: int) -> dict[TopicPartition, int]:
    """How many of `count` to take from each: evenly, but where there is less, others take over."""
    taken: dict[TopicPartition, int] = {}
    smallest_first = sorted(available, key=lambda one: available[one])
    for i, one in enumerate(smallest_first):
        even = -(-(count - sum(taken.values())) // (len(smallest_first) - i))
        taken[one] = min(available[one], even)
    return taken


_NO_LOGIN = (
    "the broker wants no login on this port",
    "kafka.security_protocol",
    'choose "PLAINTEXT" or "SSL", or the port that wants a login',
)
# What a cause shows as, most telling first; then what it means, where to look, and what to do.
_MEANINGS = (
    (
        "SaslAuthenticationFailedError",
        "authentication failed",
        "kafka.sasl_username",
        "check the user, the password in the variable of sasl_password_env, and sasl_mechanism",
    ),
    (
        "UnsupportedSaslMechanismError",
        "the broker does not offer this sasl_mechanism",
        "kafka.sasl_mechanism",
        "ask whoever administers the cluster for the one to use",
    ),
    ("IllegalSaslStateError", *_NO_LOGIN),
    ("support the 'SaslHandshake", *_NO_LOGIN),
    (
        "CERTIFICATE_VERIFY_FAILED",
        "the broker's certificate is not trusted",
        "kafka.ssl_cafile",
        "name the authority that signed it; where only the host's name differs, the broker's own",
    ),
    (
        "Handshake failed",
        "no TLS connection could be made",
        "kafka.security_protocol",
        "does this port speak TLS at all? does the broker ask for a client certificate?",
    ),
    (
        "IncompatibleBrokerVersion",
        "it does not serve clients",
        "",
        "is this the port of a KRaft controller? or a Kafka older than 2.1?",
    ),
    ("AuthorizationFailedError", "not authorised", "", "the user needs an ACL for it"),
    (
        "ECONNREFUSED",
        "connection refused",
        "",
        "does the broker run? are host and port right?",
    ),
    ("DNS Resolution", "no such host", "", "check the host's name"),
    (
        "socket disconnected",
        "the broker closes the connection at once",
        "kafka.security_protocol",
        "usually it expects TLS or a login on this port, or another sasl_mechanism",
    ),
)

_UNREACHABLE = ("ECONNREFUSED", "DNS Resolution")


def explained(purpose: str, causes: Sequence[BaseException], *, answered: bool) -> KafkaError:
    """The KafkaError for what went wrong on the way to `purpose`; `where` is a key, where known.

    causes    everything that kafka-python met with; the last one is what it gave up with
    answered  the cluster did answer before
    """
    texts = [f"{type(cause).__name__}: {cause}" for cause in causes]
    for sign, meaning, key, hint in _MEANINGS:
        if not any(sign in text for text in texts):
            continue
        if answered and sign in _UNREACHABLE:
            meaning = f"the broker answers, but then names an address of its own: {meaning}"
            hint = "its advertised.listeners must name a host that can be reached from here"
        return KafkaError(f"cannot {purpose}: {meaning}", where=key, hint=hint)
    return KafkaError(
        f"cannot {purpose}: no answer ({texts[-1]})",
        hint="can it be reached from here? is there a firewall in between?",
    )


@contextmanager
def told(purpose: str, *, answered: bool = False) -> Iterator[None]:
    """Let what goes wrong in here be told as a KafkaError with its cause; see `explained`."""
    with quiet_client() as causes:
        try:
            yield
        except (kafka.errors.KafkaError, OSError) as error:
            raise explained(purpose, [*causes, error], answered=answered) from error


@contextmanager
def quiet_client() -> Iterator[Sequence[BaseException]]:
    """Keep what kafka-python logs in here from everybody's eyes; the exceptions among it come."""
    client_log, causes = logging.getLogger("kafka"), _Causes()
    before = client_log.propagate, client_log.level
    client_log.propagate = False
    client_log.setLevel(logging.WARNING)
    client_log.addHandler(causes)
    try:
        yield causes.seen
    finally:
        client_log.removeHandler(causes)
        client_log.propagate = before[0]
        client_log.setLevel(before[1])


class _Causes(logging.Handler):
    """Collects the exceptions that kafka-python logs."""

    LIMIT = 1000

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the exceptions among a log record's arguments."""
        arguments = record.args if isinstance(record.args, tuple) else ()
        new = [argument for argument in arguments if isinstance(argument, BaseException)]
        self.seen += new[: self.LIMIT - len(self.seen)]


def _topic(found: Mapping[str, Any]) -> Topic:
    error = kafka.errors.for_code(found["error_code"])
    operations = found["authorized_operations"]
    return Topic(
        name=found["name"],
        missing=error is kafka.errors.UnknownTopicOrPartitionError,
        forbidden=error is kafka.errors.TopicAuthorizationFailedError,
        partitions=len(found["partitions"]),
        leaderless=sum(partition["leader_id"] < 0 for partition in found["partitions"]),
        operations=None if operations is None else frozenset(operations),
    )
