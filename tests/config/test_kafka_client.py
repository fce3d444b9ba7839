"""The options that all clients share, and that the operator's own come last."""

from __future__ import annotations

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from msgspec.structs import replace

from sentinel.config.kafka_client import client_options
from sentinel.config.kafka_opening import opened
from sentinel.config.schema import Config, KafkaConfig, SinkConfig, SourceConfig
from sentinel.errors import ConfigError

CONFIG = Config(
    model="model",
    source=SourceConfig(bootstrap_servers="a:1,b:2", topic="readings", group_id="sentinel"),
    sink=SinkConfig(events_topic="events", dead_letter_topic="dead-letter"),
)


@pytest.mark.parametrize("client", [KafkaAdminClient, KafkaConsumer, KafkaProducer])
def test_no_client_asks_for_its_first_broker_for_longer_than_an_operator_waits(
    client: type,
) -> None:
    options = client_options(CONFIG, {})
    assert options["bootstrap_timeout_ms"] <= 10_000
    assert set(options) <= set(client.DEFAULT_CONFIG)


def test_what_the_operator_says_of_the_clients_comes_last() -> None:
    patient = replace(CONFIG, kafka=KafkaConfig(client={"bootstrap_timeout_ms": 60_000}))
    assert client_options(patient, {})["bootstrap_timeout_ms"] == 60_000


@pytest.mark.parametrize(
    ("client", "option", "expected"),
    [
        (KafkaAdminClient, {"metadata_max_age_ms": "soon"}, "a number, not 'soon'"),
        (KafkaConsumer, {"fetch_max_bytes": "all"}, "a number"),
        (KafkaProducer, {"max_request_size": "1 MB"}, "a number, not '1 MB'"),
        (KafkaConsumer, {"check_crcs": "no"}, "true or false, not 'no'"),
    ],
)
def test_a_text_for_a_number_is_refused_before_anything_waits_for_it(
    client: type, option: dict[str, str], expected: str
) -> None:
    servers = {"bootstrap_servers": "127.0.0.1:1"}
    with pytest.raises(ConfigError) as raised:
        opened(client, {**servers, **option}, "[kafka.client]")
    assert f"{next(iter(option))} is {expected}" in str(raised.value)
