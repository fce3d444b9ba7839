"""A real Prometheus with deploy/prometheus's files, as a process of the test."""

from __future__ import annotations

import http.client
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import urlopen

from tests.kafka.cluster import die_with_parent, free_ports
from tests.waiting import wait_until

CONFIG = Path(__file__).resolve().parents[2] / "deploy" / "prometheus" / "prometheus.yml"
TARGETS = '["sentinel:9108"]'
INTERVAL = "15s"
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0


class PrometheusServer:
    """Scrapes `targets` five times a second; everything else is as deploy/ has it."""

    def __init__(self, program: Path, targets: Sequence[str], directory: Path) -> None:
        self._program = program
        self._directory = directory
        config = CONFIG.read_text()
        assert TARGETS in config
        assert INTERVAL in config
        config = config.replace(TARGETS, json.dumps(list(targets))).replace(INTERVAL, "200ms")
        (directory / CONFIG.name).write_text(config)
        alerts = CONFIG.with_name("alerts.yml")
        (directory / alerts.name).write_text(alerts.read_text())
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that an instant query answers with, now."""
        found: list[dict[str, Any]] = self.get("query", query=expression)["result"]
        return found

    def get(self, path: str, **parameters: str) -> Any:
        """The data of an API call. Raises AssertionError with Prometheus's own words."""
        try:
            with urlopen(f"{self.url}/api/v1/{path}?{urlencode(parameters)}", timeout=20) as answer:
                return json.load(answer)["data"]
        except HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from error

    def __enter__(self) -> Self:
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        command = [
            *die_with_parent(),
            str(self._program),
            f"--config.file={self._directory / CONFIG.name}",
            f"--storage.tsdb.path={self._directory / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--log.level=warn",
        ]
        with (self._directory / "prometheus.log").open("wb") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            wait_until(self._ready, START_TIMEOUT_S)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(STOP_TIMEOUT_S)

    def _ready(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            log = (self._directory / "prometheus.log").read_text()
            raise AssertionError(f"Prometheus ended with {self._process.returncode}:\n{log}")
        try:
            with urlopen(f"{self.url}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except (URLError, http.client.HTTPException, OSError):
            return False
