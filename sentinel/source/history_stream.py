"""Layout long, row after row: what a stream of these rows would become in the daemon.

The daemon's own assembler puts the values together. So a value older than its entity's newest time
is a reading of its own (late; the detector drops and counts it), a row without a value is none, and
what the rows up to some point become never depends on the rows behind them.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from sentinel.ports import PollBatch
from sentinel.records import Readings
from sentinel.source.assembler import Assembler
from sentinel.source.history_file import HistoryFile, mask
from sentinel.source.history_long import LongRows, long_rows
from sentinel.source.history_names import NameIndex
from sentinel.source.rows import READINGS, Rows, new_rows


def read_as_stream(
    file: HistoryFile, channels: NameIndex, entities: NameIndex, rows: int
) -> Iterator[PollBatch]:
    """The file's readings in the order in which they are complete; their offset: their last row.

    channels  known names; columns of `Readings.values`
    entities  names, known and new
    """
    assembler = Assembler(len(channels.names))
    for part in long_rows(file, channels, entities, rows):
        masked = mask(part.value)
        cells = _cells(part.take((part.channel >= 0) & ~np.isnan(part.value)), file.number)
        done = assembler.take(cells, len(entities.names))
        yield PollBatch(len(part.row), _readings(done), masked=masked)
    yield PollBatch(0, _readings(assembler.finish()))


def _cells(part: LongRows, partition: int) -> Rows:
    cells = new_rows(len(part.row), 1)
    heads = cells.heads
    heads["entity"], heads["time_ns"], heads["channel"] = part.entity, part.time_ns, part.channel
    heads["partition"], heads["offset"] = partition, part.row
    cells.values[:, 0] = part.value
    cells.numbers[READINGS] = len(part.row)
    return cells


def _readings(rows: Rows) -> Readings:
    heads = rows.heads[: rows.used]
    return Readings(
        heads["entity"].copy(),
        heads["time_ns"].copy(),
        heads["partition"].copy(),
        heads["offset"].copy(),
        rows.values[: rows.used],
    )
