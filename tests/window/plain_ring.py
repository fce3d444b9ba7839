"""The ring of one entity in plain Python: what the compiled ones must do, said another way."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from sentinel.records import Float32Array, Status


@dataclass
class PlainRing:
    """A deque of rows, and how many came since the last restart."""

    window_length: int
    window_stride: int
    max_gap_ns: int
    rows: deque[Float32Array] = field(init=False)
    last_ns: int | None = None
    since_restart: int = 0

    def __post_init__(self) -> None:
        self.rows = deque(maxlen=self.window_length)

    def push(self, time_ns: int, row: Float32Array) -> tuple[Status, int, bool, int]:
        """Status, readings in the window, restarted, missing values."""
        if np.isnan(row).all():
            return Status.REJECTED, len(self.rows), False, 0
        if self.last_ns is not None and time_ns <= self.last_ns:
            status = Status.DUPLICATE if time_ns == self.last_ns else Status.LATE
            return status, len(self.rows), False, 0
        restarted = self.last_ns is not None and time_ns - self.last_ns > self.max_gap_ns
        if restarted:
            self.rows.clear()
            self.since_restart = 0
        self.rows.append(row)
        self.last_ns = time_ns
        self.since_restart += 1
        return self._status(), len(self.rows), restarted, int(np.isnan(row).sum())

    def _status(self) -> Status:
        beyond = self.since_restart - self.window_length
        if beyond < 0:
            return Status.WARMING
        return Status.OK if beyond % self.window_stride == 0 else Status.BETWEEN
