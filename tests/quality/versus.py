"""One run against a stored one: how many series got better, and how many worse."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.quality.harness import METRIC
from tests.quality.series import set_of

MOVED = 0.01


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
