"""Readings in two parts of time: one to choose by, and a newer one to report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from sentinel.backtest.labels import Labels
from sentinel.backtest.tracks import Track
from sentinel.records import Readings

NEWEST = np.iinfo(np.int64).max
SET_ASIDE_SHARE = 0.25


def cut_by_labels(labels: Labels, readings: Readings, entities: Sequence[str]) -> int | None:
    """The time that halves the known anomalies and lies in none; None: they are not to be parted.

    Stretches that hold no reading do not count.
    """
    unmet = labels.without_reading(readings.entity, readings.time_ns, entities)
    met = np.setdiff1d(np.arange(len(labels)), unmet)
    order = met[np.argsort(labels.from_ns[met], kind="stable")]
    if not len(order):
        return None
    begin, end = labels.from_ns[order], np.maximum.accumulate(labels.to_ns[order])
    gaps = np.flatnonzero(begin[1:] > end[:-1]) + 1
    if not len(gaps):
        return None
    # Of two as good, the later one: what there is to choose by matters more.
    place = int(gaps[::-1][np.argmin(np.abs(2 * gaps[::-1] - len(order)))])
    before, after = int(end[place - 1]), int(begin[place])
    return after - (after - before) // 2


def cut_by_time(readings: Readings) -> int:
    """The time that halves the readings."""
    half = len(readings) // 2
    return int(np.partition(readings.time_ns, half)[half])


def set_aside(readings: Readings) -> tuple[Readings, Readings]:
    """Each entity's older readings, and its newest quarter."""
    order = np.argsort(readings.entity, kind="stable")
    counts = np.bincount(readings.entity)
    place = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    older = np.empty(len(order), np.bool_)
    older[order] = place < (1 - SET_ASIDE_SHARE) * counts[readings.entity[order]]
    return readings.take(np.flatnonzero(older)), readings.take(np.flatnonzero(~older))


def earlier(history: Readings, readings: Readings) -> Readings:
    """What of a history came before each entity's first reading: it may fill the first windows."""
    entities = int(max(history.entity.max(initial=-1), readings.entity.max(initial=-1))) + 1
    first_ns = np.full(entities, np.iinfo(np.int64).min)
    first_ns[readings.entity] = NEWEST
    np.minimum.at(first_ns, readings.entity, readings.time_ns)
    return history.take(np.flatnonzero(history.time_ns < first_ns[history.entity]))


def between(tracks: Iterable[Track], from_ns: int, to_ns: int) -> list[Track]:
    """What lies in [from_ns, to_ns); an episode that reaches out of it is cut off."""
    parts = []
    for track in tracks:
        first, stop = np.searchsorted(track.time_ns, (from_ns, to_ns)).tolist()
        inside = (track.opened < stop) & (track.stop > first)
        if first < stop:
            parts.append(
                Track(
                    track.entity,
                    track.rows[first:stop],
                    track.time_ns[first:stop],
                    track.anomaly_score[first:stop],
                    track.labelled[first:stop],
                    track.failed_ns[first:stop],
                    track.episodes[inside],
                    np.maximum(track.opened[inside] - first, 0),
                    np.minimum(track.stop[inside], stop) - first,
                )
            )
    return parts
