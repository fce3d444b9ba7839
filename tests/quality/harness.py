"""The harness that compares scores with labels: a program of its own, called as one."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SENTINEL = "sentinel"
METRIC = "VUS-PR"  # the main one
MEAN_OF_SETS = "MEAN of sets"
NAB_LINE = re.compile(r"\[sentinel\] NAB standard score on (\d+) series.*: (-?[\d.]+)")

Metrics = dict[str, float]
SetTable = dict[str, dict[str, Metrics]]  # by set, then by method


class HarnessError(Exception):
    """The harness failed; the message is its own."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What the harness says.

    sets        metrics of sentinel by set, as of `table.json`
    per_series  a row per series, as of `per_series.csv`
    nab         its line on NAB's own score: score and number of series; None without such series
    messages    what else it printed on standard error
    """

    sets: SetTable
    per_series: list[dict[str, str]]
    nab: tuple[float, int] | None
    messages: list[str]


def judge(evaluate: Path, series: Path, keys: Sequence[str], out: Path, processes: int) -> Judged:
    """Have `<out>/scores` compared with the labels of `keys`; its files stay in `<out>/harness`.

    Raises HarnessError.
    """
    report = out / "harness"
    report.mkdir(parents=True, exist_ok=True)
    only = report / "only.txt"
    only.write_text("".join(f"{key}\n" for key in keys), encoding="utf-8")
    done = subprocess.run(
        [
            sys.executable, str(evaluate), "--series", str(series), "--only", str(only),
            "--scores", f"{SENTINEL}={out / 'scores'}", "--out", str(report),
            "--jobs", str(processes),
        ],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise HarnessError(done.stderr.strip() or f"{evaluate} left with {done.returncode}")
    (report / "table.txt").write_text(done.stdout, encoding="utf-8")
    nab, messages = split_messages(done.stderr)
    with (report / "per_series.csv").open(newline="", encoding="utf-8") as file:
        per_series = list(csv.DictReader(file))
    return Judged(read_table_json(report / "table.json"), per_series, nab, messages)


def split_messages(stderr: str) -> tuple[tuple[float, int] | None, list[str]]:
    """NAB's own score and its number of series, which go to standard error, and the other lines."""
    nab, others = None, []
    for line in stderr.splitlines():
        if match := NAB_LINE.match(line):
            nab = (float(match[2]), int(match[1]))
        elif line.strip():
            others.append(line)
    return nab, others


def read_table_json(path: Path) -> SetTable:
    """The harness's table."""
    return _by_set(json.loads(path.read_text(encoding="utf-8")))


def read_peers(path: Path) -> SetTable:
    """The peers' table, which the harness wrote as CSV; empty where there is none."""
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return _by_set(csv.DictReader(file))


def _by_set(rows: Iterable[dict[str, Any]]) -> SetTable:
    """Without the harness's own mean: it takes all sets together, ours does not."""
    table: SetTable = {}
    for row in rows:
        if row["dataset"] != MEAN_OF_SETS:
            metrics = {
                name: float(value)
                for name, value in row.items()
                if name not in ("dataset", "method") and value != ""
            }
            table.setdefault(row["dataset"], {})[row["method"]] = metrics
    return table
