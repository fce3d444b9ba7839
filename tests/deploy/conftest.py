"""Fixtures of the tests of deploy/.

prometheus_binaries  promtool and prometheus; skipped, with the reason, where they cannot be had,
                     but a failure with SENTINEL_REQUIRE_PROMETHEUS=1. Such tests get the marker
                     `prometheus`.
"""

from __future__ import annotations

import os

import pytest

from tests.deploy.debian_prometheus import (
    PrometheusBinaries,
    PrometheusUnavailableError,
    find_prometheus,
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever asks for Prometheus is marked so."""
    for item in items:
        if "prometheus_binaries" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.prometheus)


@pytest.fixture(scope="session")
def prometheus_binaries() -> PrometheusBinaries:
    """Where promtool and prometheus are."""
    try:
        return find_prometheus()
    except PrometheusUnavailableError as error:
        if os.environ.get("SENTINEL_REQUIRE_PROMETHEUS") == "1":
            pytest.fail(f"Prometheus is required here, but {error}")
        pytest.skip(f"no Prometheus: {error}")
