"""`sentinel check` on brokers: everything wrong at once, each with its key, hint and exit code."""

import json
import socket
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from sentinel.cli.main import cli
from sentinel.fitted import FittedModel
from sentinel.model.architecture import Architecture
from sentinel.model.parameters import Parameters
from sentinel.records import NS_PER_S
from sentinel.store import save
from sentinel.window.scaling import Scaling, ValueRange
from tests.kafka.cluster import free_ports

CHANNELS = ("temp", "vib")
START_S = 1_700_000_000


@pytest.fixture
def model(tmp_path: Path) -> Path:
    architecture = Architecture(len(CHANNELS), hidden=2)
    fitted = FittedModel(
        kind="reconstruct",
        channels=CHANNELS,
        window_length=8,
        window_stride=1,
        interval_ns=5 * NS_PER_S,
        max_gap_ns=50 * NS_PER_S,
        scaling=Scaling("standard", np.zeros(2), np.ones(2)),
        history_range=ValueRange(np.full(2, -10.0), np.full(2, 10.0)),
        parameters=Parameters.initial(architecture, np.random.default_rng(0)),
        error_scale=np.ones(2),
        recipe=None,
        calibration_scores=np.ones(8),
        threshold=1.0,
    )
    save(fitted, tmp_path / "pump")
    return tmp_path / "pump"


class Plant:
    """A configuration for topics of its own on one broker, and readings to put into them."""

    def __init__(self, folder: Path, brokers: str, prefix: str) -> None:
        self.path = folder / "sentinel.toml"
        self.brokers = brokers
        self.readings, self.events, self.letters = (
            f"{prefix}.{name}" for name in ("readings", "events", "letters")
        )
        self.metrics = "127.0.0.1:0"
        self.extra = ""
        self.timeout_s = 5.0

    def check(self, *arguments: str) -> Result:
        self.path.write_text(
            f'model = "pump"\n[metrics]\nlisten_address = "{self.metrics}"\n'
            f'[source]\nbootstrap_servers = "{self.brokers}"\n'
            f'topic = "{self.readings}"\ngroup_id = "g"\n'
            f'[sink]\nevents_topic = "{self.events}"\ndead_letter_topic = "{self.letters}"\n'
            f"{self.extra}"
        )
        return CliRunner().invoke(
            cli, ["check", "--config", str(self.path), f"--timeout={self.timeout_s}", *arguments]
        )

    def produce(self, *values: bytes, key: bytes | None = b"pump-1", partition: int = 0) -> None:
        producer = KafkaProducer(bootstrap_servers=self.brokers)
        for value in values:
            producer.send(self.readings, key=key, value=value, partition=partition)
        producer.flush()
        producer.close()


@pytest.fixture
def plant(any_kafka, unique_name, tmp_path: Path, model: Path) -> Plant:
    made = Plant(tmp_path, any_kafka.bootstrap_servers, unique_name("check"))
    any_kafka.create_topic(made.readings, 2)
    return made


@pytest.fixture
def nowhere(tmp_path: Path, model: Path) -> Plant:
    """A plant whose broker does not run."""
    made = Plant(tmp_path, f"127.0.0.1:{free_ports(1)[0]}", "nowhere")
    made.timeout_s = 0.5
    return made


def reading(i: int, step_s: int = 5, **values: object) -> bytes:
    return json.dumps({"ts": START_S + i * step_s} | values).encode()


def test_missing_topics_are_problems_and_created_only_on_request(plant: Plant, any_kafka) -> None:
    first = plant.check()
    assert first.exit_code == 6
    assert f'problem  sink.events_topic: the topic "{plant.events}" does not exist' in first.stdout
    assert f'problem  sink.dead_letter_topic: the topic "{plant.letters}" does' in first.stdout
    assert "--create-topics" in first.stdout
    assert not {plant.events, plant.letters} & set(any_kafka.admin.list_topics())

    second = plant.check("--create-topics", "--partitions", "3")
    assert second.exit_code == 0
    assert f'note     sink.events_topic: topic "{plant.events}" created' in second.stdout

    third = plant.check()
    assert third.exit_code == 0
    assert f'ok       sink.events_topic: topic "{plant.events}", 3 partitions' in third.stdout
    assert f'ok       source.topic: topic "{plant.readings}", 2 partitions' in third.stdout
    assert "ok       configuration: " in third.stdout
    assert "ok       model: pump " in third.stdout
    assert third.stdout.endswith("0 problems, 0 warnings\n")
    assert third.stderr == ""


