"""Numbers and their nouns, for people."""

from __future__ import annotations


def noun(count: int, one: str, many: str = "") -> str:
    """`reading` of 1, `readings` of any other; `many` where it does not just end in s."""
    return one if count == 1 else many or f"{one}s"


def counted(count: int, one: str, many: str = "") -> str:
    """`1 reading`, `2,016 readings`, `3 entities`; arguments as of `noun`."""
    return f"{count:,} {noun(count, one, many)}"
