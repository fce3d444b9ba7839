"""Every query of the dashboard and of the alerts, asked of a real Prometheus, has data."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.debian_prometheus import PrometheusBinaries
from tests.deploy.fleet import FakeDaemon
from tests.deploy.prometheus_server import PrometheusServer
from tests.kafka.cluster import free_ports
from tests.waiting import wait_until

DASHBOARD = Path(__file__).resolve().parents[2] / "deploy" / "grafana" / "sentinel.json"

RATE_INTERVAL = "4s"  # many scrapes, at five a second
PATIENCE_S = 30.0


def dashboard() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return loaded


def panel_queries() -> list[tuple[str, str]]:
    """Title and expression of every query of every panel."""
    return [
        (panel["title"], target["expr"])
        for panel in dashboard()["panels"]
        for target in panel["targets"]
    ]


class Scraped:
    """A Prometheus that watches three daemons: one at work, one stalled, one down.

    at_work  host:port of the first, which the panels are asked about
    work     what keeps it at work
    """

    def __init__(self, server: PrometheusServer, at_work: str, work: Callable[[], None]) -> None:
        self.server = server
        self.at_work = at_work
        self.work = work

    def values(self, expression: str) -> list[float]:
        """What a panel would draw now, with `at_work` chosen as the daemon."""
        for variable, value in (
            ("$__rate_interval", RATE_INTERVAL),
            ("$instance", re.escape(self.at_work).replace("\\", "\\\\")),
        ):
            expression = expression.replace(variable, value)
        assert "$" not in expression, f"a variable that this test does not know: {expression}"
        return [float(series["value"][1]) for series in self.server.query(expression)]


@pytest.fixture(scope="module")
def scraped(
    prometheus_binaries: PrometheusBinaries, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scraped]:
    """To look at another daemon, hand its host:port to the server and to `Scraped`."""
    with ExitStack() as stack:
        at_work = stack.enter_context(FakeDaemon())
        stalled = stack.enter_context(FakeDaemon(stalled=True))
        stalled.turn()
        (nobody,) = free_ports(1)
        server = stack.enter_context(
            PrometheusServer(
                prometheus_binaries.prometheus,
                [at_work.address, stalled.address, f"127.0.0.1:{nobody}"],
                tmp_path_factory.mktemp("prometheus"),
            )
        )
        yield Scraped(server, at_work.address, at_work.turn)


@pytest.mark.parametrize(
    ("title", "expression"),
    panel_queries(),
    ids=[f"{t}-{i}" for i, (t, _) in enumerate(panel_queries())],
)
def test_every_panel_shows_data(scraped: Scraped, title: str, expression: str) -> None:
    def drawn() -> bool:
        scraped.work()
        return any(math.isfinite(value) for value in scraped.values(expression))

    wait_until(drawn, PATIENCE_S)


def test_daemon_variable_lists_the_daemons(scraped: Scraped) -> None:
    variables = {variable["name"]: variable for variable in dashboard()["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    asked = re.fullmatch(r"label_values\((.*), (\w+)\)", variables["instance"]["query"]["query"])
    assert asked is not None

    def found() -> list[str]:
        listed: list[str] = scraped.server.get(f"label/{asked[2]}/values", **{"match[]": asked[1]})
        return listed

    wait_until(lambda: scraped.at_work in found(), PATIENCE_S)


def test_every_alert_evaluates_and_finds_its_daemon(scraped: Scraped) -> None:
    """One is down, one stalled and without its GPU, one has an open episode: each alert has one."""

    def rules() -> dict[str, dict[str, Any]]:
        (group,) = scraped.server.get("rules")["groups"]
        return {rule["name"]: rule for rule in group["rules"]}

    wait_until(lambda: all(rule["health"] == "ok" for rule in rules().values()), PATIENCE_S)
    assert set(rules()) == {
        "SentinelDown", "SentinelNotProgressing", "SentinelGpuFallback", "SentinelAnomaly"
    }  # fmt: skip

    def found() -> dict[str, int]:
        scraped.work()
        return {name: len(scraped.server.query(rule["query"])) for name, rule in rules().items()}

    wait_until(lambda: set(found().values()) == {1}, PATIENCE_S)


def test_no_panel_names_a_datasource_of_its_own() -> None:
    for panel in dashboard()["panels"]:
        for place in (panel, *panel["targets"]):
            assert place["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["description"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
