"""What `sentinel backtest` prints: for people as tables, for programs as one JSON object."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import msgspec
from rich.markup import escape
from rich.table import Table

from sentinel.alert.sentence import duration, moment
from sentinel.backtest.outcome import Backtest
from sentinel.cli.output import OutputConsole
from sentinel.fitted import FittedModel
from sentinel.records import NS_PER_S, Contribution
from sentinel.report.numbers import metric_lines
from sentinel.report.wording import (
    after,
    ahead,
    failing,
    highest,
    iso,
    named,
    share_text,
    withheld,
)

ROWS_MAX = 40  # of each table; JSON holds all


def print_backtest(found: Backtest) -> None:
    """Episodes, known events with what was found of them, and the metrics."""
    console = OutputConsole(highlight=False)
    shown = found.worst(ROWS_MAX)
    if found.episodes:
        console.print(_episodes(found, shown))
    else:
        console.print(f"no episode: {highest(found)}")
    _print_left_out(console, len(found.episodes), len(shown), "episodes, the highest peaks")
    if found.has_labels:
        console.print()
        console.print(_events(found))
        _print_left_out(
            console, len(found.judgement.events), ROWS_MAX, "known anomalies, the first"
        )
    console.print()
    console.print(_metrics(found))


def backtest_json(found: Backtest, model: FittedModel, failures: Sequence[str]) -> bytes:
    """Everything, with times in ISO 8601; what is not a number is null."""
    return msgspec.json.encode(
        {
            "model": {"name": model.name, "version": model.version},
            "metrics": {
                name: _finite(value) for name, value in asdict(found.judgement.metrics).items()
            },
            "episodes": [_episode_json(found, index) for index in range(len(found.episodes))],
            "suppressed": [
                {
                    "entity": found.entities[one.entity],
                    "start": iso(one.start_ns),
                    "end": iso(one.end_ns),
                    "peak_ratio": one.peak_ratio,
                    "contributions": list(_contributions_json(one.contributions)),
                }
                for one in found.suppressed
            ],
            "events": [
                {
                    "entity": found.entities[event.entity],
                    "from": iso(event.from_ns),
                    "to": iso(event.to_ns),
                    "what": found.what(event) or None,
                    "readings": event.readings,
                    "episode": event.episode,
                    "delay_readings": None if event.episode is None else event.delay,
                    "delay_s": None if event.episode is None else event.delay_ns / NS_PER_S,
                    "failed_at": None if event.failed_ns is None else iso(event.failed_ns),
                    "lead_s": None if event.lead_ns is None else event.lead_ns / NS_PER_S,
                }
                for event in found.judgement.events
            ],
            "failures": list(failures),
        }
    )


def _episodes(found: Backtest, shown: Sequence[int]) -> Table:
    several = len(found.entities) > 1
    table = Table(title="episodes", title_justify="left", box=None, pad_edge=False)
    names = ["#", *(["machine"] if several else []), "opened (UTC)", "lasted", "peak", "channels"]
    for name in [*names, *(["verdict"] if found.has_labels else [])]:
        table.add_column(name, justify="right" if name == "peak" else "left")
    for index in shown:
        episode = found.episodes[index]
        lasted = (
            "open" if episode.end_ns is None
            else duration((episode.end_ns - episode.opened_ns) / NS_PER_S)
        )  # fmt: skip
        table.add_row(
            str(index + 1),
            *([escape(found.entities[episode.entity])] if several else []),
            moment(episode.opened_ns),
            lasted,
            f"{episode.peak_ratio:.2f}x",
            escape(share_text(episode.contributions)),
            *([_verdict(found, index)] if found.has_labels else []),
        )
    return table


def _verdict(found: Backtest, index: int) -> str:
    return "[green]hit[/]" if index in found.judgement.hits else "[red]false[/]"


def _events(found: Backtest) -> Table:
    several = len(found.entities) > 1
    table = Table(title="known anomalies", title_justify="left", box=None, pad_edge=False)
    names = [*(["machine"] if several else []), "from (UTC)", "to", "found by", "after"]
    for name in [*names, *failing(found, "warning"), *named(found, "what")]:
        table.add_column(name)
    for event in found.judgement.events[:ROWS_MAX]:
        table.add_row(
            *([escape(found.entities[event.entity])] if several else []),
            moment(event.from_ns),
            moment(event.to_ns),
            f"[red]nothing{withheld(found, event)}[/]"
            if event.episode is None
            else f"[green]#{event.episode + 1}[/]",
            after(found, event),
            *failing(found, ahead(event.lead_ns)),
            *named(found, escape(found.what(event))),
        )
    return table


def _metrics(found: Backtest) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, text in metric_lines(found):
        table.add_row(name, text)
    return table


def _print_left_out(console: OutputConsole, count: int, shown: int, what: str) -> None:
    if count > shown:
        console.print(f"({shown} of {count:,} {what}; --json has all)")


def _episode_json(found: Backtest, index: int) -> dict[str, Any]:
    episode = found.episodes[index]
    return {
        "entity": found.entities[episode.entity],
        "start": iso(episode.start_ns),
        "opened": iso(episode.opened_ns),
        "resolved": None if episode.end_ns is None else iso(episode.end_ns),
        "peak_ratio": episode.peak_ratio,
        "hit": index in found.judgement.hits if found.has_labels else None,
        "contributions": list(_contributions_json(episode.contributions)),
    }


def _contributions_json(contributions: Iterable[Contribution]) -> Iterable[dict[str, Any]]:
    for one in contributions:
        yield {
            "channel": one.channel,
            "share": one.share,
            "observed": _finite(one.observed),
            "expected": _finite(one.expected),
            "deviation": _finite(one.deviation),
            "lowest": _finite(one.lowest),
            "highest": _finite(one.highest),
        }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
