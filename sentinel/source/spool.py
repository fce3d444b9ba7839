"""Readings on disk, as columns: what training reads at random may be larger than memory.

The files are unlinked as they are created, so nothing is left behind however the process ends, and
the pages that were read are the kernel's cache, not this process's memory.
"""

from __future__ import annotations

import errno
import math
import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from sentinel.errors import DataError, ShapeError
from sentinel.records import Readings

DTYPES: dict[str, DTypeLike] = {
    "entity": np.int32,
    "time_ns": np.int64,
    "partition": np.int32,
    "offset": np.int64,
    "values": np.float64,
}
NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
HINT = "free some, or set TMPDIR to a directory on a larger disk"


class Spool:
    """A context manager: append readings, then read them back as if they lay in memory.

    Raises DataError where the directory cannot be written to, or the disk is full.
    """

    def __init__(self, directory: str | Path | None = None) -> None:
        """Files go to `directory`; None: to TMPDIR, /var/tmp, or where Python would put them."""
        self.directory = Path(directory) if directory is not None else _default_directory()
        self._stack = ExitStack()
        self._files: dict[str, BinaryIO] = {}
        self._length = 0
        self._channels: int | None = None

    def __enter__(self) -> Self:
        try:
            for name in DTYPES:
                # Unbuffered: what the disk refuses is refused at once, and nothing waits for close.
                file = tempfile.TemporaryFile(dir=self.directory, buffering=0)
                self._files[name] = self._stack.enter_context(file)
        except OSError as error:
            self._stack.close()
            raise self._refused(error, 0) from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def __len__(self) -> int:
        return self._length

    def append(self, readings: Readings) -> None:
        """Write readings behind the ones that are there.

        Raises DataError where the disk is full; ShapeError where the number of channels is not
        that of the first batch.
        """
        channels = readings.values.shape[1]
        if self._channels is None:
            self._channels = channels
        if channels != self._channels:
            raise ShapeError(f"{channels} channels appended to a spool of {self._channels}")
        columns = {name: _bytes(getattr(readings, name), kind) for name, kind in DTYPES.items()}
        try:
            for name, column in columns.items():
                _write(self._files[name], column)
        except OSError as error:
            raise self._refused(error, sum(len(column) for column in columns.values())) from None
        self._length += len(readings)

    def readings(self) -> Readings:
        """All readings so far: read-only arrays over the files (np.memmap).

        They stay valid after the spool is closed; the disk space is free once both are gone.
        """
        if not self._length:
            return Readings.empty(self._channels or 0)
        assert self._channels is not None
        return Readings(
            self._column("entity"),
            self._column("time_ns"),
            self._column("partition"),
            self._column("offset"),
            self._column("values", self._channels),
        )

    def allocate(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Zeros on the spool's disk, as `np.zeros` has them in memory; DataError where it is full.

        The room is claimed now: a disk that fills up later must not end the process by a SIGBUS.
        """
        size = math.prod(shape) * np.dtype(dtype).itemsize
        try:
            file = self._stack.enter_context(
                tempfile.TemporaryFile(dir=self.directory, buffering=0)  # noqa: SIM115
            )
            os.posix_fallocate(file.fileno(), 0, max(size, 1))
        except OSError as error:
            raise self._refused(error, size) from None
        return np.memmap(file, dtype=dtype, mode="r+", shape=shape)

    def _column(self, name: str, *width: int) -> NDArray[Any]:
        shape = (self._length, *width)
        return np.memmap(self._files[name], dtype=DTYPES[name], mode="r", shape=shape)

    def _refused(self, error: OSError, batch_bytes: int) -> DataError:
        if error.errno not in NO_SPACE:
            what = f"history cannot be spooled here: {error.strerror}"
            return DataError(
                what, where=str(self.directory), hint="set TMPDIR to another directory"
            )
        return DataError(
            f"no space left for the history: {self._size() + batch_bytes:,} bytes needed so far",
            where=str(self.directory),
            hint=HINT,
        )

    def _size(self) -> int:
        row = sum(np.dtype(kind).itemsize for kind in DTYPES.values())
        return self._length * (row + 8 * ((self._channels or 1) - 1))


def _default_directory() -> Path:
    # Not /tmp first: it is often in memory, which is what a spool shall save.
    if not os.environ.get("TMPDIR") and os.access("/var/tmp", os.W_OK | os.X_OK):  # noqa: S108
        return Path("/var/tmp")  # noqa: S108
    return Path(tempfile.gettempdir())


def _bytes(column: NDArray[Any], kind: DTypeLike) -> memoryview:
    return np.ascontiguousarray(column, kind).reshape(-1).view(np.uint8).data


def _write(file: BinaryIO, data: memoryview) -> None:
    while data:
        data = data[file.write(data) :]
