"""The Telemetry port on Prometheus: one report per turn of the loop feeds every metric."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from prometheus_client import Counter

from sentinel.metrics.catalogue import (
    CHANNEL_STATES,
    ENTITY_STATES,
    ByLabel,
    Catalogue,
)
from sentinel.ports import BatchReport, ChannelReport, Clock


class PrometheusTelemetry:
    """Feeds a catalogue. Called by one thread; scrapes read from others."""

    def __init__(self, catalogue: Catalogue, clock: Clock) -> None:
        self._metrics = catalogue
        self._clock = clock
        catalogue.lag_records.set(math.nan)
        self.interval(0.0, 0.0)
        # As if the start were progress, so that its age is never that of the epoch.
        catalogue.last_progress.set(clock.time_s())

    def batch(self, report: BatchReport) -> None:
        """What one turn of the loop did."""
        metrics = self._metrics
        metrics.records.inc(report.records)
        metrics.readings.inc(report.readings)
        metrics.windows_scored.inc(report.windows)
        metrics.dead_letters.inc(report.dead_letters)
        _add(metrics.readings_rejected, report.rejected)
        _add(metrics.values_masked, report.masked)
        _add(metrics.stage_seconds, report.stage_seconds)
        _add(metrics.episode_events, report.events)
        metrics.episodes_suppressed.inc(report.suppressed)
        for state in ENTITY_STATES:
            metrics.entities[state].set(report.entities.get(state, 0))
        metrics.episodes_open.set(report.episodes_open)
        metrics.episodes_withheld.set(report.episodes_withheld)
        metrics.lag_records.set(math.nan if report.lag_records is None else report.lag_records)
        if report.records:
            metrics.last_progress.set(self._clock.time_s())
        if len(report.score_ratios):
            metrics.score_ratio.observe(report.score_ratios)
            # fmax passes over NaN.
            metrics.score_ratio_max.set(float(np.fmax.reduce(report.score_ratios)))

    def channels(self, report: ChannelReport) -> None:
        """How the stream's channels compare with the model's."""
        for state in CHANNEL_STATES:
            self._metrics.channels[state].set(len(getattr(report, state)))

    def interval(self, observed_s: float, expected_s: float) -> None:
        """The stream's median sampling interval and the model's; 0: not known (yet)."""
        self._metrics.stream_interval.set(observed_s or math.nan)
        self._metrics.model_interval.set(expected_s or math.nan)

    def dead_letter_reduced(self) -> None:
        """A dead letter went out without part of its content."""
        self._metrics.dead_letters_reduced.inc()


def _add(counters: ByLabel[Counter], amounts: Mapping[str, float]) -> None:
    for value, amount in amounts.items():
        counters[value].inc(amount)
