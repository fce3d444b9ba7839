"""A set of training windows: where each begins in the rows, and how to gather some of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sentinel.kernels.windows import gather
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

    def gather(self, chosen: TimeArray) -> tuple[Float32Array, Float32Array]:
        """The chosen windows: x (T, F, B), 0 where masked, and mask (T, F, B)."""
        shape = (self.window_length, self.rows.shape[1], len(chosen))
        x, mask = np.empty(shape, np.float32), np.empty(shape, np.float32)
        if self.runs is None:
            starts, lengths = self.starts[chosen], self.lengths[chosen]
        else:
            run = np.searchsorted(self.runs, chosen, "right") - 1
            starts = self.starts[run] + (chosen - self.runs[run]) * self.window_stride
            lengths = self.lengths[run]
        gather(self.rows, starts, lengths, x, mask)
        return x, mask
