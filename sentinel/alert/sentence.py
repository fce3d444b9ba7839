"""An episode in one line, for people: `vib_x 4.1, expected 1.2 +- 0.3, since 12:04 UTC`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from sentinel.records import NS_PER_DAY, NS_PER_S, Contribution, EpisodeEvent

CHANNELS_NAMED = 3
SHARE_NAMED = 0.1  # of the score: a channel with less is not worth a name,
OF_LARGEST_NAMED = 0.5  # nor one that is overshadowed by the first
DECIMALS_MAX = 6
VALUE_MAX = 1e9  # from where on four digits tell more than decimals do
UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def summary(event: EpisodeEvent) -> str:
    """What an event tells: its channels at the worst reading so far, and since when or how long."""
    told = sentence(event.contributions)
    start, now = event.start_ns, event.time_ns
    if event.state == "resolved":
        over = "ended by a gap in the readings" if event.reason == "gap" else "over"
        if not event.reason and event.score_ratio >= 1:
            over = f"faded to {event.score_ratio:.2f}x the threshold"
        return f"{over} after {duration((now - start) / NS_PER_S)}; at worst {told}"
    same_day = start // NS_PER_DAY == now // NS_PER_DAY
    since = f"{told}, since {moment(start, date=not same_day)} UTC"
    if event.state == "opened":
        return since
    return f"at worst {since}; {event.score_ratio:.2f}x the threshold now"


def sentence(contributions: Sequence[Contribution]) -> str:
    """The few channels that matter: what was observed, what was expected, its usual deviation.

    And where the history held no such value, between which it lay.
    """
    return "; ".join(_told(one) for one in leading(contributions))


def leading(contributions: Sequence[Contribution]) -> Sequence[Contribution]:
    """The few channels with a share worth naming, at least one."""
    least = max(
        SHARE_NAMED, OF_LARGEST_NAMED * max((one.share for one in contributions), default=0)
    )
    named = [one for one in contributions[:CHANNELS_NAMED] if one.share >= least]
    return named or contributions[:1]


def numbers(one: Contribution) -> tuple[str, str, str]:
    """Observed, expected and deviation, to the deviation's second digit; `-` where not known."""
    return (
        _number(one.observed, one.deviation),
        _number(one.expected, one.deviation),
        _number(one.deviation, one.deviation),
    )


def between(one: Contribution) -> str:
    """The range of the channel in the history; `-` where it had no value."""
    low, high = (_number(value, one.deviation) for value in (one.lowest, one.highest))
    if math.isnan(one.lowest):
        return low
    return f"always {low}" if one.lowest == one.highest else f"{low} to {high}"


def unseen(one: Contribution) -> bool:
    """Whether what was observed lies outside all of the history, in the digits that are told."""
    observed, low, high = (
        float(_number(value, one.deviation)) if math.isfinite(value) else math.nan
        for value in (one.observed, one.lowest, one.highest)
    )
    return observed < low or observed > high


def moment(time_ns: int, *, date: bool = True) -> str:
    """A time in UTC, to the second, or the minute where it is a whole one."""
    time = datetime.fromtimestamp(time_ns // NS_PER_S, UTC)
    clock = f"{time:%H:%M:%S}" if time.second else f"{time:%H:%M}"
    return f"{time:%Y-%m-%d} {clock}" if date else clock


def duration(seconds: float) -> str:
    """In the two largest units that it has: 1 d 4 h, 12 min, 0.25 s."""
    if seconds < 1:
        return f"{seconds:.3g} s"
    rest = round(seconds)
    parts: list[str] = []
    for unit, length in UNITS:
        count, rest = divmod(rest, length)
        if count or parts:
            parts.append(f"{count} {unit}" if count else "")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if part)


def _told(one: Contribution) -> str:
    observed, expected, deviation = numbers(one)
    around = f"{expected} +- {deviation}" if math.isfinite(one.deviation) else expected
    if math.isnan(one.observed):
        return f"{one.channel} is missing, expected {around}"
    history = f"history: {between(one)}" if unseen(one) else ""
    if abs(one.observed - one.expected) <= one.deviation:
        # A sensor that froze, or shakes: its newest value alone does not show it.
        told = ", ".join(filter(None, (observed, history, f"expected {around}")))
        return f"{one.channel} behaves unusually ({told})"
    beyond = f" ({history})" if history else ""
    return f"{one.channel} {observed}{beyond}, expected {around}"


def _number(value: float, deviation: float) -> str:
    if math.isnan(value):
        return "-"
    if not (0 < deviation < math.inf and abs(value) < VALUE_MAX):
        return f"{value:.4g}"
    decimals = max(1 - math.floor(math.log10(deviation)), 0)
    if decimals > DECIMALS_MAX:
        return f"{value:.4g}"
    # Adding 0 makes a rounded -0.0 a 0.0.
    return f"{round(value, decimals) + 0.0:.{decimals}f}"