def test_topic_that_is_read_is_never_created(plant: Plant, any_kafka, unique_name) -> None:
    plant.readings = unique_name("none")
    result = plant.check("--create-topics")
    assert result.exit_code == 6
    assert f'problem  source.topic: the topic "{plant.readings}" does not exist' in result.stdout
    assert plant.readings not in any_kafka.admin.list_topics()


def test_everything_wrong_is_said_at_once(plant: Plant, model: Path) -> None:
    (model / "manifest.json").write_text("{")
    plant.extra = '[alert]\nopen_cuont = 3\n[log]\nlevel = "loud"\n'
    result = plant.check()
    assert result.exit_code == 3
    assert 'problem  alert.open_cuont: unknown key; did you mean "open_count"?' in result.stdout
    assert "problem  log.level: expected" in result.stdout
    assert "problem  model: " in result.stdout
    assert "problem  sink.events_topic: " in result.stdout
    assert "problem  sink.dead_letter_topic: " in result.stdout
    assert result.stdout.endswith("5 problems, 0 warnings\n")


def test_damaged_model_alone_is_5(plant: Plant, model: Path) -> None:
    plant.check("--create-topics")
    (model / "manifest.json").unlink()
    result = plant.check("--sample", "5")
    assert result.exit_code == 5
    assert "note     sample: not taken" in result.stdout


def test_unreachable_broker_is_6_and_says_where(nowhere: Plant) -> None:
    result = nowhere.check()
    assert result.exit_code == 6
    assert (
        f"problem  source.bootstrap_servers: cannot reach Kafka at {nowhere.brokers}: "
        "connection refused; does the broker run?" in result.stdout
    )
    assert "ok       model" in result.stdout
    assert "Traceback" not in result.output


def test_kafka_is_not_asked_with_half_a_configuration(nowhere: Plant) -> None:
    nowhere.extra = '[kafka]\nsecurity_protocol = "SASL_SSL"\n'
    result = nowhere.check()
    assert result.exit_code == 3
    assert "problem  kafka.sasl_mechanism: required" in result.stdout
    assert "note     kafka: not asked" in result.stdout


def test_metrics_address_that_is_taken_is_a_warning(nowhere: Plant) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nowhere.metrics = f"127.0.0.1:{taken.getsockname()[1]}"
        result = nowhere.check()
    said = f"warning  metrics.listen_address: another process listens on {nowhere.metrics}; if that"
    assert said in result.stdout
    assert f"ok       metrics.listen_address: {nowhere.metrics}" in nowhere.check().stdout


def test_metrics_address_of_another_machine_is_a_problem(nowhere: Plant) -> None:
    nowhere.metrics = "192.0.2.1:9108"
    result = nowhere.check()
    assert result.exit_code == 3
    assert "problem  metrics.listen_address: 192.0.2.1:9108: metrics cannot listen" in result.stdout


def test_channel_that_the_model_lacks_is_a_problem(nowhere: Plant) -> None:
    nowhere.extra = '[source.channels]\ntmep = "t"\n'
    result = nowhere.check()
    assert result.exit_code == 3
    assert (
        'problem  source.channels.tmep: the model has no channel "tmep"; did you mean "temp"?'
        in result.stdout
    )


