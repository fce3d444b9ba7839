"""Scores into a file: one row per reading, CSV or Parquet."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from sentinel.errors import DataError
from sentinel.records import Readings, Scores, Status, TimeArray

NS_PER_UNIT = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
TEXTS = {
    Status.OK: "ok",
    Status.BETWEEN: "between strides",
    Status.DUPLICATE: "duplicate",
    Status.LATE: "late",
    Status.REJECTED: "rejected",
}


class ScoresWriter:
    """Writes `timestamp, entity, anomaly_score, score_ratio, is_anomaly, status`.

    path       Parquet where it ends in .parquet, else CSV; - is standard output. A file appears
               whole or not at all: it is written beside its place and renamed at the end.
    entities   names that `Readings.entity` indexes
    time_unit  how times are written: s, ms, us, ns (numbers) or iso8601
    """

    def __init__(
        self, path: str, entities: Sequence[str], window_length: int, time_unit: str
    ) -> None:
        self._path = None if path == "-" else Path(path)
        self._temporary = Path(f"{path}.tmp")
        self._entities = entities
        self._time_unit = time_unit
        self._statuses = _statuses(window_length)
        self._file: Any = None
        self._writer: Any = None

    def __enter__(self) -> Self:
        if self._path is None:
            self._file = sys.stdout.buffer
            return self
        try:
            self._file = self._temporary.open("wb")
        except OSError as error:
            raise DataError(
                f"cannot write: {error.strerror}", where=str(self._path)
            ) from error
        return self

    def write(self, readings: Readings, scores: Scores) -> None:
        """One row per reading, in order."""
        entities, entity = np.unique(readings.entity, return_inverse=True)
        names = pa.array([self._entities[index] for index in entities.tolist()], pa.string())
        code = np.where(
            scores.status == Status.WARMING, len(Status) + scores.filled, scores.status
        ).astype(np.int32)
        table = pa.table({
            "timestamp": self._times(readings.time_ns),
            "entity": names.take(pa.array(entity)),
            "anomaly_score": pa.array(scores.anomaly_score, from_pandas=True),
            "score_ratio": pa.array(scores.score_ratio, from_pandas=True),
            "is_anomaly": pa.array(scores.is_anomaly.astype(np.int8)),
            "status": self._statuses.take(pa.array(code)),
        })  # fmt: skip
        try:
            self._open(table.schema).write_table(table)
        except OSError as error:
            if self._path is None:
                raise
            raise DataError(f"cannot write: {error.strerror}", where=str(self._path)) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._writer is not None:
            self._writer.close()
        if self._path is None:
            self._file.flush()
            return
        self._file.close()
        if error is None:
            self._temporary.replace(self._path)
        else:
            self._temporary.unlink(missing_ok=True)

    def _open(self, schema: pa.Schema) -> Any:
        if self._writer is None:
            parquet = self._path is not None and self._path.suffix == ".parquet"
            self._writer = (
                pa.parquet.ParquetWriter(self._file, schema)
                if parquet
                else pa.csv.CSVWriter(
                    self._file, schema,
                    write_options=pa.csv.WriteOptions(quoting_style="needed"),
                )
            )  # fmt: skip
        return self._writer

    def _times(self, time_ns: TimeArray) -> pa.Array:
        if self._time_unit == "iso8601":
            whole = bool((time_ns % 1_000_000_000 == 0).all())
            times = pa.array(time_ns // 1_000_000_000 if whole else time_ns)
            kind = pa.timestamp("s" if whole else "ns", "UTC")
            return pc.strftime(times.cast(kind), format="%Y-%m-%dT%H:%M:%SZ")
        factor = NS_PER_UNIT[self._time_unit]
        if (time_ns % factor == 0).all():
            return pa.array(time_ns // factor)
        return pa.array(time_ns / factor)


def _statuses(window_length: int) -> pa.Array:
    """Texts by status; behind them `warming n/N` by n."""
    plain = [TEXTS.get(status, "") for status in Status]
    warming = [f"warming {n}/{window_length}" for n in range(window_length + 1)]
    return pa.array([*plain, *warming])
