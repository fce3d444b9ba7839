"""The Kafka source, on the embedded broker and on a real Apache Kafka."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import confluent_kafka
import kafka.errors
import numpy as np
import pytest
from kafka import TopicPartition

from sentinel.broker import EmbeddedBroker
from sentinel.errors import ConfigError, KafkaError
from sentinel.ports import PollBatch
from sentinel.source.kafka import KafkaSource
from sentinel.source.kafka_range import KafkaRangeSource
from sentinel.source.warm_up import warm_up
from tests.kafka.handle import Kafka
from tests.source.decoding import TIME_NS, TIME_S, source_config
from tests.waiting import wait_until

CHANNELS = ("temp",)
# No member is thought dead because a busy machine did not let it send its heartbeat.
FAST = {"session_timeout_ms": 20_000, "heartbeat_interval_ms": 200, "metadata_max_age_ms": 500}


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    warm_up(source_config(), CHANNELS)


class Topic:
    """A topic of its own, and the sources that read it; all are closed at the end."""

    def __init__(self, kafka: Kafka, name: str, partitions: int, stack: ExitStack) -> None:
        self.kafka, self.name, self.partitions, self._stack = kafka, name, partitions, stack
        kafka.create_topic(name, partitions)

    @property
    def client_options(self) -> dict[str, Any]:
        return {"bootstrap_servers": self.kafka.bootstrap_servers}

    def produce(self, values: Sequence[Any], partition: int = 0, key: bytes = b"pump") -> None:
        """In one record batch, however slow we are to fill it: `flush` does not wait so long."""
        producer = confluent_kafka.Producer(
            {"bootstrap.servers": self.kafka.bootstrap_servers, "linger.ms": 60_000}
        )
        for value in values:
            if not isinstance(value, bytes):
                value = json.dumps(value).encode()
            producer.produce(self.name, value, key, partition)
        assert producer.flush(30) == 0

    def config(self, **keys: Any) -> Any:
        return source_config(**{
            "topic": self.name, "group_id": self.name, "client": FAST,
            "bootstrap_servers": self.kafka.bootstrap_servers, **keys,
        })  # fmt: skip

    def source(self, channels: Sequence[str] = CHANNELS, **keys: Any) -> KafkaSource:
        source = KafkaSource(self.config(**keys), self.client_options, channels)
        self._stack.callback(source.close)
        return source

    def range(self, **bounds: str) -> KafkaRangeSource:
        source = KafkaRangeSource(self.config(client={}), self.client_options, **bounds)
        self._stack.callback(source.close)
        return source


@pytest.fixture
def topic(any_kafka: Kafka, unique_name: Callable[[str], str]) -> Iterator[Callable[..., Topic]]:
    with ExitStack() as stack:
        yield lambda partitions=1: Topic(any_kafka, unique_name("source"), partitions, stack)


def readings(count: int, first: int = 0) -> list[dict[str, float]]:
    return [{"ts": TIME_S + n, "temp": n} for n in range(first, first + count)]


def read(source: KafkaSource | KafkaRangeSource, records: int) -> list[PollBatch]:
    """Poll until so many records have come."""
    return read_all([source], records)[0]


def read_all(
    sources: Sequence[KafkaSource | KafkaRangeSource], records: int
) -> list[list[PollBatch]]:
    """Poll all members in turn (a group waits for each of them) until so many records have come."""
    came: list[list[PollBatch]] = [[] for _ in sources]

    def total() -> int:
        return sum(batch.records for batches in came for batch in batches)

    def enough() -> bool:
        for source, batches in zip(sources, came, strict=True):
            batch = source.poll(100)
            assert batch is not None
            batches.append(batch)
        return total() >= records

    wait_until(enough, 40)
    assert total() == records
    return came


def temps(batches: Sequence[PollBatch]) -> list[float]:
    return [v for batch in batches for v in batch.readings.values[:, 0].tolist()]


def positions(batches: Sequence[PollBatch]) -> dict[tuple[str, int], int]:
    return {p: o for batch in batches for p, o in batch.positions.items()}


def settle(*sources: KafkaSource, partitions: int, timeout_ms: int = 50) -> list[PollBatch]:
    """Poll all of them until the partitions are shared out evenly; what came along the way."""
    came: list[PollBatch] = []

    def shared() -> bool:
        came.extend(source.poll(timeout_ms) for source in sources)
        return all(source.assigned() == partitions // len(sources) for source in sources)

    wait_until(shared, 40)
    return came


def test_readings_come_out_as_columns_with_the_place_they_came_from(topic):
    t = topic(2)
    t.produce(readings(3), 0, b"a")
    t.produce(readings(2, 10), 1, b"b")
    source = t.source()
    batches = read(source, 5)
    found = [
        (source.entities[e], p, o, time - TIME_NS, v)
        for batch in batches
        for e, p, o, time, v in zip(
            batch.readings.entity, batch.readings.partition, batch.readings.offset,
            batch.readings.time_ns, batch.readings.values[:, 0], strict=True,
        )
    ]  # fmt: skip
    expected = [("a", 0, n, n * 10**9, n) for n in range(3)]
    expected += [("b", 1, n, (10 + n) * 10**9, 10 + n) for n in range(2)]
    assert sorted(found) == expected
    assert positions(batches) == {(t.name, 0): 3, (t.name, 1): 2}
    assert source.assigned() == 2
    assert source.lag_records() == 0


def test_a_poll_after_a_pause_brings_a_bounded_number_of_readings(topic):
    t = topic()
    for batch in range(40):
        t.produce(readings(100, 100 * batch))
    source = t.source(client=FAST | {"max_poll_records": 450})
    assert max(batch.records for batch in read(source, 4000)) == 500


def test_a_restart_continues_where_the_last_commit_was(topic):
    t = topic()
    t.produce(readings(5))
    first = t.source()
    first.commit(positions(read(first, 5)))
    t.produce(readings(3, 5))
    assert temps(read(first, 3)) == [5, 6, 7]  # read, but never committed
    first.close()
    second = t.source()
    assert temps(read(second, 3)) == [5, 6, 7]


def test_a_commit_inside_of_a_record_batch_continues_inside_of_it(topic):
    t = topic()
    t.produce(readings(8))
    first = t.source()
    read(first, 8)
    first.commit({(t.name, 0): 3})
    first.close()
    assert temps(read(t.source(), 5)) == [3, 4, 5, 6, 7]


def test_dead_letters_carry_the_record_and_the_stream_goes_on(topic):
    t = topic()
    t.produce([*readings(1), b"nope", {"ts": TIME_S, "temp": "hot"}, *readings(1, 7)])
    batches = read(t.source(), 4)
    letters = [letter for batch in batches for letter in batch.dead_letters]
    assert [(letter.reason, letter.offset) for letter in letters] == [
        ("not_json", 1), ("wrong_type", 2),
    ]  # fmt: skip
    assert letters[1].message == f'{t.name}/0@2: field "temp" is not a number'
    assert (letters[0].key, letters[0].value) == (b"pump", b"nope")
    assert temps(batches) == [0, 7]


def test_lag_counts_what_is_left(topic):
    t = topic()
    source = t.source()
    wait_until(lambda: source.poll(50) and source.lag_records() == 0, 30)
    t.produce(readings(4))
    read(source, 4)
    assert source.lag_records() == 0


def test_the_lag_is_not_known_when_the_brokers_have_gone(unique_name, monkeypatch):
    monkeypatch.setattr("sentinel.source.kafka.QUIET_S", 0.2)
    monkeypatch.setattr("sentinel.source.kafka.END_OFFSETS_EVERY_S", 0.2)
    with ExitStack() as sources, EmbeddedBroker() as broker:
        with Kafka("embedded", broker.bootstrap_servers) as kafka:
            t = Topic(kafka, unique_name("source"), 2, sources)
        t.produce(readings(3))
        source = t.source()
        read(source, 3)
        wait_until(lambda: source.poll(50) and source.lag_records() == 0, 30)
        t.produce(readings(2), 1)
        wait_until(lambda: source.lag_records() == 2, 30)  # nobody polls: the broker was asked
        read(source, 2)
        wait_until(lambda: source.poll(50) and source.lag_records() == 0, 30)
        broker.stop()
        wait_until(lambda: source.poll(50) and source.lag_records() is None, 30)
        assert source.assigned() == 2  # so that an unknown lag counts as no progress


def test_partitions_that_go_to_another_member_are_forgotten_and_not_read_on(topic):
    t = topic(4)
    for partition in range(4):
        t.produce(readings(2), partition, b"entity-%d" % partition)
    first = t.source()
    first.commit(positions(read(first, 8)))
    second = t.source()
    came = settle(first, second, partitions=4)
    forgotten = {first.entities[e] for batch in came for e in batch.forget}
    assert len(forgotten) == 2
    for partition in range(4):
        t.produce(readings(1, 100 + partition), partition, b"entity-%d" % partition)
    by_first, by_second = (
        {source.entities[e] for b in batches for e in b.readings.entity}
        for source, batches in zip((first, second), read_all((first, second), 4), strict=True)
    )
    assert by_second == forgotten
    assert by_first.isdisjoint(forgotten)
    assert len(by_first) == 2


def test_a_join_that_is_answered_between_two_polls_is_not_repeated(topic):
    t = topic(4)
    sources = [t.source() for _ in range(2)]
    settle(*sources, partitions=4, timeout_ms=1)  # no poll lasts until the answer
    generation = sources[0]._consumer._coordinator._generation.generation_id
    assert generation < 20  # it takes 3 to 5; kafka-python alone has counted on and on


def test_a_partition_that_was_given_up_is_not_committed_any_more(topic, monkeypatch):
    t = topic(2)
    for partition in range(2):
        t.produce(readings(2), partition, b"entity-%d" % partition)
    first = t.source()
    old = positions(read(first, 4))
    second = t.source()
    settle(first, second, partitions=2)
    committed: list[Any] = []
    monkeypatch.setattr(first._consumer, "commit", lambda offsets, **_: committed.append(offsets))
    first.commit(old)
    ((kept,),) = committed
    assert kept in first._consumer.assignment()


def test_a_commit_that_nobody_answers_is_made_up_for_by_the_next(topic, monkeypatch):
    t = topic(2)
    t.produce(readings(2), 0)
    t.produce(readings(3), 1)
    source = t.source()
    there = positions(read(source, 5))
    commit = source._consumer.commit

    def refuse(*_: Any, **__: Any) -> None:
        raise kafka.errors.KafkaTimeoutError("nobody answers")

    monkeypatch.setattr(source._consumer, "commit", refuse)
    source.commit({(t.name, 0): there[t.name, 0]})
    monkeypatch.setattr(source._consumer, "commit", commit)
    source.commit({(t.name, 1): there[t.name, 1]})
    committed = [source._consumer.committed(TopicPartition(t.name, n)) for n in range(2)]
    assert committed == [2, 3]


@pytest.mark.parametrize(
    "refusal", [kafka.errors.NotCoordinatorError, kafka.errors.RebalanceInProgressError]
)
def test_what_is_owed_is_committed_when_nothing_new_has_come(topic, monkeypatch, refusal):
    t = topic()
    t.produce(readings(2))
    source = t.source()
    there = positions(read(source, 2))
    commit, asked = source._consumer.commit, []

    def refuse_once(offsets: Any, **options: Any) -> None:
        asked.append(offsets)
        if len(asked) == 1:
            raise refusal("not now")
        commit(offsets, **options)

    def committed() -> bool:
        source.poll(10)  # on a busy machine the group may be joining again
        source.commit({})
        return source._consumer.committed(TopicPartition(t.name, 0)) == 2

    monkeypatch.setattr(source._consumer, "commit", refuse_once)
    source.commit(there)
    assert not source._consumer.committed(TopicPartition(t.name, 0))
    wait_until(committed)
    tries = len(asked)
    source.commit({})
    assert len(asked) == tries  # nothing is owed: nobody is asked


def test_a_commit_that_is_refused_for_good_is_an_error(topic, monkeypatch):
    t = topic()
    t.produce(readings(1))
    source = t.source()
    there = positions(read(source, 1))

    def refuse(*_: Any, **__: Any) -> None:
        raise kafka.errors.GroupAuthorizationFailedError(t.name)

    monkeypatch.setattr(source._consumer, "commit", refuse)
    with pytest.raises(KafkaError, match=f"group {t.name}: cannot commit"):
        source.commit(there)


def test_a_commit_during_a_rebalance_is_not_fatal(topic, monkeypatch, caplog):
    t = topic()
    t.produce(readings(1))
    source = t.source()
    there = positions(read(source, 1))

    def refuse(*_: Any, **__: Any) -> None:
        raise kafka.errors.CommitFailedError("rebalanced")

    monkeypatch.setattr(source._consumer, "commit", refuse)
    source.commit(there)
    assert "the records will be read again" in caplog.text


def test_closing_does_not_wait_for_a_join_that_a_dead_member_delays(topic):
    t = topic(2)
    first = t.source()
    settle(first, partitions=2)
    second = t.source()
    coordinator = second._consumer._coordinator

    def joins() -> bool:
        second.poll(50)
        # `first` does not poll any more: the broker waits for it, and answers nobody.
        return coordinator._join_task is not None and first._consumer._coordinator.need_rejoin()

    wait_until(joins, 30)
    closing = threading.Thread(target=second.close)
    closing.start()
    wait_until(lambda: not closing.is_alive(), 15)  # kafka-python alone would wait for 30 s


def test_every_record_is_read_once_or_more_while_members_come_and_go(topic):
    t = topic(4)
    first, stop = t.source(), threading.Event()

    def produce() -> None:
        n = 0
        while not stop.is_set():
            for partition in range(4):
                t.produce(readings(5, n), partition, b"entity-%d" % partition)
            n += 5
        written.append(n)

    written: list[int] = []
    thread = threading.Thread(target=produce)
    thread.start()
    seen: set[tuple[str, int]] = set()

    def note(source: KafkaSource, batch: PollBatch) -> None:
        names = [source.entities[e] for e in batch.readings.entity]
        seen.update(zip(names, batch.readings.values[:, 0].astype(int).tolist(), strict=True))
        source.commit(batch.positions)

    try:
        second = t.source()
        wait_until(
            lambda: [note(s, s.poll(20)) for s in (first, second)] and second.assigned() == 2, 40
        )
        second.close()
        wait_until(lambda: note(first, first.poll(20)) is None and first.assigned() == 4, 40)
    finally:
        stop.set()
        thread.join()
    expected = {(f"entity-{p}", n) for p in range(4) for n in range(written[0])}
    wait_until(lambda: note(first, first.poll(20)) is None and seen >= expected, 40)
    assert seen == expected


def test_an_unfinished_reading_is_read_again_after_a_restart(topic):
    t = topic()
    long = {"layout": "long", "channels": ("temp", "vib")}
    channels = long.pop("channels")
    t.produce([{"ts": TIME_S, "sensor": "temp", "value": 1}])
    first = t.source(channels, **long)
    batches = read(first, 1)
    assert positions(batches) == {(t.name, 0): 0}
    first.commit(positions(batches))
    first.close()
    t.produce([{"ts": TIME_S, "sensor": "vib", "value": 2}])
    (values,) = [
        b.readings.values.tolist() for b in read(t.source(channels, **long), 2) if len(b.readings)
    ]
    assert values == [[1.0, 2.0]]


def test_what_a_partition_had_begun_goes_with_it_to_another_member(topic):
    t = topic(2)

    def produce(name: str, second: int) -> None:
        for partition in range(2):
            record = {"ts": TIME_S + second, "sensor": name, "value": second}
            t.produce([record], partition, b"entity-%d" % partition)

    produce("temp", 1)
    first, other = (t.source(("temp", "vib"), layout="long") for _ in range(2))
    read(first, 2)  # one value of each entity: neither has a reading yet
    came = settle(first, other, partitions=2)
    produce("vib", 1)
    mine, theirs = (
        [batch for batch in batches if len(batch.readings)]
        for batches in read_all((first, other), 3 - sum(batch.records for batch in came))
    )
    assert temps(mine) == temps(theirs) == [1.0]  # each put its own together
    other.commit(positions(theirs))
    other.close()
    wait_until(lambda: first.poll(50) and first.assigned() == 2, 40)
    produce("temp", 2)
    produce("vib", 2)
    assert temps(read(first, 4)) == [2.0, 2.0]  # nothing of the first second comes once more


def test_a_missing_topic_is_an_error_that_names_it(any_kafka, unique_name):
    config = source_config(topic=unique_name("nowhere"))
    with pytest.raises(KafkaError, match=f"no topic '{config.topic}'"):
        KafkaSource(config, {"bootstrap_servers": any_kafka.bootstrap_servers}, CHANNELS)


def test_a_broker_that_is_not_there_is_an_error_that_says_where():
    options = {"bootstrap_servers": "127.0.0.1:1", "bootstrap_timeout_ms": 500}
    with pytest.raises(KafkaError, match=r"127\.0\.0\.1:1"):
        KafkaSource(source_config(), options, CHANNELS)


@pytest.mark.parametrize(
    ("client", "message"),
    [
        ({"no_such_option": 1}, "no option 'no_such_option'"),
        ({"enable_auto_commit": True}, "'enable_auto_commit' cannot be set here"),
        ({"partition_assignment_strategy": ["sticky"]}, "knows no 'sticky'"),
    ],
)
def test_client_options_that_cannot_work_are_a_configuration_error(client, message):
    with pytest.raises(ConfigError, match=message):
        KafkaSource(source_config(client=client), {"bootstrap_servers": "127.0.0.1:1"}, CHANNELS)


@pytest.mark.parametrize(
    "client",
    [
        {"session_timeout_ms": "abc"},
        {"fetch_max_wait_ms": "500"},
        {"isolation_level": "foo"},
        {"heartbeat_interval_ms": 60_000},
        {"api_version": 2.3},
        {"fetch_max_bytes": 2**40},
    ],
    ids=str,
)
def test_client_options_of_a_wrong_type_are_a_configuration_error(topic, client):
    t = topic()
    t.produce(readings(1))
    with pytest.raises(ConfigError, match=r"^kafka.client or source.client: kafka-python "):
        read(t.source(client=client), 1)


def test_the_version_of_the_brokers_can_be_written_as_toml_has_it(topic):
    t = topic()
    t.produce(readings(3))
    assert temps(read(t.source(client={"api_version": [2, 3]}), 3)) == [0, 1, 2]


def test_brokers_of_a_known_version_are_not_waited_for_without_end():
    options = {"bootstrap_servers": "127.0.0.1:1", "bootstrap_timeout_ms": 300}
    with pytest.raises(KafkaError, match="connection refused"):
        KafkaSource(source_config(client={"api_version": [2, 3]}), options, CHANNELS)


def test_a_range_reads_everything_there_is_and_ends(topic):
    t = topic(2)
    t.produce([{"ts": TIME_S + n, "temp": n, "vib": -n, "unit": "C"} for n in range(20)], 0)
    t.produce([{"ts": TIME_S + n, "temp": n, "vib": -n} for n in range(20, 30)], 1)
    source = t.range()
    assert source.channel_names == ("temp", "vib")
    batches = list(iter(lambda: source.poll(200), None))
    found = np.concatenate([b.readings.values for b in batches])
    assert sorted(found.tolist()) == [[n, -n] for n in range(30)]
    assert source.lag_records() == 0
    assert source.poll(200) is None


def test_a_range_keeps_to_its_offsets(topic):
    t = topic()
    t.produce(readings(10))
    source = t.range(begin="3", end="7")
    assert temps(list(iter(lambda: source.poll(200), None))) == [3, 4, 5, 6]


def test_a_range_keeps_to_its_times(topic):
    t = topic()
    t.produce(readings(4))
    source = t.range(begin="2001-01-01", end="@4102444700")
    assert len(temps(list(iter(lambda: source.poll(200), None)))) == 4
    with pytest.raises(Exception, match="the range has no records"):
        t.range(begin="2099-12-31T00:00:00Z")


@pytest.mark.parametrize("bound", ["yesterday", "-3", "1999-01-01", "@12"])
def test_a_bound_that_is_neither_offset_nor_time_is_refused(bound):
    with pytest.raises(Exception, match=r"--from: .* is neither an offset nor a time"):
        KafkaRangeSource(source_config(), {}, begin=bound)
