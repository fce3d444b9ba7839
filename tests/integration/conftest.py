"""A small fleet of pumps, a model fitted on it by the command line, and the daemon as a process."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.kafka.cluster import free_ports
from tests.kafka.handle import Kafka
from tests.waiting import wait_until

CHANNELS = ("pressure", "vibration")
ENTITIES = ("pump-1", "pump-2", "pump-3")
START_S = 1_700_000_000
INTERVAL_S = 10
HISTORY_ROWS = 1_500
LIVE_ROWS = 600
FAULT_ROWS = range(150, 200)


@dataclass(frozen=True)
class Row:
    """One reading."""

    entity: str
    time_s: int
    pressure: float
    vibration: float

    def as_json(self) -> bytes:
        """As a gateway would send it: the entity is the record's key."""
        reading = {"ts": self.time_s, "pressure": self.pressure, "vibration": self.vibration}
        return json.dumps(reading).encode()


def simulate(first: int, count: int, fault: range = range(0)) -> list[Row]:
    """Readings of all pumps by time; during the fault, the vibration of pump-2 is off."""
    rows = []
    for number, entity in enumerate(ENTITIES):
        rng = np.random.default_rng([number, first])
        for n in range(count):
            phase = (first + n) / 20 + number
            pressure = 5 + np.sin(phase) + 0.05 * rng.standard_normal()
            vibration = 1 + 0.3 * np.cos(phase) + 0.02 * rng.standard_normal()
            if entity == "pump-2" and n in fault:
                vibration += 2.0
            time_s = START_S + (first + n) * INTERVAL_S
            rows.append(Row(entity, time_s, round(float(pressure), 4), round(float(vibration), 4)))
    return sorted(rows, key=lambda row: (row.time_s, row.entity))


def write_csv(path: Path, rows: list[Row]) -> Path:
    """Readings as a file."""
    lines = [f"{r.time_s},{r.entity},{r.pressure},{r.vibration}" for r in rows]
    path.write_text("\n".join(["timestamp,entity,pressure,vibration", *lines]) + "\n")
    return path


def sentinel(*arguments: str, timeout_s: float = 240) -> subprocess.CompletedProcess[str]:
    """The command line, as a user has it."""
    return subprocess.run(
        [sys.executable, "-m", "sentinel", *arguments],
        capture_output=True, text=True, timeout=timeout_s, check=False,
    )  # fmt: skip


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A history of all pumps."""
    return write_csv(tmp_path_factory.mktemp("history") / "history.csv", simulate(0, HISTORY_ROWS))


@pytest.fixture(scope="session")
def model(history: Path) -> Path:
    """A model of the pumps, fitted by `sentinel fit`."""
    path = history.parent / "pumps"
    done = sentinel(
        "fit", str(history), "--output", str(path), "--hidden", "16", "--window-length", "16",
        "--steps", "300",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return path


@dataclass
class DaemonProcess:
    """`sentinel run` beside us."""

    process: subprocess.Popen[str]
    url: str
    config: Path
    topics: dict[str, str]
    log: Path

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of its endpoint; (0, "") while it does not answer."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def readiness(self) -> dict[str, Any]:
        """What /-/ready says of itself; nothing while it does not answer."""
        body = self.get("/-/ready")[1]
        details: dict[str, Any] = json.loads(body)["details"] if body else {}
        return details

    def metric(self, sample: str) -> float:
        """The value of a sample by its exact name and labels; 0 where there is none."""
        for line in self.get("/metrics")[1].splitlines():
            if line.startswith(sample + " "):
                return float(line.rsplit(" ", 1)[1])
        return 0.0

    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def stop(self) -> int:
        """SIGTERM, and its exit code."""
        self.process.terminate()
        return self.process.wait(30)


@pytest.fixture
def start_daemon(
    model: Path, tmp_path: Path, unique_name: Callable[[str], str]
) -> Iterator[Callable[..., DaemonProcess]]:
    """start_daemon(kafka): topics made, the daemon ready. Called again: one more of the group."""
    running: list[DaemonProcess] = []
    topics = {name: unique_name(name) for name in ("readings", "events", "dead-letter")}
    group = unique_name("group")
    made: set[str] = set()

    def start(kafka: Kafka, extra: str = "", partitions: int = 2) -> DaemonProcess:
        for topic in topics.values():
            if topic not in made:
                kafka.create_topic(topic, partitions)
                made.add(topic)
        (port,) = free_ports(1)
        config = tmp_path / f"sentinel-{len(running)}.toml"
        config.write_text(
            f'model = "{model}"\n'
            "[source]\n"
            f'bootstrap_servers = "{kafka.bootstrap_servers}"\n'
            f'topic = "{topics["readings"]}"\ngroup_id = "{group}"\n'
            "[sink]\n"
            f'events_topic = "{topics["events"]}"\ndead_letter_topic = "{topics["dead-letter"]}"\n'
            f'[metrics]\nlisten_address = "127.0.0.1:{port}"\n{extra}'
        )
        log = tmp_path / f"daemon-{len(running)}.log"
        with log.open("w") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-m", "sentinel", "run", "--config", str(config)],
                stderr=stderr, text=True
            )  # fmt: skip
        daemon = DaemonProcess(process, f"http://127.0.0.1:{port}", config, topics, log)
        running.append(daemon)
        try:
            wait_until(lambda: daemon.get("/-/ready")[0] == 200 or not daemon.alive(), 120)
        except TimeoutError as error:
            raise AssertionError(f"{error}; {daemon.get('/-/ready')}; {log.read_text()}") from error
        assert daemon.alive(), log.read_text()
        return daemon

    yield start
    for daemon in running:
        if daemon.alive():
            daemon.process.kill()
        daemon.process.wait(30)
