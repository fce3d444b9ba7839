"""One file of a history, ready to be read: its table, what its columns mean, its unit of time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from sentinel.config.schema import TimestampUnit
from sentinel.records import FloatArray, IndexArray, TimeArray
from sentinel.source.history_layout import Roles
from sentinel.source.history_names import NameIndex, add_in_order, encode
from sentinel.source.history_table import HistoryTable
from sentinel.source.history_times import times_ns
from sentinel.source.reasons import MAX_VALUE, MISSING, NOT_FINITE, TOO_LARGE


@dataclass(frozen=True, slots=True)
class HistoryFile:
    """What is known of a file before it is read.

    number  its place among the files: `Readings.partition`
    entity  the name of all its readings, where it has no entity column
    unit    of its times, never "auto"
    """

    number: int
    table: HistoryTable
    roles: Roles
    unit: TimestampUnit
    entity: str

    def times(self, batch: pa.RecordBatch, first_row: int) -> TimeArray:
        """(N,) int64 nanoseconds. Raises DataError with the row that has no time."""
        name = self.roles.timestamp
        return times_ns(batch.column(name), self.unit, name, self.table.path, first_row)

    def entities(self, batch: pa.RecordBatch, first_row: int, index: NameIndex) -> IndexArray:
        """(N,) int32 into `index`, which grows. Raises DataError with the row that has no name."""
        name = self.roles.entity
        if name is None:
            return np.full(batch.num_rows, index.add(self.entity), np.int32)
        codes, names = encode(batch.column(name), name, self.table.path, first_row)
        return add_in_order(codes, names, index)


def float64(column: pa.Array) -> FloatArray:
    """(N,) float64, NaN where the value is null; not to be written to."""
    # Not safe: whole numbers beyond 2**53 are rounded, as they are in CSV.
    return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))


def mask(values: FloatArray) -> dict[str, int]:
    """Put NaN in place of infinite and absurd values; how many are missing, by reason.

    The same rules as for records of Kafka.
    """
    with np.errstate(invalid="ignore"):
        bad = ~(np.abs(values) <= MAX_VALUE)
    if not bad.any():
        return {}
    odd = values[bad]
    missing, infinite = int(np.isnan(odd).sum()), int(np.isinf(odd).sum())
    values[bad] = np.nan
    counts = {MISSING: missing, NOT_FINITE: infinite, TOO_LARGE: len(odd) - missing - infinite}
    return {reason: count for reason, count in counts.items() if count}
