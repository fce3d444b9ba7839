"""A history, from whatever source, into a spool that training reads from."""

from __future__ import annotations

from collections import Counter

from sentinel.cli.progress import Spinner
from sentinel.errors import DataError
from sentinel.plural import counted
from sentinel.ports import Source
from sentinel.records import Readings
from sentinel.source.spool import Spool

POLL_TIMEOUT_MS = 1000


def spool_history(source: Source, spool: Spool) -> tuple[Readings, Counter[str]]:
    """All readings of a source that ends, and how many were rejected by reason.

    Raises DataError where there is not one reading.
    """
    rejected: Counter[str] = Counter()
    rows = 0
    with Spinner("reading the history") as spinner:
        while (batch := source.poll(POLL_TIMEOUT_MS)) is not None:
            rejected.update(batch.rejected)
            if len(batch.readings):
                spool.append(batch.readings)
                rows += len(batch.readings)
                spinner.update(f"reading the history: {counted(rows, 'reading')}")
    if not rows:
        reasons = ", ".join(f"{count} {reason}" for reason, count in rejected.most_common(3))
        raise DataError("the history has no readings", hint=f"rejected: {reasons}" if reasons else
                        "look at what the source holds")  # fmt: skip
    return spool.readings(), rejected
