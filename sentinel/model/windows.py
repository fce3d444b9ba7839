"""A set of training windows: where each begins in the rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sentinel.records import Float32Array, TimeArray


@dataclass(frozen=True, slots=True)
class WindowSet:
    """Windows over rows of scaled readings, as runs of them: nothing is kept for each window.

    rows           (N, F) float32 scaled, NaN = missing; may be a memory map larger than memory
    starts         (P,) first row of the first window of each run
    lengths        (P,) rows of each window of a run; shorter than window_length: padded on the left
    runs           (P + 1,) number of the first window of each run, and how many windows there are;
                   None: a run is a single window
    window_stride  rows from one window of a run to the next
    """

    rows: Float32Array
    starts: TimeArray
    lengths: TimeArray
    window_length: int
    runs: TimeArray | None = None
    window_stride: int = 1

    def __len__(self) -> int:
        return len(self.starts) if self.runs is None else int(self.runs[-1])

    def places(self, chosen: TimeArray) -> tuple[TimeArray, TimeArray]:
        """The first row and the number of rows of each chosen window: both (B,)."""
        if self.runs is None:
            return self.starts[chosen], self.lengths[chosen]
        run = np.searchsorted(self.runs, chosen, "right") - 1
        return self.starts[run] + (chosen - self.runs[run]) * self.window_stride, self.lengths[run]

    def shorter(self, window_length: int) -> WindowSet:
        """All windows of so many rows within the same runs, of a set with one window a row."""
        numbers = np.arange(len(self.starts) + 1) if self.runs is None else self.runs
        counts = np.maximum(np.diff(numbers) + self.lengths - window_length, 0)
        return WindowSet(
            self.rows,
            self.starts,
            np.full_like(self.lengths, window_length),
            window_length,
            np.concatenate(([0], np.cumsum(counts))),
        )
