"""Numbers and their nouns, and lists of names, for people."""

from __future__ import annotations

from collections.abc import Sequence

NAMES_SHOWN = 12


def noun(count: int, one: str, many: str = "") -> str:
    """`reading` of 1, `readings` of any other; `many` where it does not just end in s."""
    return one if count == 1 else many or f"{one}s"


def counted(count: int, one: str, many: str = "") -> str:
    """`1 reading`, `2,016 readings`, `3 entities`; arguments as of `noun`."""
    return f"{count:,} {noun(count, one, many)}"


def listed(names: Sequence[str]) -> str:
    """Names for a message, quoted and bounded: `'temp', 'vibration' and 3 more`."""
    shown = ", ".join(repr(name) for name in names[:NAMES_SHOWN])
    return f"{shown} and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else shown
