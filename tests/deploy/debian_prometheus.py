"""Prometheus from Debian's package: fetched and unpacked into the test cache, never installed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.kafka.cluster import cache_directory, fetching

FETCH_TIMEOUT_S = 240


class PrometheusUnavailableError(Exception):
    """This machine has no Prometheus, and no way to Debian's packages."""


@dataclass(frozen=True)
class PrometheusBinaries:
    """Where the programs are."""

    promtool: Path
    prometheus: Path


def find_prometheus() -> PrometheusBinaries:
    """The machine's own programs, or the package's. Raises PrometheusUnavailableError."""
    promtool, prometheus = shutil.which("promtool"), shutil.which("prometheus")
    if promtool and prometheus:
        return PrometheusBinaries(Path(promtool), Path(prometheus))
    root = cache_directory() / "prometheus-debian"
    if not root.is_dir():
        with (
            fetching(root.name),
            tempfile.TemporaryDirectory(dir=root.parent, prefix="fetching-") as unfinished,
        ):
            if not root.is_dir():  # another worker has been faster
                fetch_package("prometheus", Path(unfinished)).rename(root)
    return PrometheusBinaries(root / "usr/bin/promtool", root / "usr/bin/prometheus")


def fetch_package(name: str, directory: Path) -> Path:
    """The root of an unpacked Debian package. Raises PrometheusUnavailableError."""
    missing = [tool for tool in ("apt-get", "dpkg") if shutil.which(tool) is None]
    if missing:
        raise PrometheusUnavailableError(f"{' and '.join(missing)} are not here to fetch it")
    # Lists and cache of our own: needs no root, and leaves the machine's as they are.
    for folder in ("state/lists/partial", "cache/archives/partial"):
        (directory / folder).mkdir(parents=True)
    apt = ["apt-get", "-q", "-o", f"Dir::State={directory}/state"]
    apt += ["-o", f"Dir::Cache={directory}/cache", "-o", "APT::Sandbox::User="]
    apt += ["-o", "Acquire::Retries=3"]
    root = directory / "root"
    for command in ([*apt, "update"], [*apt, "download", name]):
        run(command, directory)
    (package,) = directory.glob("*.deb")
    run(["dpkg", "-x", str(package), str(root)], directory)
    return root


def run(command: list[str], directory: Path) -> None:
    """Raises PrometheusUnavailableError with what the command said last."""
    try:
        done = subprocess.run(
            command,
            check=False,  # told below, with the reason
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=FETCH_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise PrometheusUnavailableError(f"{error}") from error
    if done.returncode:
        last = done.stdout.strip().splitlines()[-1:]
        raise PrometheusUnavailableError(f"{command[0]} failed: {' '.join(last)}")
