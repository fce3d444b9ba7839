"""What flows through the river: readings and scores as columns, episodes and events as values.

Axes: N readings of a poll batch, F channels. Times are integers, nanoseconds since the unix epoch,
so that no unit is lost; every other unit is converted where data enters or leaves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
Float32Array: TypeAlias = NDArray[np.float32]
IndexArray: TypeAlias = NDArray[np.int32]
TimeArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]
StatusArray: TypeAlias = NDArray[np.uint8]

NS_PER_S = 1_000_000_000
NS_PER_DAY = 86_400 * NS_PER_S


@dataclass(frozen=True, slots=True)
class Readings:
    """Readings in arrival order, as columns.

    entity     (N,) int32, index into the source's list of entity names
    time_ns    (N,) int64
    partition  (N,) int32, where it came from: the Kafka partition, or the number of the file
    offset     (N,) int64, the record's offset in the partition, or the row of the file
    values     (N, F) float64 in raw units, one column per model channel; NaN = missing (masked)
    """

    entity: IndexArray
    time_ns: TimeArray
    partition: IndexArray
    offset: TimeArray
    values: FloatArray

    def __len__(self) -> int:
        return len(self.entity)

    @classmethod
    def empty(cls, channels: int) -> Readings:
        """No readings at all, of the given number of channels."""
        return cls(
            np.empty(0, np.int32),
            np.empty(0, np.int64),
            np.empty(0, np.int32),
            np.empty(0, np.int64),
            np.empty((0, channels), np.float64),
        )

    def slice(self, start: int, stop: int) -> Readings:
        """The readings [start, stop): views, nothing is copied."""
        return Readings(
            self.entity[start:stop],
            self.time_ns[start:stop],
            self.partition[start:stop],
            self.offset[start:stop],
            self.values[start:stop],
        )

    def take(self, rows: TimeArray) -> Readings:
        """The readings at these rows, in this order: copies."""
        return Readings(
            self.entity[rows],
            self.time_ns[rows],
            self.partition[rows],
            self.offset[rows],
            self.values[rows],
        )


class Status(IntEnum):
    """Why a reading has the score it has."""

    OK = 0  # the newest reading of a scored window
    WARMING = 1  # its window is not full yet
    BETWEEN = 2  # between two strides: the last score holds
    DUPLICATE = 3  # the same time as the entity's newest reading: dropped
    LATE = 4  # older than the entity's newest reading: dropped
    REJECTED = 5  # no channel has a finite value: dropped


@dataclass(frozen=True, slots=True)
class Scores:
    """One row per reading, in the order of the readings.

    anomaly_score  (N,) float64, larger = more anomalous; NaN before the entity's first score
    score_ratio    (N,) float64, anomaly_score / threshold; 1 = at the threshold
    is_anomaly     (N,) bool, inside an open episode
    status         (N,) uint8, a `Status`
    filled         (N,) int32, readings in the window so far (at most window_length)
    """

    anomaly_score: FloatArray
    score_ratio: FloatArray
    is_anomaly: BoolArray
    status: StatusArray
    filled: IndexArray


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one channel has to do with an episode: its share of the score, and what was expected.

    observed   raw units, as all of them; NaN where the channel was missing
    deviation  how far off what is expected usually is (root mean square on normal readings)
    lowest, highest  between which values the channel lay in the history; NaN: it was not there
    """

    channel: str
    share: float
    observed: float
    expected: float
    deviation: float = math.nan
    lowest: float = math.nan
    highest: float = math.nan


EpisodeState: TypeAlias = Literal["opened", "updated", "resolved"]
Severity: TypeAlias = Literal["info", "warning", "critical"]


@dataclass(frozen=True, slots=True)
class EpisodeEvent:
    """One transition of an episode, the thing that leaves the detector as an event.

    entity          index into the source's list of entity names
    row             the row of the poll batch whose reading caused the transition
    start_ns        time of the first reading of the episode: with the entity, its identity
    time_ns         time of the reading that caused the transition
    update          0 for opened, 1, 2, ... for the updates; resolved carries the number of updates
    peak_ratio      highest score ratio since start_ns
    readings        scored readings in the episode so far
    missing_values  values masked in the scored readings since the episode began
    late_readings   readings of the entity dropped as late since the episode began
    contributions   by channel, largest share first, of the episode's worst window so far
    severity        how grave the episode is so far, see `alert.severity`
    """

    entity: int
    row: int
    state: EpisodeState
    start_ns: int
    time_ns: int
    update: int
    anomaly_score: float
    score_ratio: float
    peak_ratio: float
    threshold: float
    readings: int
    missing_values: int
    late_readings: int
    contributions: tuple[Contribution, ...]
    reason: str = ""
    severity: Severity = "warning"


@dataclass(frozen=True, slots=True)
class Suppressed:
    """An episode that was never told: the model's limit, an alert budget or a cooldown withheld it.

    start_ns       time of its first reading
    end_ns         time of the reading that ended it; of one that stands, of the newest reading
    peak_ratio     its highest score ratio
    contributions  by channel, largest share first, of its worst window
    """

    entity: int
    start_ns: int
    end_ns: int
    peak_ratio: float
    contributions: tuple[Contribution, ...]
