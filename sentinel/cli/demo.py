"""`sentinel demo`: the whole river on real data, with a broker of its own."""

from __future__ import annotations

import secrets
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from sentinel.broker import EmbeddedBroker
from sentinel.cli import logs
from sentinel.cli.demo_report import DemoReport
from sentinel.cli.fit import fit_and_save
from sentinel.cli.wiring import Running, running
from sentinel.config.kafka_client import client_options
from sentinel.config.schema import Config, LogConfig, MetricsConfig, SinkConfig, SourceConfig
from sentinel.demo.dataset import HISTORY_ROWS, KNOWN_FAILURES, csv_lines
from sentinel.demo.events import EventReader
from sentinel.demo.replay import replay
from sentinel.demo.verdict import judge
from sentinel.fitted import FittedModel
from sentinel.fitting import FitSettings
from sentinel.runtime.clock import SystemClock
from sentinel.runtime.systemd import SystemdSupervisor
from sentinel.source.files import FileSource
from sentinel.source.kafka_admin import Cluster

NOTHING_CAUGHT = 7
POLL_MS = 200
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
              help="Use this Kafka instead of the embedded broker; makes three topics there.")
@click.option("--listen-address", default=DEFAULT_LISTEN, show_default=True,
              help="Where /metrics, /-/healthy and /-/ready are served; port 0: any free one.")
def command(exit_at_end: bool, bootstrap: str | None, listen_address: str) -> None:
    # fmt: on
    """Fit on a week of a real machine's temperature, replay eleven more, watch for its failures.

    The data is NAB's machine_temperature_system_failure (MIT); the readings go through a Kafka
    broker into the very daemon of `sentinel run`, its events come back from their topic.
    """
    logs.set_up(LogConfig(level="warning"))
    report = DemoReport()
    header, *rows = csv_lines()
    history, future = rows[:HISTORY_ROWS], rows[HISTORY_ROWS:]
    with tempfile.TemporaryDirectory(prefix="sentinel-demo-") as folder:
        model_path = Path(folder) / "machine-temperature"
        report.begin(len(history), len(future))
        report.fitted(_fit([header, *history], Path(folder) / "history.csv", model_path))
        with ExitStack() as stack:
            servers = bootstrap or stack.enter_context(EmbeddedBroker()).bootstrap_servers
            config = _config(model_path, servers, listen_address)
            options = client_options(config)
            _create_topics(config, options)
            started = stack.enter_context(running(config, SystemdSupervisor({}, SystemClock())))
            events = stack.enter_context(EventReader(config.sink.events_topic, options))
            report.river(config, "embedded broker" if bootstrap is None else "Kafka", started)
            with _in_thread(started):
                begun_s = time.monotonic()
                count = replay(future, config.source.topic, options)
                _watch(started, events, report, count)
                seconds = time.monotonic() - begun_s
                caught, false = judge(KNOWN_FAILURES, events.episodes)
                report.verdict(caught, false, count, seconds)
                if not exit_at_end:
                    report.wait(started.metrics_url)
                    _until_interrupted()
    if exit_at_end and not any(one.episode for one in caught):
        raise SystemExit(NOTHING_CAUGHT)


def _fit(lines: Sequence[str], history: Path, model: Path) -> FittedModel:
    history.write_text("\n".join(lines) + "\n", encoding="utf-8")
    source = FileSource([history])
    return fit_and_save(source, tuple(source.channel_names), DEMO_SETTINGS, model)[0]


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


def _create_topics(config: Config, options: dict[str, object]) -> None:
    with Cluster(options, timeout_ms=10_000) as cluster:
        for topic in (
            config.source.topic, config.sink.events_topic, config.sink.dead_letter_topic,
        ):  # fmt: skip
            cluster.create_topic(topic, 1, 1)


@contextmanager
def _in_thread(started: Running) -> Iterator[None]:
    """The daemon beside us; its error, if it ends with one, is ours."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            started.daemon.run()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="sentinel-daemon")
    thread.start()
    try:
        yield
    finally:
        started.daemon.stop()
        thread.join()
    if errors:
        raise errors[0]


def _watch(started: Running, events: EventReader, report: DemoReport, count: int) -> None:
    """Show progress and events until the daemon has read everything and told of it."""
    with report.replaying(count) as progress:
        while True:
            # Asked for first: what is delivered once all was read is in the poll that follows.
            done = started.daemon.readings_total >= count or started.daemon.ended
            progress(started.daemon.readings_total)
            found = events.poll(POLL_MS)
            for event in found:
                report.event(event)
            if done and not found:
                return


def _until_interrupted() -> None:
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return
