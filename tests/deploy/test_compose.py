"""compose.yaml's daemon: its configuration loads, and names what the other services provide."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.config.loading import load

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


def test_configuration_loads_and_fits_the_other_services() -> None:
    config = load(DEPLOY / "sentinel.toml", environ={})
    compose = (DEPLOY / "compose.yaml").read_text()
    topics = (config.source.topic, config.sink.events_topic, config.sink.dead_letter_topic)
    assert f"for topic in {' '.join(topics)};" in compose
    assert f"INSIDE://{config.source.bootstrap_servers}," in compose
    _, port = config.metrics.listen_address.split(":")
    assert f"127.0.0.1:{port}/-/healthy" in compose
    assert f'"sentinel:{port}"' in (DEPLOY / "prometheus" / "prometheus.yml").read_text()


@pytest.mark.parametrize(
    "mounted",
    ["sentinel.toml", "prometheus", "grafana/provisioning", "grafana/sentinel.json"],
)
def test_what_is_mounted_exists(mounted: str) -> None:
    assert f"- ./{mounted}:/etc/" in (DEPLOY / "compose.yaml").read_text()
    assert (DEPLOY / mounted).exists()
