"""The demo never waits for what will not come: a broker that is gone, a daemon that has ended."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from sentinel.broker import EmbeddedBroker
from sentinel.cli import demo_watch
from sentinel.cli.demo_report import DemoReport
from sentinel.cli.demo_watch import beside, watch
from sentinel.daemon.loop import Daemon
from sentinel.demo import replay
from sentinel.demo.events import EventReader
from sentinel.errors import KafkaError, ModelError
from sentinel.sink import producers
from sentinel.sink.producers import close_producer, open_producer

COUNT = 1_000


class StandIn:
    """As much of a daemon as is watched; `run` lasts until `stop`, or raises at once."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.readings_total = 0
        self.settings = SimpleNamespace(topic="readings")
        self._error = error
        self._stopping = threading.Event()

    def run(self) -> None:
        """The loop."""
        if self._error:
            raise self._error
        self._stopping.wait()

    def stop(self) -> None:
        """End it."""
        self._stopping.set()


def as_daemon(stand_in: StandIn) -> Daemon:
    """For the type checker."""
    return cast(Daemon, cast(Any, stand_in))


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(topics={"readings": 1, "events": 1}) as running:
        yield running


@pytest.fixture
def events(broker: EmbeddedBroker) -> Iterator[EventReader]:
    with EventReader("events", {"bootstrap_servers": broker.bootstrap_servers}) as reader:
        yield reader


def test_it_ends_once_everything_was_read_and_told(events: EventReader) -> None:
    daemon = StandIn()
    daemon.readings_total = COUNT
    watch(as_daemon(daemon), threading.Event(), events, DemoReport(), COUNT)


def test_a_daemon_that_gets_no_further_is_an_error(
    events: EventReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_watch, "STALLED_AFTER_S", 0.5)
    with pytest.raises(KafkaError, match="stopped moving after 0 of 1,000 readings"):
        watch(as_daemon(StandIn()), threading.Event(), events, DemoReport(), COUNT)


def test_events_that_cannot_be_read_are_an_error_too(
    broker: EmbeddedBroker, events: EventReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_watch, "STALLED_AFTER_S", 0.5)
    daemon = StandIn()
    daemon.readings_total = COUNT
    broker.stop()
    with pytest.raises(KafkaError, match="stopped moving after 1,000 of 1,000"):
        watch(as_daemon(daemon), threading.Event(), events, DemoReport(), COUNT)


def test_the_error_that_ended_the_daemon_is_the_one_that_is_told(events: EventReader) -> None:
    daemon = as_daemon(StandIn(ModelError("the daemon's own")))
    with pytest.raises(ModelError, match="the daemon's own"), beside(daemon) as ended:
        watch(daemon, ended, events, DemoReport(), COUNT)


def test_readings_that_are_not_taken_are_an_error(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "FLUSH_TIMEOUT_S", 0.5)
    monkeypatch.setattr(producers, "CLOSE_TIMEOUT_S", 0.5)

    def lines() -> Iterator[str]:
        for number in range(COUNT):
            if number == COUNT // 2:
                broker.stop()
            yield f"2026-01-01T00:00:00Z,{number}"

    options = {"bootstrap_servers": broker.bootstrap_servers}
    producer = open_producer(options, "readings", "replay", idempotent=True)
    try:
        with pytest.raises(KafkaError, match="readings: the readings cannot be produced"):
            replay.replay(lines(), "readings", producer)
    finally:
        close_producer(producer)
