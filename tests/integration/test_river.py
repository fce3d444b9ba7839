"""The whole river, with a real daemon process: readings in, events, dead letters, metrics out."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable
from pathlib import Path

import confluent_kafka
import jsonschema
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from tests.integration.conftest import (
    ENTITIES,
    FAULT_ROWS,
    HISTORY_ROWS,
    INTERVAL_S,
    LIVE_ROWS,
    START_S,
    DaemonProcess,
    Row,
    sentinel,
    simulate,
    write_csv,
)
from tests.kafka.handle import Kafka
from tests.waiting import wait_until

Start = Callable[..., DaemonProcess]
SCHEMA = Path(__file__).parents[2] / "sentinel" / "sink" / "anomaly_event.schema.json"


def produce(kafka: Kafka, topic: str, records: Iterable[tuple[str, bytes]]) -> int:
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers, acks="all")
    count = 0
    for key, value in records:
        producer.send(topic, key=key.encode(), value=value)
        count += 1
    producer.flush(30)
    producer.close()
    return count


def consume(kafka: Kafka, topic: str) -> list[tuple[bytes | None, bytes, dict[str, bytes]]]:
    """Everything that is in a topic now."""
    consumer = KafkaConsumer(bootstrap_servers=kafka.bootstrap_servers, group_id=None,
                             auto_offset_reset="earliest")  # fmt: skip
    partitions = [TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic) or ()]
    consumer.assign(partitions)
    ends = consumer.end_offsets(partitions)
    found = []
    while any(consumer.position(p) < ends[p] for p in partitions):
        for records in consumer.poll(500).values():
            found += [(r.key, r.value, dict(r.headers)) for r in records]
    consumer.close()
    return found


def committed(kafka: Kafka, daemon: DaemonProcess) -> int:
    """Sum of the group's committed offsets."""
    group = daemon.config.read_text().split('group_id = "')[1].split('"')[0]
    consumer = KafkaConsumer(bootstrap_servers=kafka.bootstrap_servers, group_id=group,
                             enable_auto_commit=False)  # fmt: skip
    topic = daemon.topics["readings"]
    offsets = [
        consumer.committed(TopicPartition(topic, p)) or 0
        for p in consumer.partitions_for_topic(topic) or ()
    ]
    consumer.close(autocommit=False)
    return sum(offsets)


def live() -> list[Row]:
    return simulate(HISTORY_ROWS, LIVE_ROWS, FAULT_ROWS)


def scored(model: Path, history: Path, rows: list[Row], folder: Path) -> list[dict[str, str]]:
    """What `sentinel score` makes of the same readings."""
    path = write_csv(folder / "live.csv", rows)
    output = folder / "scores.csv"
    done = sentinel("score", "--model", str(model), "--input", str(path), "--output", str(output))
    assert done.returncode == 0, done.stderr
    with output.open() as file:
        return list(csv.DictReader(file))


def test_a_fault_becomes_events_and_score_tells_the_same(
    any_kafka: Kafka, start_daemon: Start, model: Path, history: Path, tmp_path: Path
) -> None:
    daemon = start_daemon(any_kafka)
    rows = live()
    total = produce(any_kafka, daemon.topics["readings"], ((r.entity, r.as_json()) for r in rows))
    wait_until(lambda: committed(any_kafka, daemon) == total or not daemon.alive(), 60)
    assert daemon.alive(), daemon.log.read_text()
    events = [
        (key, json.loads(value)) for key, value, _ in consume(any_kafka, daemon.topics["events"])
    ]

    schema = json.loads(SCHEMA.read_text())
    for key, event in events:
        jsonschema.validate(event, schema)
        assert key == event["subject"].encode()
    fault_start = START_S + (HISTORY_ROWS + FAULT_ROWS.start) * INTERVAL_S
    opened = [event for _, event in events if event["data"]["state"] == "opened"]
    assert [event["subject"] for event in opened] == ["pump-2"]
    assert opened[0]["data"]["contributions"][0]["channel"] == "vibration"
    assert len({event["data"]["episode_id"] for _, event in events}) == 1
    assert len({event["id"] for _, event in events}) == len(events)
    assert [event["data"]["state"] for _, event in events][-1] == "resolved"

    scores = scored(model, history, rows, tmp_path)
    anomalous = [row for row in scores if row["is_anomaly"] == "1"]
    assert {row["entity"] for row in anomalous} == {"pump-2"}
    first = anomalous[0]
    assert float(first["timestamp"]) >= fault_start
    assert float(first["anomaly_score"]) == opened[0]["data"]["anomaly_score"]
    assert float(first["score_ratio"]) == opened[0]["data"]["score_ratio"]

    assert daemon.metric("sentinel_records_total") == total
    assert daemon.metric("sentinel_readings_total") == total
    windows = sum(row["status"] == "ok" for row in scores)
    assert daemon.metric("sentinel_windows_scored_total") == windows
    assert daemon.metric("sentinel_lag_records") == 0
    assert daemon.metric('sentinel_episode_events_total{state="opened"}') == 1
    assert daemon.metric('sentinel_entities{state="ok"}') == len(ENTITIES)
    assert daemon.get("/-/healthy")[0] == 200
    assert daemon.stop() == 0
    assert daemon.get("/-/ready")[0] == 0


