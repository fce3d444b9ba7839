"""Excerpts: lowest and highest of each bucket, however the input is cut into batches."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sentinel.records import Readings
from sentinel.report.excerpt import Stretch, gather


def readings(values: np.ndarray) -> Readings:
    count = len(values)
    zeros, numbers = np.zeros(count, np.int32), np.arange(count, dtype=np.int64)
    return Readings(zeros, numbers, zeros, numbers, values)


@given(st.data())
def test_an_excerpt_does_not_depend_on_the_cuts_between_batches(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 40))
    values = np.random.default_rng(data.draw(st.integers(0, 99))).normal(size=(count, 3))
    values[values > 1] = np.nan
    rows = np.array(sorted(data.draw(st.sets(st.integers(0, count - 1), min_size=1))))
    cuts = sorted(data.draw(st.lists(st.integers(0, count), max_size=5)))
    buckets = data.draw(st.integers(1, 50))
    expected = np.where(np.isnan(values), 0.0, values) + 1
    batches = [
        (readings(part), told)
        for part, told in zip(np.split(values, cuts), np.split(expected, cuts), strict=True)
    ]
    ratio = np.arange(len(rows), dtype=np.float64)
    [found] = gather([Stretch(rows, rows * 10, ratio, [2, 0])], batches, buckets)
    bucket = np.arange(len(rows)) * min(buckets, len(rows)) // len(rows)
    for number in range(bucket[-1] + 1):
        here = values[rows[bucket == number]][:, [2, 0]]
        for column in range(2):
            seen = here[:, column][np.isfinite(here[:, column])]
            low, high = found.low[number, column], found.high[number, column]
            assert (low, high) == (seen.min(), seen.max()) if len(seen) else np.isnan(low)
            told = expected[rows[bucket == number], [2, 0][column]]
            assert found.expected[:, number, column].tolist() == [told.min(), told.max()]
        assert found.ratio[number] == ratio[bucket == number].max()
        assert found.time_ns[number] == 10 * rows[bucket == number][0]
