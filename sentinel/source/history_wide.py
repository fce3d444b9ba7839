"""Layout wide: one reading per row. No row is dropped, none changes its place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from sentinel.ports import PollBatch
from sentinel.records import Readings
from sentinel.source.history_file import HistoryFile, float64, mask
from sentinel.source.history_names import NameIndex


def read_wide(
    file: HistoryFile, channels: Sequence[str], entities: NameIndex, rows: int
) -> Iterator[PollBatch]:
    """The file's readings, at most `rows` at a time.

    channels  columns of `Readings.values`; one that the file lacks is NaN throughout
    entities  grows with the names found
    """
    roles = file.roles
    present = [name for name in roles.numbers if name in set(channels)]
    others = [roles.timestamp] if roles.entity is None else [roles.timestamp, roles.entity]
    positions = {name: position for position, name in enumerate(channels)}
    first_row = 0
    for batch in file.table.batches(present, others, rows):
        values = np.full((batch.num_rows, len(channels)), np.nan)
        for name in present:
            values[:, positions[name]] = float64(batch.column(name))
        masked = mask(values)
        readings = Readings(
            file.entities(batch, first_row, entities),
            file.times(batch, first_row),
            np.full(batch.num_rows, file.number, np.int32),
            np.arange(first_row, first_row + batch.num_rows, dtype=np.int64),
            values,
        )
        yield PollBatch(batch.num_rows, readings, masked=masked)
        first_row += batch.num_rows
