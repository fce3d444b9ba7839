"""deploy/prometheus and the metrics, by Prometheus's own checker."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from tests.deploy.debian_prometheus import PrometheusBinaries
from tests.deploy.fleet import FakeDaemon

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
ALERTS = PROMETHEUS / "alerts.yml"


def promtool(
    binaries: PrometheusBinaries, *arguments: str | Path, text: str | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(binaries.promtool), *map(str, arguments)],
        check=False,
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "config", "--lint-fatal", PROMETHEUS / "prometheus.yml"),
        ("check", "rules", "--lint-fatal", ALERTS),
        ("test", "rules", PROMETHEUS / "alerts.test.yml"),
    ],
)
def test_promtool_accepts(
    prometheus_binaries: PrometheusBinaries, arguments: tuple[str | Path, ...]
) -> None:
    done = promtool(prometheus_binaries, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_has_nothing_to_say_about_the_metrics(
    prometheus_binaries: PrometheusBinaries,
) -> None:
    daemon = FakeDaemon()
    daemon.turn()
    text = generate_latest(daemon.catalogue.registry).decode()
    done = promtool(prometheus_binaries, "check", "metrics", text=text)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_alert_has_a_test_that_fires_and_one_that_does_not() -> None:
    alerts = re.findall(r"alert: (\w+)", ALERTS.read_text())
    assert len(alerts) == 4
    tests = (PROMETHEUS / "alerts.test.yml").read_text()
    for alert in alerts:
        asked = re.findall(rf"alertname: {alert}\n( *exp_alerts:)?", tests)
        assert any(asked), f"{alert} never fires in the tests"
        assert not all(asked), f"{alert} always fires in the tests"


def test_every_runbook_is_a_section_that_exists() -> None:
    text = ALERTS.read_text()
    runbooks = re.findall(r"runbook: (\S+)#(\S+)", text)
    assert len(runbooks) == text.count("alert: ")
    for path, anchor in runbooks:
        headings = re.findall(r"^#+ (.*)$", (ROOT / path).read_text(), flags=re.MULTILINE)
        assert anchor in [heading.lower().replace(" ", "-") for heading in headings]
