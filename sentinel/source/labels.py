"""Labels from a file: one stretch of time per row, `from` and `to`, perhaps an `entity`.

Times are written in any way that a history may write them, whatever the readings' own. A date alone
is its midnight, both at `from` and at `to`. Other columns are for people.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from sentinel.backtest.labels import Labels
from sentinel.errors import DataError
from sentinel.records import TimeArray
from sentinel.source.history_names import encode, refuse_empty
from sentinel.source.history_paths import find_files, open_table
from sentinel.source.history_table import HistoryTable, listed, place
from sentinel.source.history_times import times_ns, unit_of_first

FROM, TO, ENTITY = "from", "to", "entity"
LABELS_MAX = 1_000_000
HINT = "labels are a CSV file with the columns from and to, and perhaps entity, a row per stretch"


def read_labels(path: str | Path) -> Labels:
    """All labels of one file, CSV or Parquet.

    Both ends of a stretch belong to it. Without a column `entity` each holds for every machine.
    Raises DataError with the row where a time or a name is none, or `from` is after `to`.
    """
    path = Path(path)
    if path.is_dir():
        raise DataError("labels are one file, this is a directory", where=str(path))
    [file] = find_files([path])
    table = open_table(file)
    columns = [FROM, TO, *([ENTITY] if ENTITY in table.kinds else [])]
    if missing := [name for name in (FROM, TO) if name not in table.kinds]:
        what = f"there is no column {listed(missing)}; columns are {listed(list(table.kinds))}"
        raise DataError(what, where=str(file), hint=HINT)
    sample = table.sample()
    read = pa.Table.from_batches(table.batches([], columns, LABELS_MAX)).combine_chunks()
    if read.num_rows > LABELS_MAX:
        raise DataError(f"more than {LABELS_MAX:,} labels", where=str(file))
    from_ns, to_ns = (_times(table, sample, read, name) for name in (FROM, TO))
    turned = np.flatnonzero(from_ns > to_ns)
    if len(turned):
        what = f"the label ends ({_text(read, TO, turned[0])}) before it begins "
        what += f"({_text(read, FROM, turned[0])})"
        raise DataError(what, where=place(file, int(turned[0])), hint="are from and to exchanged?")
    entities = _entities(read, file) if ENTITY in columns else None
    return Labels(from_ns, to_ns, entities, str(file))


def _times(table: HistoryTable, sample: pa.RecordBatch, read: pa.Table, name: str) -> TimeArray:
    unit = unit_of_first(sample.column(name), "auto", name, table.path)
    return times_ns(read.column(name).combine_chunks(), unit, name, table.path, 0)


def _entities(read: pa.Table, path: Path) -> list[str]:
    codes, names = encode(read.column(ENTITY).combine_chunks())
    refuse_empty(codes, names, ENTITY, path, 0)
    return [names[code] or "" for code in codes.tolist()]


def _text(read: pa.Table, name: str, row: int) -> str:
    return str(read.column(name)[row].as_py())
