"""Labels: stretches of time in which something is known to have been wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sentinel.backtest.intervals import meeting
from sentinel.records import BoolArray, IndexArray, TimeArray

NEVER = np.iinfo(np.int64).max  # the time of a failure that did not come


@dataclass(frozen=True, slots=True)
class Labels:
    """K stretches, in the order of the file that named them; they may overlap.

    from_ns, to_ns  (K,) int64, both ends belong to the stretch
    entities        (K,) names, "" for every entity; None: each stretch holds for all
    where           the file, for messages
    failed_ns       (K,) int64, when the machine failed of what the stretch shows, or NEVER;
                    None: not once
    what            (K,) what it was, for people; None: nobody says
    """

    from_ns: TimeArray
    to_ns: TimeArray
    entities: Sequence[str] | None = None
    where: str = ""
    failed_ns: TimeArray | None = None
    what: Sequence[str] | None = None

    @classmethod
    def none(cls) -> Labels:
        """Nothing is known."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64))

    def __len__(self) -> int:
        return len(self.from_ns)

    def mask(self, entity: IndexArray, time_ns: TimeArray, names: Sequence[str]) -> BoolArray:
        """Which readings are labelled, (N,).

        entity, time_ns  (N,) of the readings, in any order
        names            what `entity` indexes
        """
        labelled = np.zeros(len(time_ns), np.bool_)
        for which, rows in self._by_entity(entity, names):
            at_ns = time_ns[rows]
            labelled[rows] = meeting(at_ns, at_ns, self.from_ns[which], self.to_ns[which]) > 0
        return labelled

    def failures(self, entity: IndexArray, time_ns: TimeArray, names: Sequence[str]) -> TimeArray:
        """The earliest failure of the stretches that hold each reading, or NEVER, (N,) int64.

        Arguments as those of `mask`.
        """
        found = np.full(len(time_ns), NEVER)
        if self.failed_ns is None:
            return found
        for which, rows in self._by_entity(entity, names):
            which = which[self.failed_ns[which] != NEVER]
            rows = rows[np.argsort(time_ns[rows], kind="stable")]
            first = np.searchsorted(time_ns[rows], self.from_ns[which], side="left")
            stop = np.searchsorted(time_ns[rows], self.to_ns[which], side="right")
            # The latest is written first, so that the earliest stays.
            for place in np.argsort(-self.failed_ns[which]).tolist():
                found[rows[first[place] : stop[place]]] = self.failed_ns[which[place]]
        return found

    def without_reading(
        self, entity: IndexArray, time_ns: TimeArray, names: Sequence[str]
    ) -> list[int]:
        """The stretches that hold none of the readings; arguments as those of `mask`."""
        holds = np.zeros(len(self), np.bool_)
        for which, rows in self._by_entity(entity, names):
            at_ns = time_ns[rows]
            holds[which] |= meeting(self.from_ns[which], self.to_ns[which], at_ns, at_ns) > 0
        return np.flatnonzero(~holds).tolist()

    def beginning_before(
        self, entity: IndexArray, time_ns: TimeArray, names: Sequence[str]
    ) -> list[int]:
        """The stretches that hold the first of the readings they are about, and begin before it.

        Arguments as those of `mask`.
        """
        first_ns = np.full(len(self), NEVER)
        for which, rows in self._by_entity(entity, names):
            earliest_ns = time_ns[rows].min(initial=NEVER)
            first_ns[which] = np.minimum(first_ns[which], earliest_ns)
        return np.flatnonzero((self.from_ns < first_ns) & (first_ns <= self.to_ns)).tolist()

    def told_of(self, name: str, from_ns: int, to_ns: int) -> str:
        """What is said of an entity's time, both ends included, each thing once; "" nothing."""
        if not self.what:
            return ""
        rows = np.flatnonzero((self.from_ns <= to_ns) & (self.to_ns >= from_ns)).tolist()
        of_name = (row for row in rows if not self.entities or self.entities[row] in ("", name))
        return ", ".join(dict.fromkeys(self.what[row] for row in of_name if self.what[row]))

    def strangers(self, names: Sequence[str]) -> list[int]:
        """The stretches whose entity is not among `names`."""
        known = {"", *names}
        return [row for row, name in enumerate(self.entities or ()) if name not in known]

    def _by_entity(
        self, entity: IndexArray, names: Sequence[str]
    ) -> Iterator[tuple[TimeArray, TimeArray]]:
        """Stretches, and the readings for which they hold, as indices of both."""
        if self.entities is None:
            yield np.arange(len(self)), np.arange(len(entity))
            return
        stretches: dict[str, list[int]] = {}
        for row, name in enumerate(self.entities):
            stretches.setdefault(name, []).append(row)
        order = np.argsort(entity, kind="stable")
        bounds = np.searchsorted(entity[order], np.arange(len(names) + 1))
        for index, name in enumerate(names):
            which = stretches.get(name, []) + stretches.get("", [])
            if which:
                yield np.array(which), order[bounds[index] : bounds[index + 1]]
