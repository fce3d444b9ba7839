"""What `sentinel fit` found in its own history, for the manifest and for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from sentinel.cli.output import OutputConsole
from sentinel.fitting.review import Review, Suspicious
from sentinel.plural import counted, noun
from sentinel.report.wording import iso

SHOWN_MAX = 10
CHANNELS_MAX = 3
EXCLUDED_SHARE_MAX = 0.1


def suspicious_summary(
    review: Review,
    left_out: Sequence[Suspicious],
    channels: Sequence[str],
    entities: Sequence[str],
) -> dict[str, Any]:
    """Of bounded size: how many, and the worst of them.

    left_out  those that the model was fitted again without
    """
    gone = set(left_out)
    return {
        "looked_at": review.looked_at,
        "readings_usable": len(review.segments.rows),
        "stretches": len(review.suspicious),
        "readings": sum(found.readings for found in review.suspicious),
        "stretches_left_out": len(gone),
        "readings_left_out": sum(found.readings for found in gone),
        "worst": [
            {
                "entity": entities[found.entity],
                "from": iso(found.from_ns),
                "to": iso(found.to_ns),
                "readings": found.readings,
                "peak_ratio": round(found.peak_ratio, 3),
                "channels": {
                    channels[f]: round(share, 3) for f, share in found.shares[:CHANNELS_MAX]
                },
                "left_out": found in gone,
            }
            for found in review.suspicious[:SHOWN_MAX]
        ],
    }


def print_suspicious(found: dict[str, Any], entities: int, *, asked: bool) -> None:
    """The worst stretches, and what to do about them.

    asked  to leave them out
    """
    console = OutputConsole(highlight=False)
    total, readings = found["stretches"], found["readings"]
    usable, looked_at = found["readings_usable"], found["looked_at"]
    part = "" if looked_at > usable // 2 else f" (of {looked_at:,} that were looked at)"
    if not total:
        console.print(f"no stretch of the history looks anomalous{part}", soft_wrap=True)
        return
    worst = f", the worst {SHOWN_MAX}" if total > SHOWN_MAX else ""
    console.print(
        f"{counted(total, 'stretch', 'stretches')} of the history, "
        f"{counted(readings, 'reading')}{part}, {noun(total, 'looks', 'look')} anomalous{worst}:",
        soft_wrap=True,
    )  # fmt: skip
    console.print(_table(found["worst"], several=entities > 1))
    left_out, rest = found["stretches_left_out"], total - found["stretches_left_out"]
    if left_out:
        console.print(
            f"left out: {left_out:,}, {counted(found['readings_left_out'], 'reading')} "
            f"({found['readings_left_out'] / usable:.1%})"
        )
    if asked and rest:
        what = f"{rest:,} more would make it" if left_out else "none was left out: it would be"
        console.print(
            f"warning: {what} more than {EXCLUDED_SHARE_MAX:.0%} of the history; name those that "
            "are faults in a file for --exclude-times", style="yellow", soft_wrap=True,
        )  # fmt: skip
    elif rest:
        console.print(
            "faults among them teach the model to miss their like: leave them out by name "
            "(--exclude-times FILE), or all of them (--exclude-suspicious) where most are faults",
            soft_wrap=True,
        )  # fmt: skip


def _table(worst: Sequence[dict[str, Any]], *, several: bool) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in [*(["machine"] if several else []), "from (UTC)", "to"]:
        table.add_column(name)
    table.add_column("readings", justify="right")
    table.add_column("peak", justify="right")
    table.add_column("channels")
    for one in worst:
        shares = ", ".join(f"{name} {share:.0%}" for name, share in one["channels"].items())
        table.add_row(
            *([escape(one["entity"])] if several else []),
            _told(one["from"]), _told(one["to"]), f"{one['readings']:,}",
            f"{one['peak_ratio']:.2f}", escape(shares),
        )  # fmt: skip
    return table


def _told(time: str) -> str:
    """For people: whole minutes need no seconds."""
    return time.replace("T", " ").removesuffix("Z").removesuffix(":00")
