"""What is said of topics that this user may not use, or that nobody serves."""

from collections.abc import Sequence

import pytest

from sentinel.cli.check_topics import Creation, Wanted, check_group, check_topics
from sentinel.cli.findings import Finding, exit_code, note, ok, warning
from sentinel.errors import KafkaError
from sentinel.source.kafka_admin import Topic

READINGS = Wanted("source.topic", "readings", "READ")
EVENTS = Wanted("sink.events_topic", "events", "WRITE")


def topic(name: str, **facts: object) -> Topic:
    usual = {
        "missing": False,
        "forbidden": False,
        "partitions": 4,
        "leaderless": 0,
        "operations": None,
    }
    return Topic(name=name, **(usual | facts))


class Answers:
    """A cluster that has nothing but answers."""

    def __init__(self, *topics: Topic) -> None:
        self._topics = {one.name: one for one in topics}

    def topics(self, names: Sequence[str]) -> dict[str, Topic]:
        return {name: self._topics[name] for name in names}

    def group_is_forbidden(self, group_id: str) -> bool:
        return group_id == "theirs"

    def create_topic(self, name: str, partitions: int, replication_factor: int) -> None:
        raise KafkaError("cannot create the topic 'events': Policy", hint="ask")


def only(findings) -> Finding:
    (found,) = findings
    return found


@pytest.mark.parametrize(
    ("facts", "what"),
    [
        ({"forbidden": True}, 'not authorised for the topic "events"'),
        ({"operations": frozenset({"READ"})}, 'the topic "events" is not writable for this user'),
        ({"leaderless": 3}, 'of the 4 partitions of the topic "events", 3 without a leader'),
        ({"missing": True}, 'the topic "events" does not exist'),
    ],
)
def test_unusable_topic_is_a_problem_with_a_hint(facts: dict, what: str) -> None:
    found = only(check_topics(Answers(topic("events", **facts)), [EVENTS], None))
    assert (found.grade, found.where, found.what) == ("problem", "sink.events_topic", what)
    assert found.hint
    assert found.exit_code == KafkaError.exit_code


@pytest.mark.parametrize(
    ("operations", "told"),
    [(None, "permissions not told"), (frozenset({"READ", "DESCRIBE"}), "readable")],
)
def test_usable_topic_says_what_the_broker_tells(operations, told: str) -> None:
    found = only(check_topics(Answers(topic("readings", operations=operations)), [READINGS], None))
    assert found == ok("source.topic", f'topic "readings", 4 partitions, {told}')


def test_topic_that_cannot_be_created_is_a_problem() -> None:
    cluster = Answers(topic("events", missing=True))
    found = only(check_topics(cluster, [EVENTS], Creation(None, 3)))
    assert (found.grade, found.where) == ("problem", "sink.events_topic")
    assert found.what.endswith("Policy")


def test_forbidden_group_is_a_problem() -> None:
    assert only(check_group(Answers(), "theirs")).where == "source.group_id"
    assert not list(check_group(Answers(), "ours"))


def test_exit_code_is_of_the_first_problem_on_the_way_of_a_start() -> None:
    kafka = Finding("problem", "kafka", "x", exit_code=6)
    model = Finding("problem", "model", "x", exit_code=5)
    assert exit_code([ok("a", "b"), kafka, model]) == 5
    assert exit_code([note("a", "b"), warning("a", "b", "c")]) == 0
