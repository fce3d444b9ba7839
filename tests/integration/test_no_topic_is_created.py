"""On brokers that create any topic that a client asks for: sentinel does not ask for that."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from kafka import KafkaConsumer

from sentinel.broker import EmbeddedBroker
from sentinel.config.schema import SourceConfig
from sentinel.errors import KafkaError
from sentinel.source.kafka import KafkaSource
from sentinel.source.kafka_admin import latest_records
from tests.integration.conftest import sentinel
from tests.kafka.handle import Kafka
from tests.kafka.provide import real_kafka
from tests.waiting import wait_until

Name = Callable[[str], str]


@pytest.fixture(scope="module", params=["embedded", pytest.param("kafka", marks=pytest.mark.kafka)])
def creating(request: pytest.FixtureRequest) -> Iterator[Kafka]:
    """A broker with auto.create.topics.enable."""
    if request.param == "kafka":
        with real_kafka(**{"auto.create.topics.enable": "true"}) as handle:
            yield handle
        return
    with (
        EmbeddedBroker(auto_create_partitions=1) as broker,
        Kafka("embedded", broker.bootstrap_servers) as handle,
    ):
        yield handle


class Plant:
    """A configuration and the names of its topics."""

    def __init__(self, kafka: Kafka, model: Path, folder: Path, unique_name: Name) -> None:
        self.kafka = kafka
        self.options = {"bootstrap_servers": kafka.bootstrap_servers}
        self.readings, self.events, self.letters = map(unique_name, ("readings", "events", "dead"))
        self.config = folder / "sentinel.toml"
        self.config.write_text(
            f'model = "{model}"\n[source]\nbootstrap_servers = "{kafka.bootstrap_servers}"\n'
            f'topic = "{self.readings}"\ngroup_id = "{unique_name("group")}"\n'
            f'[sink]\nevents_topic = "{self.events}"\ndead_letter_topic = "{self.letters}"\n'
            "flush_timeout_s = 2\n"
            '[metrics]\nlisten_address = "127.0.0.1:0"\n'
        )

    def refused(self, *command: str) -> str:
        """What the command line says; it leaves with Kafka's exit code."""
        done = sentinel(*command, "--config", str(self.config))
        assert done.returncode == KafkaError.exit_code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def topics(self) -> set[str]:
        """Those of ours that are there."""
        return {self.readings, self.events, self.letters} & set(self.kafka.admin.list_topics())


@pytest.fixture
def plant(creating: Kafka, model: Path, tmp_path: Path, unique_name: Name) -> Plant:
    return Plant(creating, model, tmp_path, unique_name)


def test_a_consumer_that_does_not_mind_creates_the_topic(
    creating: Kafka, unique_name: Name
) -> None:
    name = unique_name("readings")
    consumer = KafkaConsumer(name, bootstrap_servers=creating.bootstrap_servers)

    def created() -> bool:
        consumer.poll(50)
        return name in creating.admin.list_topics()

    wait_until(created)
    consumer.close()


def test_neither_run_nor_check_creates_the_topic_it_reads(plant: Plant) -> None:
    assert f"there is no topic '{plant.readings}'" in plant.refused("run")
    assert f'the topic "{plant.readings}" does not exist' in plant.refused("check")
    assert latest_records(plant.options, plant.readings, 5, 2000) == {}
    assert plant.topics() == set()


def test_neither_run_nor_check_creates_the_topics_it_writes(plant: Plant) -> None:
    plant.kafka.create_topic(plant.readings)
    assert f"{plant.events}: no such topic" in plant.refused("run")
    assert f'the topic "{plant.events}" does not exist' in plant.refused("check", "--sample=5")
    assert plant.topics() == {plant.readings}


def test_a_topic_that_is_deleted_under_the_daemon_stays_deleted(plant: Plant) -> None:
    plant.kafka.create_topic(plant.readings)
    config = SourceConfig(
        bootstrap_servers=plant.kafka.bootstrap_servers,
        topic=plant.readings,
        group_id=plant.readings,
        client={"metadata_max_age_ms": 200},
    )
    source = KafkaSource(config, plant.options, ("pressure", "vibration"))
    wait_until(lambda: source.poll(50) and source.assigned() == 1, 30)
    plant.kafka.admin.delete_topics([plant.readings])
    # It learns of the deletion by asking for the topic, which is what would create it anew.
    wait_until(lambda: source.poll(50) and source.assigned() == 0, 30)
    source.close()
    assert plant.topics() == set()
