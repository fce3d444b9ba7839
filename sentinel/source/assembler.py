"""Layout long: single values become readings.

Consecutive values of one entity with the same time are one reading. It is handed on when the
entity's time moves on, or as soon as every channel is there; what happens depends on the stream
alone, never on how it was cut into records, batches or polls. A value older than the reading that
is being put together becomes a reading of its own (late; the detector drops and counts it). Of two
values of one channel with the same time the first stays.

**What may be committed.** A reading that is still being put together exists in memory only.
`hold_back` therefore says from which offset a restart must read so that no value of it is lost. An
entity that has fallen silent would hold back its partition for ever, so values are held for the
next HELD_RECORDS_MAX records of their partition at most: what a restart then misses is one reading
that was never completed.

An entity's values belong in one partition, as a key by entity puts them: only there is their order
kept. A value that joins a reading which was begun in another partition does not hold its own back.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from sentinel.kernels.jit import lean_root
from sentinel.source.arrays import Floats, Ints, Records
from sentinel.source.rows import MISSING, READINGS, Rows, new_rows

HELD_RECORDS_MAX = 100_000


# An entity's unfinished reading. first: offset of its first value; last: of its newest one.
#   present  channels that are there; 0 = nothing is being put together
PENDING = np.dtype(
    [
        ("present", np.int32),
        ("partition", np.int32),
        ("time_ns", np.int64),
        ("first", np.int64),
        ("last", np.int64),
    ]
)


@lean_root
def _add(
    heads: Records,
    numbers: Ints,
    entity: int,
    time_ns: int,
    partition: int,
    offset: int,
    missing: int,
) -> int:
    """One more reading, its values still to be set: its row."""
    row: int = numbers[READINGS]
    head = heads[row]
    head.entity, head.time_ns, head.partition, head.offset = entity, time_ns, partition, offset
    numbers[READINGS] = row + 1
    numbers[MISSING] += missing
    return row


@lean_root
def _hand_on(
    e: int, pending: Records, begun: Floats, heads: Records, values: Floats, numbers: Ints
) -> None:
    """Entity e's reading leaves."""
    one, width = pending[e], values.shape[1]
    missing = width - one.present
    row = _add(heads, numbers, e, one.time_ns, one.partition, one.last, missing)
    for c in range(width):
        values[row, c] = begun[e, c]
        begun[e, c] = np.nan
    pending[e].present = 0


@lean_root
def _assemble(
    cells: Records,
    cell_values: Floats,
    cell_numbers: Ints,
    pending: Records,
    begun: Floats,
    heads: Records,
    values: Floats,
    numbers: Ints,
) -> None:
    """Take in every cell; there is room for one reading per cell.

    cells, cell_values, cell_numbers  see `rows`, W = 1
    pending, begun                    (E,) PENDING, and (E, F) its values, NaN = not there
    heads, values, numbers            see `rows`, W = F; appended to
    """
    width = values.shape[1]
    for i in range(cell_numbers[READINGS]):
        cell = cells[i]
        e, c, time_ns = cell.entity, cell.channel, cell.time_ns
        if pending[e].present > 0 and time_ns != pending[e].time_ns:
            if time_ns < pending[e].time_ns:  # late: it leaves as a reading of its own
                row = _add(heads, numbers, e, time_ns, cell.partition, cell.offset, width - 1)
                for k in range(width):
                    values[row, k] = np.nan
                values[row, c] = cell_values[i, 0]
                continue
            _hand_on(e, pending, begun, heads, values, numbers)
        if pending[e].present == 0:
            pending[e].time_ns = time_ns
            pending[e].partition = cell.partition
            pending[e].first = cell.offset
        pending[e].last = cell.offset
        if np.isnan(begun[e, c]):
            begun[e, c] = cell_values[i, 0]
            pending[e].present += 1
        if pending[e].present == width:
            _hand_on(e, pending, begun, heads, values, numbers)


class Assembler:
    """Puts values together, across polls."""

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._pending = np.zeros(0, PENDING)
        self._begun = np.empty((0, channels))

    def take(self, cells: Rows, entities: int) -> Rows:
        """The readings that these cells complete, in the order in which they are complete.

        entities  entities so far: every index in `cells` is below it
        """
        if entities > len(self._pending):
            self._grow(max(64, 2 * entities))
        out = new_rows(cells.used, self._channels)
        _assemble(*cells, self._pending, self._begun, *out)
        return out

    def finish(self) -> Rows:
        """Everything that is still being put together, oldest first: the stream has ended."""
        waiting = np.flatnonzero(self._pending["present"])
        keys = self._pending["first"][waiting], self._pending["partition"][waiting]
        out = new_rows(len(waiting), self._channels)
        for entity in waiting[np.lexsort(keys)]:
            _hand_on(entity, self._pending, self._begun, *out)
        return out

    def forget(self, partitions: Collection[int]) -> None:
        """Drop what was begun with values from these partitions."""
        theirs = np.isin(self._pending["partition"], list(partitions))
        self._pending["present"][theirs] = 0
        self._begun[theirs] = np.nan

    def hold_back(self, partition: int, position: int) -> int:
        """The offset from which a restart must read `partition`, read up to `position`."""
        waiting = (self._pending["present"] > 0) & (self._pending["partition"] == partition)
        if not waiting.any():
            return position
        first = int(self._pending["first"][waiting].min())
        return max(min(first, position), position - HELD_RECORDS_MAX)

    def _grow(self, capacity: int) -> None:
        pending, begun = self._pending, self._begun
        self._pending = np.zeros(capacity, PENDING)
        self._pending[: len(pending)] = pending
        self._begun = np.full((capacity, self._channels), np.nan)
        self._begun[: len(begun)] = begun
