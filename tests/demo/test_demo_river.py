"""The demo as a person runs it: its end, Ctrl-C, and a broker that goes away in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from click.testing import CliRunner
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient
from msgspec.structs import replace

from sentinel.broker import EmbeddedBroker
from sentinel.cli import demo, demo_topics, demo_watch
from sentinel.cli.main import cli
from sentinel.config.schema import Config
from sentinel.demo import replay
from sentinel.errors import KafkaError
from sentinel.fitting.settings import FitSettings
from sentinel.model.training import TrainingSettings
from sentinel.sink import producers
from tests.kafka.handle import Kafka
from tests.waiting import wait_until

ENDED_S = 120
# The demo with a model of few steps, where what it catches does not matter: it never gets to that,
# however soon the readings are through.
HASTY = """
import signal
from dataclasses import replace
from sentinel.__main__ import main
from sentinel.cli import demo
from sentinel.fitting.settings import recommended_training

training = replace(recommended_training("joint", channels=1), steps=60)
demo.DEMO_SETTINGS = replace(demo.DEMO_SETTINGS, training=training)
demo.judge = lambda *_: signal.pause()
main()
"""


def left_behind(kafka: Kafka) -> list[str]:
    """Topics and groups of any demo; no other test makes such names."""
    groups = [group["group_id"] for group in kafka.admin.list_groups()]
    return [name for name in [*kafka.admin.list_topics(), *groups] if "sentinel-demo-" in name]


@contextmanager
def demo_process(
    kafka: Kafka, program: tuple[str, str] = ("-m", "sentinel")
) -> Iterator[subprocess.Popen[str]]:
    """`sentinel demo` against a Kafka, beside us."""
    options = ["--bootstrap", kafka.bootstrap_servers, "--listen-address", "127.0.0.1:0"]
    process = subprocess.Popen(
        [sys.executable, *program, "demo", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def read_until(process: subprocess.Popen[str], text: str) -> None:
    """Read its output up to the line with a text in it."""
    assert process.stdout is not None
    for line in process.stdout:
        if text in line:
            return
    raise AssertionError(f"it ended without {text!r}")


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_leaves_nothing_behind(
    any_kafka: Kafka, signal_number: signal.Signals
) -> None:
    with demo_process(any_kafka, ("-c", HASTY)) as process:
        read_until(process, "opened")
        assert left_behind(any_kafka) != []
        process.send_signal(signal_number)
        _, errors = process.communicate(timeout=ENDED_S)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    wait_until(lambda: left_behind(any_kafka) == [])


def test_it_catches_a_known_failure_stays_until_ctrl_c_and_leaves_nothing_behind(
    embedded_kafka: Kafka,
) -> None:
    with demo_process(embedded_kafka) as process:
        read_until(process, "known anomalies caught")
        read_until(process, "until Ctrl-C")
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=ENDED_S)
    assert process.returncode == 0, errors
    assert left_behind(embedded_kafka) == []


def test_a_broker_that_goes_away_in_the_middle_is_a_clear_error_in_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    training = TrainingSettings(epochs_max=1)
    monkeypatch.setattr(
        demo, "DEMO_SETTINGS", FitSettings("reconstruct", hidden=8, training=training)
    )
    configured = demo._config

    def impatient(*arguments: Any) -> Config:
        config = configured(*arguments)
        return replace(config, sink=replace(config.sink, flush_timeout_s=1.0))

    monkeypatch.setattr(demo, "_config", impatient)
    monkeypatch.setattr(replay, "FLUSH_TIMEOUT_S", 1.0)
    monkeypatch.setattr(producers, "CLOSE_TIMEOUT_S", 0.5)
    monkeypatch.setattr(demo_watch, "STALLED_AFTER_S", 1.0)
    monkeypatch.setattr(demo_topics, "DELETE_TIMEOUT_MS", 500)
    broker = EmbeddedBroker()
    broker.start()

    def stop_when_readings_flow() -> None:
        admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
        consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap_servers)
        try:
            flowing = wait_until(
                lambda: [name for name in admin.list_topics() if name.endswith(".readings")], 60
            )
            readings = [TopicPartition(flowing[0], 0)]
            wait_until(lambda: sum(consumer.end_offsets(readings).values()) > 0, 60)
        finally:
            admin.close()
            consumer.close()
            broker.stop()

    stopper = threading.Thread(target=stop_when_readings_flow)
    stopper.start()
    try:
        arguments = ["--bootstrap", broker.bootstrap_servers, "--listen-address", "127.0.0.1:0"]
        result = CliRunner().invoke(cli, ["demo", "--exit", *arguments])
    finally:
        stopper.join()
    assert result.exit_code == KafkaError.exit_code, result.output
    assert "Traceback" not in result.stderr
    assert result.stderr.count("sentinel: error:") == 1
    assert "left behind at" in result.stderr
