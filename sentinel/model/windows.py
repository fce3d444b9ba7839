"""A set of training windows: where each begins in the rows, and how to gather some of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sentinel.kernels.windows import gather
from sentinel.records import Float32Array, TimeArray


@dataclass(frozen=True, slots=True)
class WindowSet:
    """Windows over rows of scaled readings.

    rows     (N, F) float32 scaled, NaN = missing; may be a memory map larger than memory
    starts   (B,) first row of each window
    lengths  (B,) rows of each window; shorter than window_length: padded on the left
    """

    rows: Float32Array
    starts: TimeArray
    lengths: TimeArray
    window_length: int

    def __len__(self) -> int:
        return len(self.starts)

    def gather(self, chosen: TimeArray) -> tuple[Float32Array, Float32Array]:
        """The chosen windows: x (T, F, B), 0 where masked, and mask (T, F, B)."""
        shape = (self.window_length, self.rows.shape[1], len(chosen))
        x, mask = np.empty(shape, np.float32), np.empty(shape, np.float32)
        gather(self.rows, self.starts[chosen], self.lengths[chosen], x, mask)
        return x, mask
