"""`sentinel demo`: the whole river on real data, with a broker of its own."""

from __future__ import annotations

import logging
import secrets
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import click
from kafka import KafkaProducer

from sentinel.broker import EmbeddedBroker
from sentinel.cli import logs
from sentinel.cli.demo_report import DemoReport
from sentinel.cli.demo_topics import create_topics, deleted_afterwards
from sentinel.cli.demo_watch import beside, watch
from sentinel.cli.fit import LeftOut, fit_and_save
from sentinel.cli.wiring import running
from sentinel.config.kafka_client import client_options
from sentinel.config.schema import Config, LogConfig, MetricsConfig, SinkConfig, SourceConfig
from sentinel.demo.dataset import (
    TO_BE_CAUGHT,
    csv_lines,
    faults_of_history,
    history_and_future,
    time_of,
)
from sentinel.demo.events import EventReader
from sentinel.demo.replay import replay
from sentinel.demo.verdict import Replayed, judge
from sentinel.fitted import FittedModel
from sentinel.fitting.settings import FitSettings
from sentinel.runtime.clock import SystemClock
from sentinel.runtime.systemd import SystemdSupervisor
from sentinel.sink.producers import close_producer, open_producer, producer_options
from sentinel.source.files import FileSource

NOTHING_CAUGHT = 7
REPLAY_LINGER_MS = 5
DEFAULT_LISTEN = "127.0.0.1:9108"
# Enough for one channel, and quick to fit on two cores.
DEMO_SETTINGS = FitSettings(hidden=32)

EPILOG = """\b
Examples:
  sentinel demo
  sentinel demo --exit
  sentinel demo --bootstrap 127.0.0.1:9092
"""


# fmt: off
@click.command(epilog=EPILOG, short_help="Watch it work on real data.")
@click.option("--exit", "exit_at_end", is_flag=True,
              help="End by itself; exit code 0 if a known failure was caught, else 7.")
@click.option("--bootstrap", metavar="HOST:PORT", default=None,
              help="Use this Kafka, not the embedded broker; its topics are deleted at the end.")
@click.option("--listen-address", default=DEFAULT_LISTEN, show_default=True,
              help="Where /metrics, /-/healthy and /-/ready are served; port 0: any free one.")
def command(exit_at_end: bool, bootstrap: str | None, listen_address: str) -> None:
    # fmt: on
    """Fit on a month of a real machine's temperature, replay seven weeks, watch for its failure.

    The data is NAB's machine_temperature_system_failure (MIT); the readings go through a Kafka
    broker into the very daemon of `sentinel run`, its events come back from their topic.
    """
    logs.set_up(LogConfig(level="warning"))
    # Nothing stays behind on somebody's Kafka, even where a script's `&` had SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    # What goes wrong is told once, by us; the client would tell of each attempt.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    report = DemoReport()
    header, *rows = csv_lines()
    history, future = history_and_future(rows)
    replayed = Replayed(time_of(future[0]), time_of(future[-1]), len(future))
    with tempfile.TemporaryDirectory(prefix="sentinel-demo-") as folder, ExitStack() as stack:
        model_path = Path(folder) / "machine-temperature"
        report.begin(len(history), replayed)
        report.fitted(_fit([header, *history], Path(folder) / "history.csv", model_path))
        servers = bootstrap or stack.enter_context(EmbeddedBroker()).bootstrap_servers
        config = _config(model_path, servers, listen_address)
        options = client_options(config)
        if bootstrap:
            stack.enter_context(deleted_afterwards(config, options))
        create_topics(config, options)
        started = stack.enter_context(running(config, SystemdSupervisor({}, SystemClock())))
        events = stack.enter_context(EventReader(config.sink.events_topic, options))
        broker = "your Kafka" if bootstrap else "embedded, of this demo alone"
        report.river(config, broker, started, deleted=bool(bootstrap))
        ended = stack.enter_context(beside(started.daemon))
        begun_s = time.monotonic()
        replay(future, config.source.topic, stack.enter_context(_producer(config, options)))
        watch(started.daemon, ended, events, report, len(future))
        verdict = judge(TO_BE_CAUGHT, events.episodes, replayed)
        report.verdict(verdict, time.monotonic() - begun_s)
        if not exit_at_end:
            with suppress(KeyboardInterrupt):  # from the moment that it is asked for
                report.wait(started.metrics_url)
                ended.wait()
    if exit_at_end and not verdict.caught:
        raise SystemExit(NOTHING_CAUGHT)


def _fit(lines: Sequence[str], history: Path, model: Path) -> FittedModel:
    history.write_text("\n".join(lines) + "\n", encoding="utf-8")
    source = FileSource([history])
    # The same model on every machine: a GPU would draw other noise.
    channels = tuple(source.channel_names)
    left_out = LeftOut(faults_of_history())
    fitted = fit_and_save(
        source, channels, DEMO_SETTINGS, model, left_out=left_out, device="cpu"
    )[0]
    if fitted.summary["interrupted"]:
        raise KeyboardInterrupt  # whoever stops the demo does not want to see the rest of it
    return fitted


def _config(model: Path, servers: str, listen_address: str) -> Config:
    """The smallest configuration, on topics of this run alone."""
    run = f"sentinel-demo-{secrets.token_hex(3)}"
    return Config(
        model=str(model),
        name="demo",
        source=SourceConfig(bootstrap_servers=servers, topic=f"{run}.readings", group_id=run),
        sink=SinkConfig(events_topic=f"{run}.events", dead_letter_topic=f"{run}.dead-letter"),
        metrics=MetricsConfig(listen_address=listen_address),
    )


@contextmanager
def _producer(config: Config, options: Mapping[str, Any]) -> Iterator[KafkaProducer]:
    """A producer of readings."""
    producer = open_producer(
        {**producer_options(config.sink, options), "linger_ms": REPLAY_LINGER_MS},
        config.source.topic,
        "replay",
        idempotent=True,
    )
    try:
        yield producer
    finally:
        close_producer(producer)
