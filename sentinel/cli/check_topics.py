"""`sentinel check`, the part about Kafka: are the topics there, and may we use them?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sentinel.cli.findings import Finding, note, ok
from sentinel.config.schema import Config
from sentinel.errors import KafkaError
from sentinel.plural import counted
from sentinel.source.kafka_admin import Cluster, Topic

READ, WRITE = "READ", "WRITE"
VERBS = {READ: "readable", WRITE: "writable"}


@dataclass(frozen=True, slots=True)
class Creation:
    """How missing output topics are created; None leaves the number to the broker."""

    partitions: int | None
    replication_factor: int | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A topic of the configuration: its key, its name and what the daemon does with it."""

    key: str
    name: str
    operation: str


def source_topics(config: Config) -> list[Wanted]:
    """What is read."""
    return [Wanted("source.topic", config.source.topic, READ)]


def sink_topics(config: Config) -> list[Wanted]:
    """What is written, and what `--create-topics` creates."""
    return [
        Wanted("sink.events_topic", config.sink.events_topic, WRITE),
        Wanted("sink.dead_letter_topic", config.sink.dead_letter_topic, WRITE),
    ]


def check_topics(
    cluster: Cluster, wanted: list[Wanted], creation: Creation | None
) -> Iterator[Finding]:
    """Whether each topic exists and can be used; missing output topics are created on request."""
    topics = cluster.topics([one.name for one in wanted])
    for one in wanted:
        topic = topics[one.name]
        if topic.missing and one.operation == WRITE and creation is not None:
            yield _create(cluster, one, creation)
        else:
            yield _check_topic(one, topic)


def check_group(cluster: Cluster, group_id: str) -> Iterator[Finding]:
    """Whether the consumer group may be used, where the broker tells."""
    if cluster.group_is_forbidden(group_id):
        yield _problem(
            "source.group_id",
            f'not authorised for the consumer group "{group_id}"',
            "the user needs an ACL with READ on it",
        )


def kafka_problem(error: KafkaError, where: str) -> Finding:
    """An error on the way to Kafka; `where` is the key to look at where it names none itself."""
    return _problem(error.where or where, error.what, error.hint)


def _check_topic(wanted: Wanted, topic: Topic) -> Finding:
    named = f'topic "{wanted.name}"'
    if topic.forbidden:
        hint = (
            f"the user needs an ACL with DESCRIBE and {wanted.operation} on it (or it is missing)"
        )
        return _problem(wanted.key, f"not authorised for the {named}", hint)
    if topic.missing:
        hint = "`sentinel check --create-topics` creates it"
        if wanted.operation == READ:
            hint = "create it, or check the name: sentinel never creates the topic it reads"
        return _problem(wanted.key, f"the {named} does not exist", hint)
    if not topic.allows(wanted.operation):
        what = f"the {named} is not {VERBS[wanted.operation]} for this user"
        return _problem(wanted.key, what, f"the user needs an ACL with {wanted.operation} on it")
    if topic.leaderless:
        partitions = counted(topic.partitions, "partition")
        what = f"of the {partitions} of the {named}, {topic.leaderless} without a leader"
        return _problem(wanted.key, what, "brokers are down; whoever runs the cluster knows")
    told = "permissions not told" if topic.operations is None else VERBS[wanted.operation]
    return ok(wanted.key, f"{named}, {counted(topic.partitions, 'partition')}, {told}")


def _create(cluster: Cluster, wanted: Wanted, creation: Creation) -> Finding:
    try:
        cluster.create_topic(wanted.name, creation.partitions, creation.replication_factor)
    except KafkaError as error:
        return kafka_problem(error, wanted.key)
    return note(wanted.key, f'topic "{wanted.name}" created')


def _problem(where: str, what: str, hint: str) -> Finding:
    return Finding("problem", where, what, hint, KafkaError.exit_code)
