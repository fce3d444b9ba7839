"""What the command prints."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from tests.quality.detect import Outcome
from tests.quality.harness import METRIC, SENTINEL, Judged, SetTable
from tests.quality.summary import (
    ALARM_METRICS,
    PLAIN_PEER,
    Group,
    Peer,
    groups,
    line,
    median_seconds,
    value_of,
)
from tests.quality.versus import MOVED, Change

WIDTH_PIPED = 120
NAME_MAX = 24  # of a series, in a table: long ones differ at their ends
VERBS = ("fit", "score")


def console(*, stderr: bool = False) -> Console:
    """A console whose tables are not cut where the output is a file."""
    found = Console(stderr=stderr, highlight=False)
    return (
        found if found.is_terminal else Console(stderr=stderr, highlight=False, width=WIDTH_PIPED)
    )


def progress_line(done: int, total: int, outcome: Outcome) -> str:
    """What became of a series, in a line."""
    head = f"[{done:>{len(str(total))}}/{total}] {outcome.key}: "
    if outcome.error:
        return f"{head}FAILED: {outcome.error}"
    taken = ", ".join(f"{verb} {outcome.seconds[verb].wall:.1f} s" for verb in VERBS)
    bad = f", {outcome.non_finite:,} NOT FINITE" if outcome.non_finite else ""
    return f"{head}{taken}; {outcome.rows:,} rows, {outcome.alarm_rows:,} in episodes{bad}"


def complaints(outcomes: Sequence[Outcome]) -> list[str]:
    """A line for each series that failed or has scores that are not finite; empty if all is well.

    The harness counts the former as a constant score and the latter's rows as normal.
    """
    lines = [f"{outcome.key}: {outcome.error}" for outcome in outcomes if outcome.error]
    if lines:
        lines.append(f"{len(lines)} of {len(outcomes)} series failed: they count as constant")
    bad = [outcome for outcome in outcomes if outcome.non_finite]
    lines += [f"{o.key}: {o.non_finite:,} of {o.rows:,} scores are not finite" for o in bad]
    if bad:
        lines.append(f"{sum(o.non_finite for o in bad):,} scores in all are not finite")
    return lines


def print_report(
    out: Console, judged: Judged, peers: SetTable, outcomes: Sequence[Outcome]
) -> None:
    """The scores beside the peers', the alarms, NAB's own score, and the seconds."""
    shown = groups(list(judged.sets))
    out.print(_score_table(judged.sets, peers, shown))
    best = [line(judged.sets, peers, group).best for group in shown]
    if any(peer and not peer.alike for peer in best):
        out.print("* the peers were measured on another number of these sets' series")
    out.print(_alarm_table(judged.sets, shown, outcomes))
    if judged.nab:
        out.print(f"NAB's own score: {judged.nab[0]:.1f} ({judged.nab[1]} series, one threshold)")
    everything = Group("all", tuple(judged.sets))
    for verb in VERBS:
        wall_s, cpu_s = median_seconds(outcomes, everything, verb)
        longest = max(
            (o for o in outcomes if verb in o.seconds), key=lambda o: o.seconds[verb].wall
        )
        out.print(
            f"{verb}, seconds per series: median {wall_s:.1f} (CPU {cpu_s:.1f}), "
            f"at most {longest.seconds[verb].wall:.1f} ({longest.key})"
        )
    if rows := [outcome.key for outcome in outcomes if outcome.times_are_rows]:
        out.print(f"times made from row numbers, as their own repeat or go back: {', '.join(rows)}")


def print_changes(out: Console, found: Sequence[Change], alone: int) -> None:
    """How the series moved against the stored run; `alone`: series that only one run has."""
    table = Table(title=f"{METRIC} against the stored run: better and worse by more than {MOVED:g}")
    table.add_column("set")
    for name in ("better", "worse", "series", "mean change"):
        table.add_column(name, justify="right")
    for name in ("most up", "most down"):
        table.add_column(name, no_wrap=True)
    for change in found:
        table.add_row(
            change.name, str(change.better), str(change.worse), str(change.series),
            f"{change.mean:+.3f}", _moved(change.best), _moved(change.worst),
        )  # fmt: skip
    out.print(table)
    if alone:
        out.print(f"{alone} series with events are in only one of the two runs: left out")


def print_losses(out: Console, share: float, clean: SetTable, spoilt: dict[str, SetTable]) -> None:
    """What a share of contamination costs, by set.  spoilt by what became of it"""
    table = Table(title=f"{METRIC} with {share:.0%} of every training history contaminated")
    table.add_column("set")
    for name in ("series", "clean", *(part for how in spoilt for part in (how, "loss"))):
        table.add_column(name, justify="right")
    for group in groups(list(clean)):
        before = value_of(clean, SENTINEL, group, METRIC)
        row = [str(line(clean, {}, group).series), _number(before)]
        for sets in spoilt.values():
            after = value_of(sets, SENTINEL, group, METRIC)
            row += [_number(after), _number(before - after)]
        table.add_row(group.name, *row)
    out.print(table)


def _score_table(ours: SetTable, peers: SetTable, shown: Sequence[Group]) -> Table:
    table = Table(title=f"{METRIC}, by set")
    table.add_column("set")
    for name in ("series", SENTINEL, "best peer"):
        table.add_column(name, justify="right")
    table.add_column("which")
    table.add_column(PLAIN_PEER, justify="right")
    for group in shown:
        row = line(ours, peers, group)
        table.add_row(
            group.name, str(row.series), _number(row.value), _peer(row.best),
            row.best.method if row.best else "", _peer(row.plain),
        )  # fmt: skip
    return table


def _alarm_table(ours: SetTable, shown: Sequence[Group], outcomes: Sequence[Outcome]) -> Table:
    table = Table(title="own alarms, and median CPU seconds per series")
    table.add_column("set")
    for name in (*ALARM_METRICS, *(f"{verb}, s" for verb in VERBS)):
        table.add_column(name, justify="right")
    for group in shown:
        alarms = [
            _number(value_of(ours, SENTINEL, group, metric), digits)
            for metric, digits in ALARM_METRICS.values()
        ]
        taken = [_number(median_seconds(outcomes, group, verb)[1], 1) for verb in VERBS]
        table.add_row(group.name, *alarms, *taken)
    return table


def _number(value: float, digits: int = 3) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def _peer(peer: Peer | None) -> str:
    return "-" if peer is None else f"{_number(peer.value)}{'' if peer.alike else '*'}"


def _moved(end: tuple[float, str]) -> str:
    by, key = end
    name = key.split("/")[-1]
    return f"{by:+.3f} {name if len(name) <= NAME_MAX else '..' + name[2 - NAME_MAX :]}"
