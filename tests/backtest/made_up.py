"""Scored readings and episodes for tests, made of what they say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sentinel.backtest.episodes import Episode
from sentinel.backtest.intervals import runs
from sentinel.backtest.tracks import Scored
from sentinel.records import NS_PER_S, BoolArray, FloatArray

T0_NS = 1_700_000_000 * NS_PER_S
INTERVAL_NS = 60 * NS_PER_S


def scored(anomaly_score: FloatArray, entity: Sequence[int] | None = None) -> Scored:
    """A reading per minute, all entities at once; threshold 1."""
    of = np.zeros(len(anomaly_score), np.int32) if entity is None else np.array(entity, np.int32)
    time_ns = np.zeros(len(of), np.int64)
    for one in np.unique(of):
        time_ns[of == one] = T0_NS + INTERVAL_NS * np.arange((of == one).sum())
    score = np.asarray(anomaly_score, np.float64)
    return Scored(of, time_ns, score, score, np.zeros(len(of), np.uint8))


def episode(opened_row: int, stop_row: int | None, entity: int = 0) -> Episode:
    """An episode; its times are not looked at."""
    end_ns = None if stop_row is None else 0
    return Episode(entity, opened_row, stop_row, opened_row, 0, 0, end_ns, 1.0, 1.0, ())


def episodes_where(is_open: BoolArray) -> list[Episode]:
    """Those of one entity that are open just there; one that is open at the end stays open."""
    stops = [None if stop == len(is_open) else int(stop) for stop in runs(is_open)[1]]
    return [episode(int(first), stop) for first, stop in zip(runs(is_open)[0], stops, strict=True)]
