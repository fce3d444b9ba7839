"""Room for what the records of one poll say, row by row; kernels fill it, Python grows it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

READINGS, MISSING = 0, 1  # in `Rows.numbers`

HEAD = np.dtype(
    [
        ("time_ns", np.int64),
        ("offset", np.int64),
        ("entity", np.int32),
        ("partition", np.int32),
        ("channel", np.int32),  # layout long: the column of the only value
    ]
)


class Rows(NamedTuple):
    """Wide: one row per reading. Long: one row per value, W = 1. Kernels take them one by one.

    heads    (capacity,) HEAD
    values   (capacity, W) float64
    numbers  (2,) int64: rows so far, and values masked because they are missing
    """

    heads: NDArray[np.void]
    values: NDArray[np.float64]
    numbers: NDArray[np.int64]

    @property
    def used(self) -> int:
        """Rows so far."""
        return int(self.numbers[READINGS])


def new_rows(capacity: int, width: int) -> Rows:
    """No rows yet, room for `capacity`."""
    return Rows(np.empty(capacity, HEAD), np.empty((capacity, width)), np.zeros(2, np.int64))


def grown(rows: Rows) -> Rows:
    """The same rows, with twice the room."""
    larger = new_rows(2 * len(rows.heads), rows.values.shape[1])
    larger.heads[: rows.used] = rows.heads[: rows.used]
    larger.values[: rows.used] = rows.values[: rows.used]
    larger.numbers[:] = rows.numbers
    return larger
