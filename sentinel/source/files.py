"""Readings from files: CSV and Parquet, one file, many, or directories of them.

Files are read one after the other, in batches, so that a history may be larger than memory; every
one is looked at before the first is read, so that a wrong file is told of at once.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

from sentinel.config.schema import TimestampUnit
from sentinel.errors import DataError
from sentinel.plural import listed
from sentinel.ports import ChannelReport, PollBatch, TopicPartition
from sentinel.source.history_layout import FileLayout
from sentinel.source.history_long import is_in_order, read_long
from sentinel.source.history_names import NameIndex
from sentinel.source.history_paths import find_files
from sentinel.source.history_plan import look_at
from sentinel.source.history_stream import read_as_stream
from sentinel.source.history_wide import read_wide

__all__ = ["FileLayout", "FileSource"]

BATCH_ROWS = 65_536
BATCH_BYTES = 8 << 20  # of values; fewer rows where there are many channels
REPORTED_MAX = 100  # names in each list of `channels()`


class FileSource:
    """A `Source` over files: ends after the last row, and has nothing to commit.

    files          paths; `Readings.partition` indexes it
    channel_names  columns of `Readings.values`
    time_units     how each file writes its times: s, ms, us, ns or iso8601
    time_unit      that of the first file

    Readings come file by file, and in layout wide exactly one per row, in the order of the rows
    (`Readings.offset`, from 0). Rows in messages are counted from 1, without the header.

    Every column of numbers (whole, fractional, truth values as 0 and 1) that is not the time, the
    entity or excluded is a channel; columns of text are ignored with one line in the log. Empty
    cells, NaN, infinite and absurd values are NaN. In layout long each name in the channel column
    is one, and the files are read twice: see `history_long`, `history_stream`.
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        layout: FileLayout | None = None,
        channels: Sequence[str] | None = None,
        batch_rows: int = BATCH_ROWS,
        *,
        as_stream: bool = False,
    ) -> None:
        """Look at every file.

        channels    the model's, by name: a missing one is NaN, others are passed over; None: those
                    of the first file, and every other file must have the same
        batch_rows  at most so many rows in one poll batch
        as_stream   layout long: readings as the daemon would make them of the rows as they stand;
                    False: as the times have them, whatever the order of the rows
        Raises      DataError where a file cannot be read, or its columns do not fit
        """
        layout = layout or FileLayout()
        self.files: Sequence[Path] = tuple(find_files(paths))
        self._histories = look_at(self.files, layout, channels)
        self.time_units: Sequence[TimestampUnit] = tuple(file.unit for file in self._histories)
        self.time_unit = self.time_units[0]
        self._entities = NameIndex()
        self._is_long = layout.layout == "long"
        self._as_stream = as_stream
        if self._is_long:
            names = NameIndex()
            self._in_order = [
                is_in_order(file, self._entities, names, batch_rows) for file in self._histories
            ]
            self._in_all = set(names.names)
        else:
            names = NameIndex(name for file in self._histories for name in file.roles.numbers)
            self._in_all = set.intersection(*(set(file.roles.numbers) for file in self._histories))
        self._found = names.names
        self.channel_names = tuple(self._found if channels is None else channels)
        self._demand_channels()
        rows = min(batch_rows, BATCH_BYTES // (8 * len(self.channel_names)))
        self._batches = self._read(max(1, rows))

    @property
    def entities(self) -> Sequence[str]:
        """Entity names so far; `Readings.entity` indexes it."""
        return self._entities.names

    def poll(self, timeout_ms: int) -> PollBatch | None:
        """The next rows of one file; None after the last. Files never keep anyone waiting.

        Raises DataError with file and row where a time, a name or a value is wrong.
        """
        return next(self._batches, None)

    def commit(self, positions: Mapping[TopicPartition, int]) -> None:
        """Nothing: a file is read from its beginning every time."""

    def lag_records(self) -> int | None:
        """Not known: CSV does not tell how many rows it has."""
        return None

    def assigned(self) -> int:
        """One: the files are read as a single stream."""
        return 1

    def channels(self) -> ChannelReport:
        """How the files' channels compare with the ones asked for; missing: in at least one."""
        matched = [name for name in self.channel_names if name in self._in_all]
        missing = [name for name in self.channel_names if name not in self._in_all]
        unknown = [name for name in self._found if name not in set(self.channel_names)]
        return ChannelReport(matched[:REPORTED_MAX], missing[:REPORTED_MAX], unknown[:REPORTED_MAX])

    def close(self) -> None:
        """Close the file that is being read. Idempotent; nothing follows."""
        self._batches.close()

    def _read(self, rows: int) -> Generator[PollBatch, None, None]:
        channels = NameIndex(self.channel_names)
        for file in self._histories:
            if self._is_long and self._as_stream:
                yield from read_as_stream(file, channels, self._entities, rows)
            elif self._is_long:
                in_order = self._in_order[file.number]
                yield from read_long(file, channels, self._entities, rows, in_order)
            else:
                yield from read_wide(file, self.channel_names, self._entities, rows)

    def _demand_channels(self) -> None:
        where = str(self.files[0])
        if not self._found:
            hint = "beside the time and the machine's name all are text, or left out by --exclude"
            raise DataError("no column holds numbers", where=where, hint=hint)
        if not set(self._found) & set(self.channel_names):
            raise DataError(
                f"none of the channels is in the model: {listed(self._found)}",
                where=where,
                hint=f"the model has {listed(self.channel_names)}",
            )
