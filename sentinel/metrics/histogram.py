"""A histogram fed by whole arrays: prometheus_client's own takes one value per Python call."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence

import numpy as np
from prometheus_client import CollectorRegistry
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.registry import Collector

from sentinel.records import FloatArray


class ArrayHistogram(Collector):
    """Counts of values by bucket; bucket i holds values v with bounds[i-1] < v <= bounds[i].

    NaN is no value and is not counted. Infinity is counted, in the last bucket, but not added to
    the sum: one of them would make the sum useless for good.
    """

    def __init__(
        self, name: str, documentation: str, bounds: Sequence[float], registry: CollectorRegistry
    ) -> None:
        self._name = name
        self._documentation = documentation
        self._bounds = np.asarray(bounds, np.float64)
        assert np.all(np.diff(self._bounds) > 0), "bounds must increase"
        self._labels = [str(float(bound)) for bound in bounds] + ["+Inf"]
        self._counts = np.zeros(len(self._labels), np.int64)
        self._sum = 0.0
        self._lock = threading.Lock()
        registry.register(self)

    def observe(self, values: FloatArray) -> None:
        """Count values, (N,) float64."""
        values = values[~np.isnan(values)]
        bucket = np.searchsorted(self._bounds, values, side="left")
        counts = np.bincount(bucket, minlength=len(self._labels))
        total = float(values.sum(where=np.isfinite(values)))
        with self._lock:
            self._counts += counts
            self._sum += total

    def collect(self) -> Iterable[HistogramMetricFamily]:
        """The state as one metric family: asked by the registry on every scrape."""
        with self._lock:
            cumulative = self._counts.cumsum().tolist()
            total = self._sum
        buckets = list(zip(self._labels, cumulative, strict=True))
        yield HistogramMetricFamily(self._name, self._documentation, buckets, total)

    def describe(self) -> Iterable[HistogramMetricFamily]:
        """The name alone, so that the registry refuses a second metric of that name."""
        yield HistogramMetricFamily(self._name, self._documentation)
