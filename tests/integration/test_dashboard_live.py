"""The dashboard on a real daemon: Kafka, a real Prometheus that scrapes, and every query draws."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from tests.deploy.conftest import prometheus_binaries  # noqa: F401  (a fixture)
from tests.deploy.debian_prometheus import PrometheusBinaries
from tests.deploy.prometheus_server import PrometheusServer
from tests.deploy.test_dashboard import Scraped, panel_queries
from tests.integration.conftest import HISTORY_ROWS, DaemonProcess, simulate
from tests.integration.test_river import produce
from tests.kafka.handle import Kafka
from tests.waiting import wait_until

ROWS_PER_TURN = 20


def test_every_panel_draws_a_real_daemon(
    kafka: Kafka,
    start_daemon: Callable[..., DaemonProcess],
    prometheus_binaries: PrometheusBinaries,  # noqa: F811
    tmp_path: Path,
) -> None:
    daemon = start_daemon(kafka)
    turns = 0

    def work() -> None:
        """More readings, some of them bad, while the fault goes on."""
        nonlocal turns
        rows = simulate(HISTORY_ROWS + turns * ROWS_PER_TURN, ROWS_PER_TURN, range(ROWS_PER_TURN))
        turns += 1
        records = [(row.entity, row.as_json()) for row in rows]
        produce(kafka, daemon.topics["readings"], [*records, ("pump-1", b"not json")])

    address = daemon.url.removeprefix("http://")
    with PrometheusServer(prometheus_binaries.prometheus, [address], tmp_path) as server:
        scraped = Scraped(server, address, work)

        def undrawn() -> list[tuple[str, str]]:
            work()
            return [
                (title, expression)
                for title, expression in panel_queries()
                if not any(math.isfinite(value) for value in scraped.values(expression))
            ]

        wait_until(lambda: not undrawn(), 90)
    assert daemon.metric("sentinel_episodes_open") == 1
