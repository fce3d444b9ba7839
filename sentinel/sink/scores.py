"""Scores into a file: one row per reading, CSV or Parquet."""

from __future__ import annotations

import csv
import errno
import io
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from sentinel.config.schema import TimestampUnit
from sentinel.errors import DataError
from sentinel.records import FloatArray, Readings, Scores
from sentinel.sink.score_columns import (
    number_columns,
    score_columns,
    status_texts,
    time_type,
    times_as_text,
    times_as_values,
)

COLUMNS = ("timestamp", "entity", "anomaly_score", "score_ratio", "is_anomaly", "status")
NEEDS_QUOTES = frozenset(',"\r\n')


def prepare(path: str) -> None:
    """Refuse now what a `ScoresWriter` would refuse after all was read. Leaves nothing behind.

    Raises DataError where the file cannot be written.
    """
    place = Path(os.path.realpath(path))
    if path == "-":
        return
    try:
        if place.exists() and not place.is_file() and not place.is_dir():
            return
        if place.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        tempfile.TemporaryFile(dir=place.parent).close()
    except OSError as error:
        raise _refused(place, error) from None


class ScoresWriter:
    """Writes `timestamp, entity, anomaly_score, score_ratio, is_anomaly, status`.

    path           Parquet where it ends in .parquet, else CSV; - is standard output. A file
                   appears whole or not at all: it is written beside its place and renamed at the
                   end, and on an error it is removed. Devices and pipes are written to directly.
    entities       names that `Readings.entity` indexes; may grow
    window_length  the N of `warming n/N`
    time_unit      how times are written: see `score_columns`
    channels       of these, the expected value of each reading follows: `expected_<channel>`

    Numbers are the shortest that read back the same; a score that is not there yet is empty.
    Raises DataError where the file cannot be written; BrokenPipeError of standard output goes on.
    """

    def __init__(
        self,
        path: str,
        entities: Sequence[str],
        window_length: int,
        time_unit: TimestampUnit = "iso8601",
        channels: Sequence[str] = (),
    ) -> None:
        # A link stays a link: what it leads to is replaced.
        self._path = None if path == "-" else Path(os.path.realpath(path))
        self._temporary: Path | None = None
        self._entities = entities
        self._texts = status_texts(window_length)
        self._time_unit = time_unit
        self._expected = [f"expected_{channel}" for channel in channels]
        self._file: BinaryIO = sys.stdout.buffer
        self._parquet: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        if self._path is not None:
            try:
                self._file = self._opened(self._path)
            except OSError as error:
                raise self._refused(error) from None
        if self._path is not None and self._path.suffix == ".parquet":
            self._parquet = pq.ParquetWriter(self._file, _schema(self._time_unit, self._expected))
        else:
            self._put(_header([*COLUMNS, *self._expected]))
        return self

    def write(self, readings: Readings, scores: Scores, expected: FloatArray | None = None) -> None:
        """One row per reading, in order.

        expected  (N, F) raw units, of the channels; NaN where nothing was expected
        """
        columns = score_columns(readings, scores, self._entities, self._texts)
        if expected is not None:
            columns |= number_columns(expected, self._expected)
        if self._parquet is None:
            times = times_as_text(readings.time_ns, self._time_unit)
            self._put(_csv(pa.table({"timestamp": times, **columns})))
            return
        times = times_as_values(readings.time_ns, self._time_unit)
        rows = pa.record_batch({"timestamp": times, **columns})
        try:
            self._parquet.write_batch(rows)
        except OSError as error:
            raise self._refused(error) from None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._complete()
        finally:
            self._release()

    def _opened(self, path: Path) -> BinaryIO:
        if path.exists() and not path.is_file():
            return path.open("wb")
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
        return self._temporary.open("wb")

    def _put(self, data: bytes | pa.Buffer) -> None:
        try:
            self._file.write(data)
        except OSError as error:
            raise self._refused(error) from None

    def _complete(self) -> None:
        try:
            if self._parquet is not None:
                self._parquet.close()
            self._file.flush()
            if self._temporary is not None and self._path is not None:
                os.fsync(self._file.fileno())
                self._temporary.replace(self._path)
        except OSError as error:
            raise self._refused(error) from None

    def _release(self) -> None:
        """Close and remove what is left, after success and after an error alike."""
        if self._path is None:
            return
        # Closing writes again: after an error it fails once more, and the first error counts.
        with suppress(OSError):
            if self._parquet is not None:
                self._parquet.close()
        with suppress(OSError):
            self._file.close()
        if self._temporary is not None:
            self._temporary.unlink(missing_ok=True)

    def _refused(self, error: OSError) -> OSError | DataError:
        if self._path is None and isinstance(error, BrokenPipeError):
            return error
        return _refused(self._path or "standard output", error)


def _refused(place: Path | str, error: OSError) -> DataError:
    hint = "name a file in a directory that can be written to and has room"
    what = f"scores cannot be written: {error.strerror or error}"
    return DataError(what, where=str(place), hint=hint)


def _schema(unit: TimestampUnit, expected: Sequence[str]) -> pa.Schema:
    kinds = (time_type(unit), pa.string(), pa.float64(), pa.float64(), pa.int8(), pa.string())
    columns = list(zip(COLUMNS, kinds, strict=True))
    return pa.schema([*columns, *((name, pa.float64()) for name in expected)])


def _header(names: Sequence[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(names)
    return out.getvalue().encode()


def _csv(rows: pa.Table) -> pa.Buffer:
    # pyarrow quotes all texts or none: quotes are for the rare entity whose name needs them.
    names = rows.column("entity").unique().to_pylist()
    quoting = "needed" if any(not NEEDS_QUOTES.isdisjoint(name) for name in names) else "none"
    out = pa.BufferOutputStream()
    options = pa_csv.WriteOptions(include_header=False, quoting_style=quoting)
    pa_csv.write_csv(rows, out, write_options=options)
    return out.getvalue()
