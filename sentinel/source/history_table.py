"""What every file of a history looks like to the source: named columns, streamed in batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

import pyarrow as pa

from sentinel.errors import DataError
from sentinel.plural import listed, noun

# empty: a column in which the first rows hold nothing, so that its type shows only later.
Kind: TypeAlias = Literal["number", "text", "time", "empty", "other"]

# Texts that stand for no value.
MISSING = ["", "NaN", "nan", "NAN", "NA", "N/A", "n/a", "null", "NULL", "Null", "None", "none", "-"]
VALUE_SHOWN = 60  # characters of a value, in a message


class HistoryTable(Protocol):
    """One file, CSV or Parquet. Opening it reads its header only; it holds no file handle."""

    @property
    def path(self) -> Path: ...

    @property
    def kinds(self) -> dict[str, Kind]:
        """What each column holds, by name, in the order of the file; nameless ones are left out."""
        ...

    def sample(self) -> pa.RecordBatch:
        """The first rows (at most a thousand), in the types that the file itself suggests.

        Raises DataError where there is not a single row.
        """
        ...

    def batches(
        self, numbers: Sequence[str], others: Sequence[str], rows: int
    ) -> Iterator[pa.RecordBatch]:
        """All rows in order, at most `rows` at a time, with the named columns.

        Columns in `numbers` can be cast to float64; those in `others` are as typed as the file is
        (text in CSV). Raises DataError where the file is damaged or a number is none.
        """
        ...


def kind_of(column: pa.DataType) -> Kind:
    """What a column of this type holds. Truth values are numbers, 0 and 1 (a valve is open)."""
    types = pa.types
    if types.is_dictionary(column):
        return "text" if kind_of(column.value_type) == "text" else "other"
    if types.is_null(column):
        return "empty"
    if types.is_timestamp(column) or types.is_date(column):
        return "time"
    if types.is_string(column) or types.is_large_string(column) or types.is_string_view(column):
        return "text"
    if types.is_boolean(column) or types.is_integer(column) or types.is_floating(column):
        return "number"
    return "number" if types.is_decimal(column) else "other"


def kinds_of(path: Path, schema: pa.Schema, names: Sequence[str]) -> dict[str, Kind]:
    """`HistoryTable.kinds` of a schema whose columns are called `names`."""
    twice = [name for name, count in Counter(names).items() if count > 1 and name]
    if twice:
        raise DataError(
            f"several columns are called {listed(twice)}",
            where=str(path),
            hint="give every column a name of its own",
        )
    kinds = {name: kind_of(kind) for name, kind in zip(names, schema.types, strict=True)}
    # The row numbers that pandas writes beside the data: no name, no sensor.
    return {n: k for n, k in kinds.items() if n and not n.startswith("__index_level_")}


def pieces(batch: pa.RecordBatch, rows: int) -> Iterator[pa.RecordBatch]:
    """The batch cut into parts of at most `rows` rows; views."""
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)


def place(path: Path, row: int) -> str:
    """Where data row `row` (from 0) stands, for people: they count from 1, without the header."""
    return f"{path}, data row {row + 1}"


def not_a_number(path: Path, row: int, column: str, value: str) -> DataError:
    """Text where a channel's value is due."""
    return DataError(
        f"column {column!r}: {shortened(value)} is not a number",
        where=place(path, row),
        hint="leave the cell empty where the value is missing, or the column out with --exclude",
    )


def no_column(path: Path, missing: Sequence[str], there: Sequence[str], hint: str) -> DataError:
    """Columns that are asked for in vain, beside those that the file has."""
    return DataError(
        f"there {noun(len(missing), 'is no column', 'are no columns')} {listed(missing)}; "
        f"{noun(len(there), 'the only column is', 'columns are')} {listed(there)}",
        where=str(path),
        hint=hint,
    )


def unfit(
    path: Path, column: str, kind: pa.DataType, wanted: str, error: pa.ArrowException
) -> DataError:
    """A column whose type, or what is in it, pyarrow cannot turn into what it is to be."""
    return DataError(
        f"column {column!r} holds {kind}, which cannot be read as {wanted}: {str(error).strip()}",
        where=str(path),
        hint="store it as text in UTF-8",
    )


def shortened(value: object) -> str:
    """A value for a message, quoted and bounded."""
    text = repr(value)
    return text if len(text) <= VALUE_SHOWN else text[:VALUE_SHOWN] + "..."


def unreadable(path: Path, error: OSError) -> DataError:
    """The operating system's refusal, or a damaged compressed stream (pyarrow's plain OSError)."""
    if error.errno is not None:
        return DataError(f"cannot be read: {error.strerror or error}", where=str(path))
    return damaged(path, error)


def damaged(path: Path, error: Exception) -> DataError:
    """The file is not what its name says, or was cut off."""
    return DataError(
        f"damaged or incomplete: {str(error).strip()}",
        where=str(path),
        hint="copy or export the file again",
    )
