"""A real Apache Kafka for the tests: one KRaft node from Maven Central's jars.

Needs Java 17 or newer, and mvn for the first run only: the jars (44 MB) are kept in
$SENTINEL_TEST_CACHE, by default ~/.cache/sentinel-tests. Ports are free ones, the data lives in a
temporary directory and goes with the node. From the root of the checkout, a node until Ctrl-C:

    $ python -m tests.kafka.cluster
    127.0.0.1:40321

Tests use the fixtures `kafka` and `any_kafka` of tests/conftest.py.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from tests.waiting import wait_until

HERE = Path(__file__).resolve().parent
POM = HERE / "pom.xml"
PROPERTIES = HERE / "server.properties"

JAVA_MIN = 17
# The quick compiler only: the careful one costs more than it gains in minutes.
JVM_OPTIONS = ("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
MVN_TIMEOUT_S = 300
FORMAT_TIMEOUT_S = 60
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 10.0
START_TRIES = 3  # somebody else may take a free port before Kafka does
# Below those that Linux gives to connections, ours and those of other workers.
FREE_PORTS = range(20_000, 32_000)


class KafkaUnavailableError(Exception):
    """This machine cannot run Kafka: no Java, no Maven, or no way to Maven Central."""


class KafkaStartError(Exception):
    """Kafka was there, but did not come up; ends with the last lines of its log."""


class KafkaCluster:
    """One node; `with` starts and stops it. The data directory lives as long.

    properties  of the server, in place of those in server.properties
    """

    def __init__(self, properties: Mapping[str, str] | None = None) -> None:
        self.bootstrap_servers = ""
        self._properties = properties or {}
        self._directory: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait until it answers. Raises KafkaUnavailableError, KafkaStartError."""
        java = find_java()
        jars = fetch_jars()
        self._directory = Path(tempfile.mkdtemp(prefix="sentinel-kafka-"))
        try:
            for attempt in range(1, START_TRIES + 1):
                try:
                    self._start(java, jars, self._directory / str(attempt))
                    return
                except KafkaStartError as error:
                    if attempt == START_TRIES or "Address already in use" not in str(error):
                        raise
                self._end_process()
        except BaseException:  # Ctrl-C too: `with` does not clean up what did not start
            self.stop()
            raise

    def stop(self) -> None:
        """End the process and remove its data. Idempotent."""
        self._end_process()
        if self._directory is not None:
            shutil.rmtree(self._directory)
            self._directory = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start(self, java: str, jars: Path, directory: Path) -> None:
        directory.mkdir()
        broker_port, controller_port = free_ports(2)
        bootstrap_servers = f"127.0.0.1:{broker_port}"
        listener = f"PLAINTEXT://{bootstrap_servers}"
        controller = f"127.0.0.1:{controller_port}"
        properties = directory / "server.properties"
        properties.write_text(
            PROPERTIES.read_text()
            + f"listeners={listener},CONTROLLER://{controller}\n"
            + f"advertised.listeners={listener}\n"
            + f"controller.quorum.bootstrap.servers={controller}\n"
            + f"log.dirs={directory / 'data'}\n"
            + "".join(f"{name}={value}\n" for name, value in self._properties.items())
        )
        log = directory / "kafka.log"
        command = [java, *JVM_OPTIONS, "-cp", f"{jars}/*"]
        format_storage([*command, "kafka.tools.StorageTool"], properties, log)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*die_with_parent(), *command, "kafka.Kafka", str(properties)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for us: we stop it in order
            )
        self._wait_until_it_answers(bootstrap_servers, log)
        self.bootstrap_servers = bootstrap_servers

    def _wait_until_it_answers(self, bootstrap_servers: str, log: Path) -> None:
        process = self._process
        assert process is not None

        def answers() -> bool:
            if process.poll() is not None:
                raise KafkaStartError(f"Kafka ended with {process.returncode}:\n{tail(log)}")
            return has_node(bootstrap_servers)

        try:
            wait_until(answers, timeout_s=START_TIMEOUT_S)
        except TimeoutError as error:
            raise KafkaStartError(f"Kafka does not answer ({error}):\n{tail(log)}") from error

    def _end_process(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_TIMEOUT_S)


