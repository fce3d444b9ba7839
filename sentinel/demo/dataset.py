"""The series that ships with the package, and what is known of its failures."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import numpy as np

from sentinel.backtest.labels import Labels
from sentinel.records import TimeArray

CHANNEL = "temperature"
ENTITY = "machine-1"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class KnownFailure:
    """One labelled anomaly of NAB: its time, and the window in which it may be noticed."""

    what: str
    at: datetime
    window_start: datetime
    window_end: datetime


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# Source: NAB, labels/combined_labels.json and combined_windows.json; what they were: NAB's
# data/README.md ("the first anomaly is a planned shutdown of the machine; the second is difficult
# to detect and directly led to the third, a catastrophic failure").
KNOWN_FAILURES = (
    KnownFailure("anomaly", _utc("2013-12-11 06:00"),
                 _utc("2013-12-10 06:25"), _utc("2013-12-12 05:35")),
    KnownFailure("planned shutdown", _utc("2013-12-16 17:25"),
                 _utc("2013-12-15 17:50"), _utc("2013-12-17 17:00")),
    KnownFailure("subtle precursor", _utc("2014-01-28 13:55"),
                 _utc("2014-01-27 14:20"), _utc("2014-01-29 13:30")),
    KnownFailure("catastrophic failure", _utc("2014-02-08 14:30"),
                 _utc("2014-02-07 14:55"), _utc("2014-02-09 14:05")),
)  # fmt: skip


# December trains, without what is known to be wrong in it; what comes then is to be caught.
HISTORY_END = _utc("2014-01-01")
FAULTS_OF_HISTORY = tuple(one for one in KNOWN_FAILURES if one.window_end < HISTORY_END)
TO_BE_CAUGHT = tuple(one for one in KNOWN_FAILURES if one.window_start >= HISTORY_END)


def time_of(line: str) -> datetime:
    """The time of one of the series' lines."""
    return datetime.fromisoformat(line.split(",")[0])


def csv_lines() -> list[str]:
    """The series: a header, then `timestamp,temperature`, oldest first."""
    path = Path(str(files("sentinel.demo") / "data" / "machine_temperature.csv"))
    return path.read_text(encoding="utf-8").splitlines()


def history_and_future(rows: list[str]) -> tuple[list[str], list[str]]:
    """The series' lines but for the header: until HISTORY_END, and from there on."""
    split = bisect_left(rows, HISTORY_END, key=time_of)
    return rows[:split], rows[split:]


def faults_of_history() -> Labels:
    """What a model of the history is to do without."""
    return Labels(*windows_ns(FAULTS_OF_HISTORY))


def windows_ns(failures: Sequence[KnownFailure]) -> tuple[TimeArray, TimeArray]:
    """Where their windows begin, and where they end."""
    return (
        times_ns([one.window_start for one in failures]),
        times_ns([one.window_end for one in failures]),
    )


def times_ns(times: Sequence[datetime]) -> TimeArray:
    """Nanoseconds since the epoch."""
    return np.array([(time - EPOCH) // MICROSECOND * 1_000 for time in times], np.int64)
