"""Labels from a file: a stretch of time per row, its columns `from` and `to`, and perhaps more.

Times are written in any way that a history may write them, whatever the readings' own. A date alone
is the whole day: its first moment in `from` and `failed_at`, its last in `to`. Columns of other
names are for people.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sentinel.backtest.labels import NEVER, Labels
from sentinel.errors import DataError
from sentinel.records import NS_PER_DAY, BoolArray, TimeArray
from sentinel.source import history_times
from sentinel.source.exact_time import DATE_ALONE
from sentinel.source.history_paths import find_files, open_table
from sentinel.source.history_table import HistoryTable, no_column, place, unfit
from sentinel.source.history_times import times_ns, unit_of_first

FROM, TO, ENTITY, FAILED, WHAT = "from", "to", "entity", "failed_at", "what"
LABELS_MAX = 1_000_000
HINT = "labels are a CSV file with the columns from and to, and perhaps entity, a row per stretch"
TIME_HINT = "a label's times are ISO 8601, as in 2026-01-31 14:05, or unix times"


def read_labels(path: str | Path) -> Labels:
    """All labels of one file, CSV or Parquet.

    Both ends of a stretch belong to it. Without a column `entity`, or where its cell is empty, it
    holds for every machine.
    `failed_at`, where it is not empty: when the machine failed of what began at `from`.
    `what`: what it was, for people.
    Raises DataError with the row where a time or a name is none, or `from` is after the others.
    """
    path = Path(path)
    if os.path.isdir(path):  # False where it may not be looked at: `find_files` says why
        raise DataError("labels are one file, this is a directory", where=str(path))
    [file] = find_files([path])
    table = open_table(file)
    columns = [FROM, TO, *(name for name in (ENTITY, FAILED, WHAT) if name in table.kinds)]
    if missing := [name for name in (FROM, TO) if name not in table.kinds]:
        raise no_column(file, missing, list(table.kinds), HINT)
    sample = table.sample()
    read = pa.Table.from_batches(table.batches([], columns, LABELS_MAX)).combine_chunks()
    if read.num_rows > LABELS_MAX:
        raise DataError(f"more than {LABELS_MAX:,} labels", where=str(file))
    from_ns, to_ns = (
        _times(table, read.column(name).combine_chunks(), sample.column(name), name)
        for name in (FROM, TO)
    )
    to_ns = np.where(_dates_alone(read.column(TO)), to_ns + (NS_PER_DAY - 1), to_ns)
    turned = np.flatnonzero(from_ns > to_ns)
    if len(turned):
        wrong = f"the label ends ({_text(read, TO, turned[0])}) before it begins "
        wrong += f"({_text(read, FROM, turned[0])})"
        raise DataError(wrong, where=place(file, int(turned[0])), hint="are from and to exchanged?")
    entities = _names(read, ENTITY, file) if ENTITY in columns else None
    what = _names(read, WHAT, file) if WHAT in columns else None
    failed_ns = _failures(table, read) if FAILED in columns else None
    if failed_ns is not None and len(turned := np.flatnonzero(from_ns > failed_ns)):
        wrong = f"the failure ({_text(read, FAILED, turned[0])}) comes before what led to it "
        wrong += f"({_text(read, FROM, turned[0])})"
        hint = "from is when it could first have been noticed"
        raise DataError(wrong, where=place(file, int(turned[0])), hint=hint)
    return Labels(from_ns, to_ns, entities, str(file), failed_ns, what)


def _times(
    table: HistoryTable, column: pa.Array, sample: pa.Array, name: str, first: int = 0
) -> TimeArray:
    """Times of a column.  first  the row of the sample that shows the unit"""
    try:
        unit = unit_of_first(sample, "auto", name, table.path, first)
        return times_ns(column, unit, name, table.path, 0)
    except DataError as error:
        of_readings = error.hint in (history_times.HINT, history_times.EMPTY_HINT)
        hint = TIME_HINT if of_readings else error.hint
        raise DataError(error.what, where=error.where, hint=hint) from None


def _dates_alone(column: pa.ChunkedArray) -> BoolArray:
    text = column.cast(pa.string()).fill_null("")
    return np.array(pc.match_substring_regex(text, DATE_ALONE), np.bool_)


def _failures(table: HistoryTable, read: pa.Table) -> TimeArray | None:
    """Times, NEVER where the cell is empty; None where all are."""
    column = read.column(FAILED).combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if table.kinds[FAILED] == "text" or pa.types.is_string(column.type):
        column = pc.if_else(pc.equal(pc.utf8_trim_whitespace(column), ""), None, column)
    given = column.is_valid().to_numpy(zero_copy_only=False)
    if not given.any():
        return None
    first = int(np.argmax(given))
    filled = column.fill_null(column[first])  # so that every row keeps its number
    return np.where(given, _times(table, filled, filled, FAILED, first), NEVER)


def _names(read: pa.Table, name: str, path: Path) -> list[str]:
    column = read.column(name)
    try:
        return [text or "" for text in column.cast(pa.string()).to_pylist()]
    except pa.ArrowException as error:
        raise unfit(path, name, column.type, "names", error) from None


def _text(read: pa.Table, name: str, row: int) -> str:
    return str(read.column(name)[row].as_py())
