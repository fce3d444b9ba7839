"""Episodes and events in words, the same on the terminal and on the page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sentinel.records import NS_PER_S, Contribution

CHANNELS_NAMED = 3
SHARE_NAMED = 0.1  # of the score: a channel with less is not worth a name
UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def moment(time_ns: int, *, date: bool = True) -> str:
    """A time in UTC, to the second, or the minute where it is a whole one."""
    time = datetime.fromtimestamp(time_ns // NS_PER_S, UTC)
    clock = f"{time:%H:%M:%S}" if time.second else f"{time:%H:%M}"
    return f"{time:%Y-%m-%d} {clock}" if date else clock


def iso(time_ns: int) -> str:
    """A time as ISO 8601, for programs."""
    time = datetime.fromtimestamp(time_ns // NS_PER_S, UTC)
    rest = time_ns % NS_PER_S
    return f"{time:%Y-%m-%dT%H:%M:%S}" + (f".{rest:09}".rstrip("0") if rest else "") + "Z"


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


def value(number: float) -> str:
    """A reading's value, to four digits."""
    return f"{number:.4g}"


def share_text(contributions: Sequence[Contribution]) -> str:
    """The channels that matter, with their shares: `vib_x 62%, temp 21%`."""
    return ", ".join(f"{one.channel} {one.share:.0%}" for one in leading(contributions))


def leading(contributions: Sequence[Contribution]) -> Sequence[Contribution]:
    """The few channels with a share worth naming, at least one."""
    named = [one for one in contributions[:CHANNELS_NAMED] if one.share >= SHARE_NAMED]
    return named or contributions[:1]


def sentence(contributions: Sequence[Contribution], since_ns: int) -> str:
    """What the worst window showed: `vib_x 4.1, expected 1.2; temp is missing; since 12:04`."""
    parts = [
        f"{one.channel} {value(one.observed)}, expected {value(one.expected)}"
        if one.observed == one.observed
        else f"{one.channel} is missing, expected {value(one.expected)}"
        for one in leading(contributions)
    ]
    return f"{'; '.join(parts)}; since {moment(since_ns)}"


def after(delay: int, delay_ns: int) -> str:
    """How long a known anomaly went on before an episode was open."""
    if delay == 0:
        return "at once, or open before"
    return f"{duration(delay_ns / NS_PER_S)} ({delay} readings)"
