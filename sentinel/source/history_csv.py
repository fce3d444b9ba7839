"""CSV files as streamed tables: `,` `;` or tab, decimal point or comma, plain or gzip.

Columns that look like numbers in the first block are read as float64 from the first row on, so that
a sensor which begins with whole numbers is no trap. All other columns are read as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv

from sentinel.errors import DataError
from sentinel.source.history_table import (
    MISSING,
    Kind,
    damaged,
    kind_of,
    kinds_of,
    not_a_number,
    pieces,
    place,
    unreadable,
)

BLOCK_BYTES = 1 << 20  # longest line, and what is in memory at a time
SAMPLE_ROWS = 1_000
DELIMITERS = b",;\t"
BAD_VALUE = re.compile(r"In CSV column #(\d+): Row #(\d+): .*invalid value '(.*)'", re.DOTALL)
BAD_ROW = re.compile(r"CSV parse error: Row #(\d+): (Expected \d+ columns, got \d+)")
BAD_TEXT = re.compile(r"In CSV column #(\d+): Row #(\d+): .*UTF8", re.DOTALL)


@dataclass(frozen=True, slots=True)
class CsvTable:
    """A `HistoryTable` over one CSV file.

    columns   the header as it stands; `kinds` has the names without blanks around them
    numbers   the type in which a number column is read, by its name in `columns`
    """

    path: Path
    kinds: dict[str, Kind]
    delimiter: str
    decimal_point: str
    columns: tuple[str, ...]
    numbers: dict[str, pa.DataType]
    block_bytes: int

    @classmethod
    def open(cls, path: Path, block_bytes: int = BLOCK_BYTES) -> CsvTable:
        """Raises DataError where the file is empty, not UTF-8, or has two columns of one name."""
        delimiter = _delimiter(path, block_bytes)
        schema, point = _schema(path, delimiter, ".", block_bytes), "."
        if delimiter != ",":
            with_comma = _schema(path, delimiter, ",", block_bytes)
            if _count_numbers(with_comma) > _count_numbers(schema):
                schema, point = with_comma, ","
        kinds = kinds_of(path, schema, [raw.strip() for raw in schema.names])
        types = {
            field.name: pa.bool_() if pa.types.is_boolean(field.type) else pa.float64()
            for field in schema
            if kind_of(field.type) in ("number", "empty")
        }
        return cls(path, kinds, delimiter, point, tuple(schema.names), types, block_bytes)

    def sample(self) -> pa.RecordBatch:
        with self._reader({}, None) as reader:
            for batch in reader:
                if batch.num_rows:
                    return _stripped(batch.slice(0, SAMPLE_ROWS))
        raise DataError("there is a header and no row", where=str(self.path))

    def batches(
        self, numbers: Sequence[str], others: Sequence[str], rows: int
    ) -> Iterator[pa.RecordBatch]:
        number, wanted = set(numbers), {*numbers, *others}
        include = [raw for raw in self.columns if raw.strip() in wanted]
        types = {
            raw: self.numbers[raw] if raw.strip() in number else pa.string() for raw in include
        }
        with self._reader(types, include) as reader:
            for batch in reader:
                yield from pieces(_stripped(batch), rows)

    @contextmanager
    def _reader(
        self, types: dict[str, pa.DataType], include: list[str] | None
    ) -> Iterator[pa_csv.CSVStreamingReader]:
        try:
            with _open(
                self.path, self.delimiter, self.decimal_point, self.block_bytes, types, include
            ) as reader:
                yield reader
        except pa.ArrowException as error:
            raise _explained(error, self.path, self.columns) from None
        except OSError as error:
            raise unreadable(self.path, error) from None


def _explained(error: pa.ArrowException, path: Path, columns: Sequence[str]) -> DataError:
    """The refusal of pyarrow as an operator's error: which row, which column, which value."""
    text = str(error)
    if found := BAD_VALUE.search(text):
        return not_a_number(path, int(found[2]) - 2, columns[int(found[1])].strip(), found[3])
    if found := BAD_TEXT.search(text):
        return _not_utf8(place(path, int(found[2]) - 2))
    if found := BAD_ROW.search(text):
        return DataError(
            found[2].lower(),
            where=place(path, int(found[1]) - 2),
            hint="the line is cut off, or a text in it holds the delimiter without quotes",
        )
    if "Empty CSV" in text:
        return DataError("there is a header and no row", where=str(path))
    if "straddl" in text:
        what = f"a line is longer than {BLOCK_BYTES} bytes, or a quote is never closed"
        return DataError(what, where=str(path))
    return damaged(path, error)


def _open(
    path: Path,
    delimiter: str,
    decimal_point: str,
    block_bytes: int,
    types: dict[str, pa.DataType],
    include: list[str] | None,
) -> pa_csv.CSVStreamingReader:
    return pa_csv.open_csv(
        # by suffix: gzip or plain
        pa.input_stream(str(path), compression="detect"),
        # One thread: only so do errors carry the row.
        read_options=pa_csv.ReadOptions(use_threads=False, block_size=block_bytes),
        parse_options=pa_csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            column_types=types,
            include_columns=include,
            null_values=MISSING,
            strings_can_be_null=False,
            decimal_point=decimal_point,
        ),
    )


def _stripped(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch.rename_columns([raw.strip() for raw in batch.schema.names])


def _schema(path: Path, delimiter: str, decimal_point: str, block_bytes: int) -> pa.Schema:
    try:
        with _open(path, delimiter, decimal_point, block_bytes, {}, None) as reader:
            return reader.schema
    except pa.ArrowException as error:
        raise _explained(error, path, ()) from None
    except OSError as error:
        raise unreadable(path, error) from None


def _count_numbers(schema: pa.Schema) -> int:
    return sum(kind_of(column) == "number" for column in schema.types)


def _delimiter(path: Path, block_bytes: int) -> str:
    """The delimiter that the header uses most. Reads the header only."""
    try:
        with pa.input_stream(str(path), compression="detect") as stream:
            head = stream.read(block_bytes)
    except OSError as error:
        raise unreadable(path, error) from None
    if not head.strip():
        raise DataError("the file is empty", where=str(path))
    header = re.split(rb"[\r\n]", head.lstrip(b"\xef\xbb\xbf\r\n"), maxsplit=1)[0]
    try:
        header.decode()
    except UnicodeDecodeError:
        raise _not_utf8(f"{path}, header") from None
    unquoted = re.sub(rb'"[^"]*"', b"", header)
    return chr(max(DELIMITERS, key=unquoted.count))


def _not_utf8(where: str) -> DataError:
    return DataError("the text is not UTF-8", where=where, hint="save the file as CSV UTF-8")
