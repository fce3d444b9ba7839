"""ArrayHistogram counts what prometheus_client's histogram counts, an array at a time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram

from sentinel.metrics.catalogue import RATIO_BOUNDS
from sentinel.metrics.histogram import ArrayHistogram

finite = st.floats(0, 200) | st.sampled_from(RATIO_BOUNDS)


def samples(registry: CollectorRegistry) -> dict[tuple[str, str], float]:
    return {
        (sample.name, sample.labels.get("le", "")): sample.value
        for family in registry.collect()
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


@given(batches=st.lists(st.lists(finite, max_size=50), max_size=4))
def test_counts_like_the_client_library(batches: list[list[float]]) -> None:
    mine, theirs = CollectorRegistry(), CollectorRegistry()
    array = ArrayHistogram("ratio", "r", RATIO_BOUNDS, mine)
    single = Histogram("ratio", "r", buckets=RATIO_BOUNDS, registry=theirs)
    for batch in batches:
        array.observe(np.array(batch, np.float64))
        for value in batch:
            single.observe(value)
    assert samples(mine) == pytest.approx(samples(theirs))


def test_nan_is_not_counted_and_infinity_does_not_spoil_the_sum() -> None:
    registry = CollectorRegistry()
    ArrayHistogram("ratio", "r", (1.0,), registry).observe(np.array([0.5, math.nan, math.inf]))
    assert samples(registry) == {
        ("ratio_bucket", "1.0"): 1,
        ("ratio_bucket", "+Inf"): 2,
        ("ratio_count", ""): 2,
        ("ratio_sum", ""): 0.5,
    }


def test_name_is_taken_once() -> None:
    registry = CollectorRegistry()
    ArrayHistogram("ratio", "r", (1.0,), registry)
    with pytest.raises(ValueError, match="Duplicated"):
        ArrayHistogram("ratio", "r", (1.0,), registry)
