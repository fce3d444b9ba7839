"""Shared by all tests: the kernel cache, chosen before any kernel is imported, and brokers.

any_kafka        the test runs twice: on the embedded broker and on a real Apache Kafka
embedded_kafka   the embedded broker
kafka            a real Apache Kafka; skipped, with the reason, where it cannot be had, but a
                 failure with SENTINEL_REQUIRE_KAFKA=1. Such tests get the marker `kafka`.
unique_name      names for topics and groups: the brokers serve all tests of the session

The whole suite, and a folder of it, runs in one worker per core (pytest-xdist), a file that is
named in this process: `-n 0` and `-n 3` have their own way.

What fixtures need is imported by those who ask for them: on a machine with a GPU and little else
(`tests/bench/cuda.py`), neither a Kafka client is there, nor a plugin of pytest.
"""

from __future__ import annotations

from sentinel.runtime import jit_cache

jit_cache.prepare()

import os  # noqa: E402
import uuid  # noqa: E402
from collections.abc import Callable, Iterator  # noqa: E402
from importlib.util import find_spec  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import TYPE_CHECKING  # noqa: E402

import pytest  # noqa: E402

from sentinel.runtime.gpu import Gpu, probe  # noqa: E402

if TYPE_CHECKING:
    from tests.kafka.handle import Kafka

# Speed belongs to the benchmarks: a busy machine must not fail a property. The first example may
# compile a kernel.
if find_spec("hypothesis"):
    from hypothesis import settings

    settings.register_profile("sentinel", deadline=None)
    settings.load_profile("sentinel")


def pytest_addoption(parser: pytest.Parser) -> None:
    """What pyproject.toml sets is known, whoever is there to heed it."""
    if not find_spec("pytest_timeout"):
        parser.addini("timeout", "seconds that a test may take, by pytest-timeout")
    if not find_spec("xdist"):
        for option in ("--numprocesses", "--maxprocesses", "--dist"):
            parser.addoption(option, help="how tests are shared among workers, by pytest-xdist")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """One a core; none for files that are named, nor where there is a GPU: its memory is measured.

    xdist's own count is of the machine, whatever part of it a container has.
    """
    if all(Path(argument.partition("::")[0]).is_file() for argument in config.args):
        return 0
    return 0 if isinstance(probe(), Gpu) else len(os.sched_getaffinity(0))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever asks for a real Kafka is marked so."""
    for item in items:
        if "kafka" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.kafka)


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """A real Apache Kafka, started once, when the first test asks for it."""
    from tests.kafka.provide import real_kafka

    with real_kafka() as handle:
        yield handle


@pytest.fixture(scope="session")
def embedded_kafka() -> Iterator[Kafka]:
    """The embedded broker, set up as our real Kafka is: topics are created, not made up."""
    from sentinel.broker import EmbeddedBroker
    from tests.kafka.handle import Kafka

    with EmbeddedBroker() as broker, Kafka("embedded", broker.bootstrap_servers) as handle:
        yield handle


@pytest.fixture(
    scope="session", params=["embedded_kafka", pytest.param("kafka", marks=pytest.mark.kafka)]
)
def any_kafka(request: pytest.FixtureRequest) -> Kafka:
    """Each of them in turn; `name` tells which: embedded or kafka."""
    handle: Kafka = request.getfixturevalue(request.param)
    return handle


@pytest.fixture
def unique_name() -> Callable[[str], str]:
    """unique_name("readings"): a name that begins so and that no other test has."""
    return lambda prefix: f"{prefix}-{uuid.uuid4().hex[:12]}"
