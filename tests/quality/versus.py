"""One run against a stored one: how many series got better, and how many worse."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tests.quality.harness import METRIC
from tests.quality.series import set_of

MOVED = 0.01
# Series that are named, of those whose alarms differ.
NAMED_MAX = 5


@dataclass(frozen=True, slots=True)
class Change:
    """How the series of a set moved; `best` and `worst` are the ends: difference and series."""

    name: str
    better: int
    worse: int
    series: int
    mean: float
    best: tuple[float, str]
    worst: tuple[float, str]


def stored_metric(path: Path) -> dict[str, float]:
    """The metric by `<set>/<series>` of a `per_series.csv`; series without events have none.

    Raises ValueError where the file is not one, or holds a series twice (several methods).
    """
    found: dict[str, float] = {}
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file)
        if missing := {"dataset", "series", METRIC}.difference(rows.fieldnames or ()):
            raise ValueError(f"{path}: no column {', '.join(sorted(missing))}")
        for row in rows:
            key = f"{row['dataset']}/{row['series']}"
            if key in found:
                raise ValueError(f"{path}: {key} is there twice")
            if row[METRIC]:
                found[key] = float(row[METRIC])
    return found


def changes(before: Mapping[str, float], now: Mapping[str, float]) -> list[Change]:
    """A row per set, and one for all, of the series that both runs have; empty without any."""
    both = sorted(before.keys() & now.keys())
    groups: dict[str, list[str]] = {}
    for key in both:
        groups.setdefault(set_of(key), []).append(key)
    if len(groups) > 1:
        groups["all series"] = both
    return [
        _change(name, [(now[key] - before[key], key) for key in keys])
        for name, keys in groups.items()
    ]


def _change(name: str, moves: list[tuple[float, str]]) -> Change:
    return Change(
        name=name,
        better=sum(by > MOVED for by, _ in moves),
        worse=sum(by < -MOVED for by, _ in moves),
        series=len(moves),
        mean=sum(by for by, _ in moves) / len(moves),
        best=max(moves),
        worst=min(moves),
    )


def decisions(before: Path, now: Path, keys: Sequence[str]) -> str:
    """In a sentence: in how many series the alarms of two runs are the same in every row.

    before, now  folders of <set>/<series>.alarm.npy; series that only one has are left out
    """
    both = [key for key in keys if all(_alarms(folder, key).exists() for folder in (before, now))]
    if not both:
        return f"no alarms to compare with in {before}"
    differing = {
        key: _differing(*(np.load(_alarms(f, key)) for f in (before, now))) for key in both
    }
    moved = {key: rows for key, rows in differing.items() if rows}
    if not moved:
        return f"the alarms of all {len(both)} series are those of the stored run"
    first = ", ".join(f"{key} in {rows}" for key, rows in list(moved.items())[:NAMED_MAX])
    return f"alarms differ in {len(moved)} of {len(both)} series (rows): {first}"


def _alarms(folder: Path, key: str) -> Path:
    return folder / f"{key}.alarm.npy"


def _differing(before: npt.NDArray[np.int8], now: npt.NDArray[np.int8]) -> int:
    """Rows; all where there are not equally many."""
    return int(np.sum(before != now)) if len(before) == len(now) else max(len(before), len(now))
