"""Layout long: a row holds one value of one channel; rows of one entity and time are one reading.

A file in which these rows stand together (sorted by time, or by entity and time) is streamed. Any
other, such as one sorted by channel, is first sorted by time in memory, 32 bytes a row; rows of
the same time keep their order. Of several values for the same channel of a reading the first one
that is not missing counts. Rows of channels that nobody asked for are passed over.

That is for a fit. What is scored is read in the order of the file, like a stream: `history_stream`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sentinel.errors import DataError
from sentinel.ports import PollBatch
from sentinel.records import BoolArray, FloatArray, IndexArray, Readings, TimeArray
from sentinel.source.history_file import HistoryFile, float64, mask
from sentinel.source.history_names import NameIndex, add_in_order, encode

CHANNELS_MAX = 10_000


class LongRows(NamedTuple):
    """Rows of a long table as columns, (N,) each; channel is -1 where it is not wanted.

    Nobody else holds `value`: it may be written to.
    """

    entity: IndexArray
    time_ns: TimeArray
    channel: IndexArray
    value: FloatArray
    row: TimeArray

    def take(self, which: slice | BoolArray | NDArray[np.intp]) -> LongRows:
        """The rows selected by a slice, a mask or an order."""
        return LongRows(
            self.entity[which],
            self.time_ns[which],
            self.channel[which],
            self.value[which],
            self.row[which],
        )


def is_in_order(file: HistoryFile, entities: NameIndex, channels: NameIndex, rows: int) -> bool:
    """Read the file once: add its names of entities and channels; do its readings stand together?

    Raises DataError for the first row without time, entity or channel, and where the column of
    channels holds so many names that it cannot be meant.
    """
    order = _Order()
    first_row = 0
    for batch in file.table.batches([], _names(file), rows):
        codes, names = _channel_codes(file, batch, first_row)
        add_in_order(codes, names, channels)
        if len(channels.names) > CHANNELS_MAX:
            raise DataError(
                f"column {file.roles.channel!r} holds more than {CHANNELS_MAX} names of channels",
                where=str(file.table.path),
            )
        order.add(file.entities(batch, first_row, entities), file.times(batch, first_row))
        first_row += batch.num_rows
    return order.kept


def read_long(
    file: HistoryFile, channels: NameIndex, entities: NameIndex, rows: int, in_order: bool
) -> Iterator[PollBatch]:
    """The file's readings, those of one time by their first row; that row is their offset.

    channels  known names; columns of `Readings.values`
    in_order  what `is_in_order` said
    """
    parts = long_rows(file, channels, entities, rows)
    waiting: list[LongRows] = []  # the newest time: its rows may go on in the next part
    for part in parts if in_order else _sorted(parts, rows):
        changes = np.flatnonzero(part.time_ns[1:] != part.time_ns[:-1])
        begin = int(changes[-1]) + 1 if len(changes) else 0
        if begin:
            yield from _merged([*waiting, part.take(slice(0, begin))], file, channels, rows)
            waiting = [part.take(slice(begin, None))]
        elif waiting and waiting[-1].time_ns[-1] != part.time_ns[0]:
            yield from _merged(waiting, file, channels, rows)
            waiting = [part]
        else:
            waiting.append(part)
    if waiting:
        yield from _merged(waiting, file, channels, rows)


def long_rows(
    file: HistoryFile, channels: NameIndex, entities: NameIndex, rows: int
) -> Iterator[LongRows]:
    """The rows as they stand, part by part; no part is empty."""
    first_row = 0
    for batch in file.table.batches(file.roles.numbers, _names(file), rows):
        codes, names = _channel_codes(file, batch, first_row)
        known = np.array([channels.find(name or "") for name in names], np.int32)
        yield LongRows(
            file.entities(batch, first_row, entities),
            file.times(batch, first_row),
            known[codes],
            float64(batch.column(file.roles.numbers[0])).copy(),
            np.arange(first_row, first_row + batch.num_rows, dtype=np.int64),
        )
        first_row += batch.num_rows


def _sorted(parts: Iterator[LongRows], rows: int) -> Iterator[LongRows]:
    whole = _joined(list(parts))
    order = np.argsort(whole.time_ns, kind="stable")
    for start in range(0, len(order), rows):
        yield whole.take(order[start : start + rows])


def _joined(parts: list[LongRows]) -> LongRows:
    return LongRows(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _names(file: HistoryFile) -> list[str]:
    roles = file.roles
    return [name for name in (roles.timestamp, roles.entity, roles.channel) if name is not None]


def _channel_codes(
    file: HistoryFile, batch: pa.RecordBatch, first_row: int
) -> tuple[IndexArray, list[str | None]]:
    column = file.roles.channel
    assert column is not None
    return encode(batch.column(column), column, file.table.path, first_row)


def _merged(
    parts: list[LongRows], file: HistoryFile, channels: NameIndex, rows: int
) -> Iterator[PollBatch]:
    """Whole readings from rows of whole times."""
    joined = _joined(parts)
    masked = mask(joined.value)
    merged = _merge(joined.take(joined.channel >= 0), file.number, len(channels.names))
    yield PollBatch(len(joined.row), merged.slice(0, rows), masked=masked)
    for start in range(rows, len(merged), rows):
        yield PollBatch(0, merged.slice(start, start + rows))


def _merge(rows: LongRows, partition: int, channels: int) -> Readings:
    if not len(rows.row):
        return Readings.empty(channels)
    segment = np.concatenate(([0], np.cumsum(rows.time_ns[1:] != rows.time_ns[:-1])))
    key = segment * (int(rows.entity.max()) + 1) + rows.entity
    _, first, reading = np.unique(key, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    first = first[order]
    values = np.full((len(first), channels), np.nan)
    there = ~np.isnan(rows.value)
    # NumPy assigns in order, so backwards: of several values the first one stays, as in a stream.
    backwards = np.flatnonzero(there)[::-1]
    values[place[reading[backwards]], rows.channel[backwards]] = rows.value[backwards]
    partitions = np.full(len(first), partition, np.int32)
    return Readings(rows.entity[first], rows.time_ns[first], partitions, rows.row[first], values)


class _Order:
    """Whether all rows of one entity and time follow each other, with no other time between.

    Holds as long as every entity's times grow, and do not stay the same once another time was
    seen. Only the newest time of each entity is remembered.
    """

    def __init__(self) -> None:
        self.kept = True
        self._run = 0  # counts runs of rows of one time, of whatever entity
        self._newest_ns = np.int64(0)
        self._times = np.empty(0, np.int64)  # by entity
        self._runs = np.empty(0, np.int64)

    def add(self, entity: IndexArray, time_ns: TimeArray) -> None:
        """The next rows of the file."""
        if not self.kept or not len(entity):
            return
        changes = np.diff(time_ns, prepend=self._newest_ns) != 0
        runs = self._run + np.cumsum(changes)
        self._run, self._newest_ns = int(runs[-1]), time_ns[-1]
        grown = max(int(entity.max()) + 1 - len(self._times), 0)
        self._times = np.concatenate((self._times, np.zeros(grown, np.int64)))
        self._runs = np.concatenate((self._runs, np.zeros(grown, np.int64)))
        order = np.argsort(entity, kind="stable")
        entity, time_ns, runs = entity[order], time_ns[order], runs[order]
        starts = np.concatenate(([True], entity[1:] != entity[:-1]))
        before_ns = np.where(starts, self._times[entity], np.roll(time_ns, 1))
        before_run = np.where(starts, self._runs[entity], np.roll(runs, 1))
        same = (time_ns == before_ns) & (runs == before_run)
        self.kept = bool(((time_ns > before_ns) | same).all())
        ends = np.roll(starts, -1)
        self._times[entity[ends]], self._runs[entity[ends]] = time_ns[ends], runs[ends]