def format_storage(tool: list[str], properties: Path, log: Path) -> None:
    """Prepare the data directory. Raises KafkaStartError."""
    command = [*tool, "format", "--standalone", "-t", uuid.uuid4().hex, "-c", str(properties)]
    with log.open("ab") as output:
        try:
            subprocess.run(
                command, check=True, stdout=output, stderr=output, timeout=FORMAT_TIMEOUT_S
            )
        except subprocess.SubprocessError as error:
            raise KafkaStartError(f"Kafka's storage was not formatted:\n{tail(log)}") from error


def find_java() -> str:
    """The java to run. Raises KafkaUnavailableError where there is none, or too old a one."""
    java = shutil.which("java")
    if java is None:
        raise KafkaUnavailableError("java is not installed")
    said = subprocess.run(
        [java, "-version"], check=True, capture_output=True, text=True, timeout=30
    ).stderr
    found = re.search(r'version "(\d+)', said)
    if found is None or int(found[1]) < JAVA_MIN:
        raise KafkaUnavailableError(f"Java {JAVA_MIN} or newer is needed, found {said.strip()!r}")
    return java


def fetch_jars() -> Path:
    """The directory of Kafka's jars, fetched by Maven unless an earlier run did.

    Raises KafkaUnavailableError where they are not there and cannot be fetched.
    """
    jars = cache_directory() / f"kafka-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"
    if jars.is_dir():
        return jars
    mvn = shutil.which("mvn")
    if mvn is None:
        raise KafkaUnavailableError("mvn is not installed, and no earlier run has left the jars")
    with fetching(jars.name):
        if not jars.is_dir():  # another worker has been faster
            with tempfile.TemporaryDirectory(dir=jars.parent, prefix="fetching-") as unfinished:
                fetch_by_maven(mvn, Path(unfinished) / "jars").rename(jars)
    return jars


def fetch_by_maven(mvn: str, target: Path) -> Path:
    """Kafka's jars in a new directory. Raises KafkaUnavailableError."""
    command = [mvn, "-q", "-B", "-f", str(POM), "dependency:copy-dependencies"]
    options = ["-DincludeScope=runtime", f"-DoutputDirectory={target}"]
    try:
        fetched = subprocess.run(
            [*command, *options],
            check=False,  # told below, with the reason
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=MVN_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise KafkaUnavailableError(
            f"mvn has not fetched Kafka within {MVN_TIMEOUT_S} s"
        ) from error
    if fetched.returncode:
        errors = [line for line in fetched.stdout.splitlines() if "ERROR" in line]
        raise KafkaUnavailableError(f"mvn cannot fetch Kafka: {' '.join(errors)[:500]}")
    return target


@contextmanager
def fetching(name: str) -> Iterator[None]:
    """One worker, of one run, at a time; Maven's own store does not bear two."""
    cache_directory().mkdir(parents=True, exist_ok=True)
    with (cache_directory() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def cache_directory() -> Path:
    """Where things are kept between runs, outside of the checkout."""
    configured = os.environ.get("SENTINEL_TEST_CACHE")
    return Path(configured) if configured else Path.home() / ".cache" / "sentinel-tests"


def free_ports(count: int) -> list[int]:
    """Ports that nobody has at this moment, and that no connection is given."""
    sockets: list[socket.socket] = []
    try:
        while len(sockets) < count:
            with suppress(OSError):  # taken
                port = random.SystemRandom().choice(FREE_PORTS)
                sockets.append(socket.create_server(("127.0.0.1", port)))
        return [held.getsockname()[1] for held in sockets]
    finally:
        for held in sockets:
            held.close()


def has_node(bootstrap_servers: str) -> bool:
    """Whether a broker answers there, and says that it is part of a cluster."""
    host, port = bootstrap_servers.split(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:  # asked first, for kafka-python logs a page about it
        return False
    try:
        admin = KafkaAdminClient(bootstrap_servers=bootstrap_servers, bootstrap_timeout_ms=1000)
    except KafkaError:
        return False
    try:
        return bool(admin.describe_cluster()["brokers"])
    except KafkaError:
        return False
    finally:
        admin.close()


def die_with_parent() -> list[str]:
    """A prefix of a command that ends it with us, even if we are killed (Linux only)."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL"] if setpriv else []


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def main() -> None:
    """Run a node until Ctrl-C or SIGTERM."""
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    try:
        with KafkaCluster() as cluster:
            print(cluster.bootstrap_servers, flush=True)
            stopping.wait()
    except (KafkaUnavailableError, KafkaStartError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