def test_file_that_is_not_toml_is_3(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text("model = \n")
    result = CliRunner().invoke(cli, ["check", "--config", str(path)])
    assert result.exit_code == 3
    assert f"sentinel: error: {path}:1:9: " in result.stderr


def test_sample_tells_what_would_be_rejected(plant: Plant) -> None:
    plant.produce(*(reading(i, temp=1.0, vib=2.0, extra=3.0) for i in range(10)))
    plant.produce(b"{not json", reading(11, temp="hot", vib=None), partition=1)
    result = plant.check("--create-topics", "--sample", "100")
    assert result.exit_code == 0
    assert "ok       sample: 10 readings of 1 entity in the 12 newest records" in result.stdout
    assert "warning  sample: 1 rejected: not_json" in result.stdout
    assert f"note     sample: {plant.readings}/1@0" in result.stdout
    assert "ok       channels: 2 of 2 match: 'temp', 'vib'" in result.stdout
    assert "note     channels: not known to the model, ignored: 'extra'" in result.stdout
    assert "ok       interval: a reading every 5 s, the model's 5 s" in result.stdout


def test_sample_takes_the_newest_records_only(plant: Plant) -> None:
    plant.produce(*([b"old and bad"] * 5), *(reading(i, temp=1.0, vib=2.0) for i in range(5)))
    result = plant.check("--create-topics", "--sample", "5")
    assert "5 readings of 1 entity in the 5 newest records" in result.stdout
    assert "not_json" not in result.stdout


def test_sample_warns_of_missing_channels_and_another_interval(plant: Plant) -> None:
    plant.produce(*(reading(i, step_s=60, temp=1.0) for i in range(10)))
    result = plant.check("--create-topics", "--sample", "10")
    assert result.exit_code == 0
    assert "warning  source.channels: 1 of 2 missing from the sample: 'vib'" in result.stdout
    assert "warning  interval: a reading every 60 s, the model's 5 s: 12 times off" in result.stdout


def test_sample_without_one_usable_reading_is_a_problem(plant: Plant) -> None:
    plant.produce(b"[1]", b'{"time": 5, "temp": 1}')
    result = plant.check("--create-topics", "--sample", "2")
    assert result.exit_code == 3
    assert "problem  source: no usable reading in the 2 newest records" in result.stdout
    assert "warning  sample: 1 rejected: no_timestamp" in result.stdout


def test_empty_topic_has_nothing_to_sample(plant: Plant) -> None:
    result = plant.check("--create-topics", "--sample", "5")
    assert result.exit_code == 0
    assert f'note     sample: topic "{plant.readings}" holds no records yet' in result.stdout


def test_sampling_leaves_no_trace_in_the_group(plant: Plant) -> None:
    plant.produce(*(reading(i, temp=1.0, vib=2.0) for i in range(3)))
    plant.check("--create-topics", "--sample", "3")
    consumer = KafkaConsumer(bootstrap_servers=plant.brokers, group_id="g")
    assert [consumer.committed(TopicPartition(plant.readings, i)) for i in (0, 1)] == [None, None]
    consumer.close()


def test_output_topics_of_another_cluster_are_looked_for_there(
    plant: Plant, nowhere: Plant, model: Path
) -> None:
    plant.extra = f'bootstrap_servers = "{nowhere.brokers}"\n'
    result = plant.check()
    assert result.exit_code == 6
    assert "ok       source.topic" in result.stdout
    assert (
        f"problem  sink.bootstrap_servers: cannot reach Kafka at {nowhere.brokers}" in result.stdout
    )


def test_options_that_kafka_python_does_not_know_are_problems(nowhere: Plant) -> None:
    nowhere.extra = (
        '[sink.client]\ncompresion_type = "zstd"\n[kafka.client]\nfetch_max_bytes = 1\n'
        "[source.client]\nfetch_max_bytes = 1\n"
    )
    result = nowhere.check()
    assert result.exit_code == 3
    assert (
        "problem  sink.client.compresion_type: not an option of kafka-python's KafkaProducer; "
        'did you mean "compression_type"?' in result.stdout
    )
    assert "problem  kafka.client.fetch_max_bytes: not an option" in result.stdout
    assert "source.client.fetch_max_bytes" not in result.stdout
