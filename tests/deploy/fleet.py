"""Daemons for Prometheus to scrape: real exporters, fed with reports as the loop writes them."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

import numpy as np

from sentinel.metrics.catalogue import Catalogue
from sentinel.metrics.exporter import MetricsExporter
from sentinel.metrics.telemetry import PrometheusTelemetry
from sentinel.ports import BatchReport, ChannelReport, HealthReport


class ShiftedClock:
    """The wall clock, some seconds behind."""

    def __init__(self, behind_s: float) -> None:
        self._behind_s = behind_s

    def time_s(self) -> float:
        return time.time() - self._behind_s

    def monotonic_s(self) -> float:
        return time.monotonic() - self._behind_s


class AlwaysWell:
    """Health of a daemon without worries."""

    def healthy(self) -> HealthReport:
        return HealthReport(True, {})

    def ready(self) -> HealthReport:
        return HealthReport(True, {})


class FakeDaemon:
    """An exporter on a free port of 127.0.0.1.

    stalled   read its last record ten minutes ago, while records wait; the CPU computes for its GPU
    """

    def __init__(self, *, stalled: bool = False) -> None:
        self._stalled = stalled
        self._random = np.random.default_rng(7)
        self.catalogue = Catalogue(
            {"name": "machine-temperature", "version": "3f1c", "window_length": "64"},
            rejection_reasons=["not_json", "late"],
            mask_reasons=["not_finite"],
        )
        self.catalogue.gpu_fallback.set(int(stalled))
        self.telemetry = PrometheusTelemetry(
            self.catalogue, ShiftedClock(600.0 if stalled else 0.0)
        )
        self._exporter = MetricsExporter("127.0.0.1", 0, self.catalogue.registry, AlwaysWell())
        self._turns = 0

    @property
    def address(self) -> str:
        return self._exporter.url.removeprefix("http://")

    def turn(self) -> None:
        """One turn of the loop: 500 records, an episode that opens in the third."""
        self._turns += 1
        reads = not self._stalled
        opens = reads and self._turns == 3
        self.telemetry.batch(
            BatchReport(
                records=500 * reads,
                readings=495 * reads,
                windows=62 * reads,
                rejected={"not_json": 2, "late": 3} if reads else {},
                masked={"not_finite": 4} if reads else {},
                dead_letters=2 * reads,
                stage_seconds={"poll": 0.08, "score": 0.01, "deliver": 0.005, "commit": 0.001},
                score_ratios=self._random.exponential(0.3, 62 * reads),
                events={"opened": 1} if opens else {},
                entities={"ok": 37, "warming": 2, "anomalous": 1},
                episodes_open=int(reads and self._turns >= 3),
                lag_records=12_000,
            )
        )
        self.telemetry.channels(ChannelReport(["temperature"], [], ["humidity"]))
        self.telemetry.interval(300.0, 300.0)

    def __enter__(self) -> Self:
        self._exporter.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._exporter.close()
