"""The bytes that the scanners walk over, and the positions they hand each other."""

from __future__ import annotations

import numpy as np

from sentinel.kernels.jit import lean_root
from sentinel.source.arrays import Bytes

SLOW = -1  # in place of a position: only the slow lane reads this record


@lean_root
def at(b: Bytes, p: int) -> int:
    """b[p] for a p >= 0: an unsigned index spares the look for negative ones, a third of all."""
    byte: int = b[np.uint64(p)]
    return byte
