"""One entity at a time: its readings in the order of time, its labels and its episodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sentinel.backtest.episodes import Episode
from sentinel.backtest.labels import NEVER
from sentinel.records import (
    BoolArray,
    FloatArray,
    IndexArray,
    Readings,
    Scores,
    Status,
    StatusArray,
    TimeArray,
)

DROPPED = (Status.DUPLICATE, Status.LATE, Status.REJECTED)


@dataclass(frozen=True, slots=True)
class Scored:
    """What became of N readings of any entities, in the order in which a detector was given them.

    The columns are those of `Readings` and `Scores`.
    """

    entity: IndexArray
    time_ns: TimeArray
    anomaly_score: FloatArray
    score_ratio: FloatArray
    status: StatusArray

    @classmethod
    def of(cls, readings: Readings, scores: Scores) -> Scored:
        """A batch."""
        return cls(
            readings.entity,
            readings.time_ns,
            scores.anomaly_score,
            scores.score_ratio,
            scores.status,
        )

    @classmethod
    def joined(cls, batches: Sequence[Scored]) -> Scored:
        """Batches, at least one, as one."""
        return cls(
            *(
                np.concatenate([getattr(batch, name) for batch in batches])
                for name in ("entity", "time_ns", "anomaly_score", "score_ratio", "status")
            )
        )

    @classmethod
    def nothing(cls) -> Scored:
        """No readings at all."""
        times, scores = np.empty(0, np.int64), np.empty(0)
        return cls(np.empty(0, np.int32), times, scores, scores, np.empty(0, np.uint8))

    def __len__(self) -> int:
        return len(self.entity)

    def judged(self) -> TimeArray:
        """The rows that have a score and were not dropped, ascending."""
        dropped = np.isin(self.status, DROPPED)
        return np.flatnonzero(np.isfinite(self.anomaly_score) & ~dropped)


@dataclass(frozen=True, slots=True)
class Track:
    """The n readings of one entity that have a score and were not dropped.

    entity         index into the source's list of entity names
    rows           (n,) of the readings in `Scored`
    time_ns        (n,) ascending
    anomaly_score  (n,) finite
    labelled       (n,) bool
    failed_ns      (n,) when the machine failed of what the reading's label shows, or NEVER
    episodes       (e,) int64, index into the list of all episodes; in the order of time
    opened, stop   (e,) places in this track: an episode's first reading, and the one after its last
    """

    entity: int
    rows: TimeArray
    time_ns: TimeArray
    anomaly_score: FloatArray
    labelled: BoolArray
    failed_ns: TimeArray
    episodes: TimeArray
    opened: TimeArray
    stop: TimeArray

    def __len__(self) -> int:
        return len(self.rows)


def tracks_of(
    scored: Scored,
    labelled: BoolArray,
    episodes: Sequence[Episode],
    failed_ns: TimeArray | None = None,
) -> Iterator[Track]:
    """A track for each entity that has a score.

    labelled   (N,) as `scored`
    failed_ns  (N,) of `Labels.failures`; None: no failure is known
    """
    failed_ns = np.full(len(scored), NEVER) if failed_ns is None else failed_ns
    judged = scored.judged()
    order = judged[np.argsort(scored.entity[judged], kind="stable")]
    entities, first = np.unique(scored.entity[order], return_index=True)
    of_entity: dict[int, list[int]] = {}
    for index, episode in enumerate(episodes):
        of_entity.setdefault(episode.entity, []).append(index)
    for entity, rows in zip(entities.tolist(), np.split(order, first)[1:], strict=True):
        mine = of_entity.get(entity, [])
        stop_rows = [episodes[index].stop_row for index in mine]
        yield Track(
            entity,
            rows,
            scored.time_ns[rows],
            scored.anomaly_score[rows],
            labelled[rows],
            failed_ns[rows],
            np.array(mine, np.int64),
            np.searchsorted(rows, [episodes[index].opened_row for index in mine]),
            np.searchsorted(rows, [len(scored) if row is None else row for row in stop_rows]),
        )
