"""The series that ships with the package, and what is known of its failures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

CHANNEL = "temperature"
ENTITY = "machine-1"
# A week of normal operation: everything before the first known failure but for its last day.
HISTORY_ROWS = 2016


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


def time_of(line: str) -> datetime:
    """The time of one of the series' lines."""
    return datetime.fromisoformat(line.split(",")[0])


def csv_lines() -> list[str]:
    """The series: a header, then `timestamp,temperature`, oldest first."""
    path = Path(str(files("sentinel.demo") / "data" / "machine_temperature.csv"))
    return path.read_text(encoding="utf-8").splitlines()
