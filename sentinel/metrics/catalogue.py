"""Every metric that sentinel exports: its name, its meaning and its labels stand here once.

No label names an entity or a channel: their number has no bound, that of time series must.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from typing import Final, Generic, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Info,
    ProcessCollector,
    disable_created_metrics,
)

import sentinel
from sentinel.metrics.histogram import ArrayHistogram

STAGES: Final = ("poll", "score", "deliver", "commit")
ENTITY_STATES: Final = ("ok", "warming", "anomalous")
EPISODE_STATES: Final = ("opened", "updated", "resolved")
CHANNEL_STATES: Final = ("matched", "missing", "awaited", "unknown")

# Closest around 1, the threshold, where it matters how near the fleet is.
RATIO_BOUNDS: Final = (0.1, 0.25, 0.5, 0.75, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 100.0)

OTHER: Final = "other"
MAX_LABEL_VALUES: Final = 32

Metric = TypeVar("Metric", Counter, Gauge)


class ByLabel(Generic[Metric]):
    """The children of a metric with one label, whose values never grow beyond a bound.

    The known values exist from the start, at 0: a rate over a series that appears with its first
    event misses that event. A value beyond the bound is counted as "other".
    """

    def __init__(self, metric: Metric, known: Iterable[str]) -> None:
        self._metric: Metric = metric
        self._children: dict[str, Metric] = {value: metric.labels(value) for value in known}

    def __getitem__(self, value: str) -> Metric:
        child = self._children.get(value)
        if child is None:
            if len(self._children) >= MAX_LABEL_VALUES:
                value = OTHER
            child = self._children[value] = self._metric.labels(value)
        return child


class _Maker:
    """Makes metrics on one registry: single ones, and ones by label."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def counter(self, name: str, documentation: str) -> Counter:
        return Counter(name, documentation, registry=self._registry)

    def gauge(self, name: str, documentation: str) -> Gauge:
        return Gauge(name, documentation, registry=self._registry)

    def counters(
        self, name: str, documentation: str, label: str, known: Iterable[str]
    ) -> ByLabel[Counter]:
        return ByLabel(Counter(name, documentation, [label], registry=self._registry), known)

    def gauges(
        self, name: str, documentation: str, label: str, known: Iterable[str]
    ) -> ByLabel[Gauge]:
        return ByLabel(Gauge(name, documentation, [label], registry=self._registry), known)


class Catalogue:
    """All metrics, on a registry of their own.

    model              labels of sentinel_model_info; at least name and version
    rejection_reasons  reasons for which readings are rejected, as far as known in advance
    mask_reasons       reasons for which single values are masked, likewise
    """

    def __init__(
        self,
        model: Mapping[str, str],
        *,
        rejection_reasons: Iterable[str] = (),
        mask_reasons: Iterable[str] = (),
    ) -> None:
        self.registry = _registry(model)
        make = _Maker(self.registry)
        self.records = make.counter(
            "sentinel_records_total", "Kafka records consumed, good and bad."
        )
        self.readings = make.counter("sentinel_readings_total", "Readings taken from the records.")
        self.windows_scored = make.counter(
            "sentinel_windows_scored_total", "Windows scored by the model."
        )
        self.readings_rejected = make.counters(
            "sentinel_readings_rejected_total",
            "Readings, or whole records, that were not used.",
            "reason",
            (*rejection_reasons, OTHER),
        )
        self.values_masked = make.counters(
            "sentinel_values_masked_total",
            "Values of otherwise good readings that were treated as missing.",
            "reason",
            (*mask_reasons, OTHER),
        )
        self.dead_letters = make.counter(
            "sentinel_dead_letters_total", "Records sent to the dead-letter topic."
        )
        self.dead_letters_reduced = make.counter(
            "sentinel_dead_letters_reduced_total",
            "Dead letters that the brokers took only without part of their content.",
        )
        self.stage_seconds = make.counters(
            "sentinel_stage_seconds_total", "Seconds spent by stage of the loop.", "stage", STAGES
        )
        self.lag_records = make.gauge(
            "sentinel_lag_records",
            "Records behind the end of the assigned partitions; NaN while not known.",
        )
        self.last_progress = make.gauge(
            "sentinel_last_progress_timestamp_seconds",
            "Unix time when records were last consumed; the daemon's start before the first.",
        )
        self.entities = make.gauges(
            "sentinel_entities", "Entities by state.", "state", ENTITY_STATES
        )
        self.episodes_open = make.gauge("sentinel_episodes_open", "Anomaly episodes open now.")
        self.episodes_withheld = make.gauge("sentinel_episodes_withheld", "Episodes withheld now.")
        self.episode_events = make.counters(
            "sentinel_episode_events_total", "Anomaly events written.", "state", EPISODE_STATES
        )
        self.episodes_suppressed = make.counter(
            "sentinel_episodes_suppressed_total", "Episodes that ended untold: withheld to the end."
        )
        self.score_ratio = ArrayHistogram(
            "sentinel_score_ratio",
            "Anomaly score of each window as a multiple of its threshold.",
            RATIO_BOUNDS,
            self.registry,
        )
        self.score_ratio_max = make.gauge(
            "sentinel_score_ratio_max", "Largest score ratio of the last batch that had windows."
        )
        self.channels = make.gauges(
            "sentinel_channels",
            "Channels: the model's that are found in the stream, missing there, or awaited before "
            "the first record; and the stream's that the model does not know.",
            "state",
            CHANNEL_STATES,
        )
        self.stream_interval = make.gauge(
            "sentinel_stream_interval_seconds",
            "Median time between an entity's readings in the stream; NaN while not known.",
        )
        self.gpu_fallback = make.gauge("sentinel_gpu_fallback", "1: the CPU computes for a GPU.")
        self.model_interval = make.gauge(
            "sentinel_model_interval_seconds",
            "Median time between readings in the history that the model was fitted to.",
        )


def _registry(model: Mapping[str, str]) -> CollectorRegistry:
    """A registry with what never changes: the process, the model, what the daemon is made of."""
    # Without it each counter gets a second series, _created, that nobody reads.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    about = Info("sentinel_model", "The model in use, and who uses it.", registry=registry)
    about.info(dict(model))
    build = Info("sentinel_build", "What this daemon is made of.", registry=registry)
    build.info(_build())
    return registry


def _build() -> dict[str, str]:
    return {
        "version": sentinel.__version__,
        "python": platform.python_version(),
        "numba": version("numba"),
        "numpy": version("numpy"),
    }
