"""Parquet files as streamed tables: pages are read as they are needed, never whole row groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sentinel.errors import DataError
from sentinel.source.history_table import Kind, damaged, kinds_of, pieces, unreadable

PAGE_BUFFER_BYTES = 64 << 10  # per column; without it a column of a row group is read at once
SAMPLE_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class ParquetTable:
    """A `HistoryTable` over one Parquet file."""

    path: Path
    kinds: dict[str, Kind]

    @classmethod
    def open(cls, path: Path) -> ParquetTable:
        """Raises DataError where the file is damaged or two columns share a name."""
        with _parquet(path) as file:
            schema = file.schema_arrow
            return cls(path, kinds_of(path, schema, schema.names))

    def sample(self) -> pa.RecordBatch:
        with _parquet(self.path) as file:
            for batch in file.iter_batches(SAMPLE_ROWS, columns=list(self.kinds)):
                if batch.num_rows:
                    return batch
        raise DataError("the file has no rows", where=str(self.path))

    def batches(
        self, numbers: Sequence[str], others: Sequence[str], rows: int
    ) -> Iterator[pa.RecordBatch]:
        columns = [*others, *numbers]
        with _parquet(self.path) as file:
            for batch in file.iter_batches(rows, columns=columns, use_threads=False):
                yield from pieces(batch, rows)


@contextmanager
def _parquet(path: Path) -> Iterator[pq.ParquetFile]:
    try:
        with pq.ParquetFile(
            path, buffer_size=PAGE_BUFFER_BYTES, pre_buffer=False, page_checksum_verification=True
        ) as file:
            yield file
    except pa.ArrowException as error:
        raise damaged(path, error) from None
    except OSError as error:
        raise unreadable(path, error) from None
