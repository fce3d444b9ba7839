"""Questions to a cluster: causes told apart, the newest records, nothing created by asking."""

import logging
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka import KafkaProducer, TopicPartition
from kafka.errors import KafkaConnectionError, SaslAuthenticationFailedError

from sentinel.errors import ConfigError, KafkaError
from sentinel.source.kafka_admin import Cluster, explained, latest_records, shares

# As kafka-python 3.0.12 reported them against Apache Kafka 4.3.1.
MEASURED = {
    "wrong password": (
        [
            KafkaConnectionError("socket disconnected"),
            SaslAuthenticationFailedError("Authentication failed: Invalid username or password"),
            KafkaConnectionError("socket disconnected"),
        ],
        "authentication failed",
        "kafka.sasl_username",
    ),
    "plaintext to a port that wants TLS or a login": (
        [KafkaConnectionError("socket disconnected")],
        "the broker closes the connection at once",
        "kafka.security_protocol",
    ),
    "unknown authority": (
        [KafkaConnectionError("Handshake failed: [SSL: CERTIFICATE_VERIFY_FAILED] self-signed")],
        "the broker's certificate is not trusted",
        "kafka.ssl_cafile",
    ),
    "no such host": ([KafkaConnectionError("DNS Resolution failure")], "no such host", ""),
}


@pytest.mark.parametrize("case", MEASURED)
def test_most_telling_cause_wins(case: str) -> None:
    causes, what, key = MEASURED[case]
    error = explained("reach Kafka", [*causes, KafkaConnectionError("timeout")], answered=False)
    assert error.what == f"cannot reach Kafka: {what}"
    assert error.where == key
    assert error.hint


def test_unreachable_after_an_answer_is_the_advertised_address() -> None:
    error = explained("ask", [KafkaConnectionError("111 ECONNREFUSED")], answered=True)
    assert "names an address of its own" in error.what
    assert "advertised.listeners" in error.hint


def test_unknown_cause_is_shown_as_it_is() -> None:
    error = explained("ask", [RuntimeError("what"), OSError("ever")], answered=True)
    assert error.what == "cannot ask: no answer (OSError: ever)"


def test_refused_connection_is_told_and_the_client_s_log_kept_quiet(caplog) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    before = logging.getLogger("kafka").handlers[:], logging.getLogger("kafka").level
    with pytest.raises(KafkaError, match="connection refused"):
        Cluster({"bootstrap_servers": f"127.0.0.1:{port}"}, timeout_ms=300)
    assert caplog.records == []
    after = logging.getLogger("kafka").handlers[:], logging.getLogger("kafka").level
    assert before == after
    assert logging.getLogger("kafka").propagate


@pytest.mark.parametrize(
    "security",
    [
        {"security_protocol": "SSL"},
        {
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "PLAIN",
            "sasl_plain_username": "u",
            "sasl_plain_password": "p",
        },
    ],
    ids=["tls", "login"],
)
def test_security_that_the_port_does_not_speak_is_told(any_kafka, security: dict) -> None:
    options = {"bootstrap_servers": any_kafka.bootstrap_servers} | security
    with pytest.raises(KafkaError) as caught:
        Cluster(options, timeout_ms=500)
    assert caught.value.where == "kafka.security_protocol"


def test_options_of_a_wrong_type_are_the_configurations_error(embedded_kafka) -> None:
    options = {"bootstrap_servers": embedded_kafka.bootstrap_servers}
    with pytest.raises(ConfigError, match=r"see its documentation of KafkaAdminClient"):
        Cluster(options | {"api_version": 2.3}, 1000)
    with pytest.raises(ConfigError, match=r"see its documentation of KafkaConsumer"):
        latest_records(options | {"fetch_max_wait_ms": "500"}, "readings", 1, 1000)
    with Cluster(options | {"api_version": [2, 3]}, 1000) as cluster:
        assert cluster.topics(["nowhere"])["nowhere"].missing


def test_asking_for_a_topic_does_not_create_it(any_kafka, unique_name) -> None:
    name = unique_name("none")
    with Cluster({"bootstrap_servers": any_kafka.bootstrap_servers}, 5000) as cluster:
        assert cluster.topics([name])[name].missing
        assert cluster.topics([name])[name].missing
        assert not cluster.group_is_forbidden(unique_name("group"))


def test_created_topic_can_be_used_at_once_and_only_once_created(any_kafka, unique_name) -> None:
    name = unique_name("made")
    with Cluster({"bootstrap_servers": any_kafka.bootstrap_servers}, 5000) as cluster:
        cluster.create_topic(name, 3, None)
        topic = cluster.topics([name])[name]
        assert (topic.missing, topic.partitions, topic.leaderless) == (False, 3, 0)
        with pytest.raises(KafkaError, match="exists"):
            cluster.create_topic(name, 3, None)


def test_latest_records_are_the_newest_of_every_partition(any_kafka, unique_name) -> None:
    topic = any_kafka.create_topic(unique_name("latest"), 2)
    producer = KafkaProducer(bootstrap_servers=any_kafka.bootstrap_servers)
    for i in range(10):
        producer.send(topic, key=b"k", value=str(i).encode(), partition=0, headers=[("h", b"x")])
    producer.send(topic, key=b"k", value=None, partition=1)
    producer.flush()
    producer.close()
    options = {"bootstrap_servers": any_kafka.bootstrap_servers}
    found = latest_records(options, topic, 4, timeout_ms=5000)
    assert [record.value for record in found[0]] == [b"7", b"8", b"9"]
    assert [record.offset for record in found[0]] == [7, 8, 9]
    assert found[0][0].key == b"k"
    assert list(found[0][0].headers) == [("h", b"x")]
    assert [record.value for record in found[1]] == [None]


@settings(deadline=None)
@given(st.lists(st.integers(0, 50), max_size=8), st.integers(0, 100))
def test_shares_take_as_many_as_there_are(available: list[int], count: int) -> None:
    by_partition = {TopicPartition("t", i): number for i, number in enumerate(available)}
    taken = shares(by_partition, count)
    assert sum(taken.values()) == min(count, sum(available))
    assert all(0 <= taken[one] <= by_partition[one] for one in taken)
