"""One thing that is wrong with a configuration: which key, what, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """Printed as `key: what; hint`. `key` is the key's path, as in `source.poll_timeout_ms`."""

    key: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.key}: {self.what}"
        return f"{text}; {self.hint}" if self.hint else text


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`did you mean "topic"?`, or nothing where no known name is near. Case is no distance.

    What a single name begins with is nearer than any likeness.
    """
    folded = {one.casefold(): one for one in known}
    begun = [one for one in folded if name and one.startswith(name.casefold())]
    near = begun if len(begun) == 1 else difflib.get_close_matches(name.casefold(), folded, n=1)
    return f'did you mean "{folded[near[0]]}"?' if near else ""
