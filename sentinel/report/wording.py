"""Episodes and events in words, the same on the terminal and on the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from sentinel.alert.sentence import duration, leading, moment, sentence
from sentinel.backtest.metrics import Event
from sentinel.backtest.outcome import Backtest
from sentinel.records import NS_PER_S, Contribution


def iso(time_ns: int) -> str:
    """A time as ISO 8601, for programs."""
    time = datetime.fromtimestamp(time_ns // NS_PER_S, UTC)
    rest = time_ns % NS_PER_S
    return f"{time:%Y-%m-%dT%H:%M:%S}" + (f".{rest:09}".rstrip("0") if rest else "") + "Z"


def share_text(contributions: Sequence[Contribution]) -> str:
    """The channels that matter, with their shares: `vib_x 62%, temp 21%`."""
    return ", ".join(f"{one.channel} {one.share:.0%}" for one in leading(contributions))


def since(contributions: Sequence[Contribution], start_ns: int) -> str:
    """What the worst reading showed: `vib_x 4.1, expected 1.2 +- 0.3, since 2026-01-01 12:04`."""
    return f"{sentence(contributions)}, since {moment(start_ns)} UTC"


def after(found: Backtest, event: Event) -> str:
    """How long a known anomaly went on before an episode was open; "" where none was."""
    if event.episode is None:
        return ""
    if event.delay:
        return duration(event.delay_ns / NS_PER_S)
    opened_ns = found.episodes[event.episode].opened_ns
    # Perhaps it had seen it coming, perhaps it was open for another reason.
    return "at once" if opened_ns == event.from_ns else f"open since {moment(opened_ns)}"


def named(found: Backtest, *texts: str) -> tuple[str, ...]:
    """Cells that there are only where the labels say what the anomalies were."""
    return texts if found.labels and any(found.labels.what or ()) else ()


def failing(found: Backtest, *texts: str) -> tuple[str, ...]:
    """Cells that there are only where a machine failed of what was known."""
    failed = any(event.failed_ns is not None for event in found.judgement.events)
    return texts if failed else ()


def highest(found: Backtest) -> str:
    """The highest score of all, where nothing opened."""
    if math.isnan(found.highest_ratio):
        return "no reading has a score of its own, a gap came before them"
    return f"the highest score is {found.highest_ratio:.2f}x the threshold"


def withheld(found: Backtest, event: Event) -> str:
    """Of a known anomaly that no episode told of: that one was withheld; "" where none was."""
    one = found.withheld(event.entity, event.from_ns, event.to_ns)
    return f" (withheld, {one.peak_ratio:.2f}x)" if one else ""


def ahead(lead_ns: int | None) -> str:
    """How long before a failure an episode was open; "" where that is not known."""
    if lead_ns is None:
        return ""
    return duration(abs(lead_ns) / NS_PER_S) + (" ahead" if lead_ns >= 0 else " late")