def test_bad_records_become_dead_letters_and_good_ones_go_on(
    any_kafka: Kafka, start_daemon: Start
) -> None:
    daemon = start_daemon(any_kafka)
    bad = [
        b"not json",
        b"[]x",
        b"\xff\xfe",
        b'{"pressure": 1, "vibration": 2}',
        b'{"ts": 12, "pressure": 1}',
        b'{"ts": 1700000000, "pressure": "high", "vibration": 1}',
    ]
    good = live()[:60]
    records = [("pump-1", value) for value in bad] + [(r.entity, r.as_json()) for r in good]
    total = produce(any_kafka, daemon.topics["readings"], records)
    wait_until(lambda: committed(any_kafka, daemon) == total or not daemon.alive(), 60)
    letters = consume(any_kafka, daemon.topics["dead-letter"])
    assert sorted(value for _, value, _ in letters) == sorted(bad)
    for key, _, headers in letters:
        assert key == b"pump-1"
        assert headers["__connect.errors.topic"] == daemon.topics["readings"].encode()
        assert headers["__connect.errors.exception.message"]
    assert daemon.metric("sentinel_dead_letters_total") == len(bad)
    assert daemon.metric("sentinel_readings_total") == len(good)
    assert daemon.alive()


def test_a_restart_goes_on_where_the_last_one_committed(
    any_kafka: Kafka, start_daemon: Start
) -> None:
    rows = live()
    daemon = start_daemon(any_kafka)
    half = len(rows) // 2
    topic = daemon.topics["readings"]
    produce(any_kafka, topic, ((r.entity, r.as_json()) for r in rows[:half]))
    wait_until(lambda: daemon.metric("sentinel_readings_total") == half, 60)
    assert daemon.stop() == 0
    assert committed(any_kafka, daemon) == half
    again = start_daemon(any_kafka)
    produce(any_kafka, topic, ((r.entity, r.as_json()) for r in rows[half:]))
    wait_until(lambda: committed(any_kafka, again) == len(rows), 60)
    assert again.metric("sentinel_readings_total") == len(rows) - half


def test_two_daemons_of_a_group_share_the_partitions(any_kafka: Kafka, start_daemon: Start) -> None:
    first = start_daemon(any_kafka)
    second = start_daemon(any_kafka)

    def partitions(daemon: DaemonProcess) -> int:
        return int(daemon.readiness().get("partitions", -1))

    wait_until(lambda: (partitions(first), partitions(second)) == (1, 1), 60)
    rows = live()
    total = produce(any_kafka, first.topics["readings"], ((r.entity, r.as_json()) for r in rows))
    wait_until(lambda: committed(any_kafka, first) == total, 60)
    both = [d.metric("sentinel_readings_total") for d in (first, second)]
    assert sum(both) == total
    opened = [json.loads(v)["subject"] for _, v, _ in consume(any_kafka, first.topics["events"])
              if json.loads(v)["data"]["state"] == "opened"]  # fmt: skip
    assert opened == ["pump-2"]


def test_an_independent_client_produces_readings_and_reads_events(
    kafka: Kafka, start_daemon: Start, unique_name: Callable[[str], str]
) -> None:
    daemon = start_daemon(kafka)
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka.bootstrap_servers})
    rows = live()
    for row in rows:
        producer.produce(daemon.topics["readings"], key=row.entity, value=row.as_json())
    assert producer.flush(30) == 0
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": kafka.bootstrap_servers, "group.id": unique_name("reader"),
        "auto.offset.reset": "earliest", "enable.auto.commit": False,
    })  # fmt: skip
    consumer.subscribe([daemon.topics["events"]])
    states: list[str] = []

    def resolved() -> bool:
        message = consumer.poll(0.5)
        if message is not None and message.error() is None:
            states.append(json.loads(message.value())["data"]["state"])
        return "resolved" in states

    wait_until(resolved, 60)
    consumer.close()
    assert states[0] == "opened"


def test_a_model_can_be_fitted_from_a_topic(
    any_kafka: Kafka, start_daemon: Start, tmp_path: Path
) -> None:
    daemon = start_daemon(any_kafka)
    rows = simulate(0, 400)
    produce(any_kafka, daemon.topics["readings"], ((r.entity, r.as_json()) for r in rows))
    assert daemon.stop() == 0
    output = tmp_path / "from-topic"
    done = sentinel("fit", "--config", str(daemon.config), "--output", str(output), "--hidden", "8",
                    "--window-length", "8", "--steps", "8")  # fmt: skip
    assert done.returncode == 0, done.stderr
    manifest = json.loads((output / "manifest.json").read_text())
    assert sorted(manifest["channels"]) == ["pressure", "vibration"]
    assert manifest["summary"]["rows"] == len(rows)


def test_a_stream_of_other_channels_and_interval_is_reported(
    any_kafka: Kafka, start_daemon: Start
) -> None:
    daemon = start_daemon(any_kafka)
    values = (
        json.dumps({"ts": START_S + 60 * n, "pressure": 5.0, "flow": 1.0}).encode()
        for n in range(200)
    )
    produce(any_kafka, daemon.topics["readings"], (("pump-1", value) for value in values))

    def warnings() -> str:
        return " ".join(daemon.readiness().get("warnings", []))

    wait_until(lambda: daemon.metric("sentinel_readings_total") == 200, 60)
    wait_until(lambda: "vibration" in warnings() and "flow" in warnings(), 30)
    assert "60 s apart" in warnings()
    assert daemon.metric('sentinel_values_masked_total{reason="missing"}') == 200
