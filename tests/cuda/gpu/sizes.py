"""How large the tests on a GPU are; in the simulator, tiny."""

from __future__ import annotations

import numpy as np

from sentinel.records import Float32Array, TimeArray
from tests.bench.kernels import SHAPES as BENCHMARKED
from tests.cuda.gpu_here import SIMULATED

# Steps, channels, hidden units.
SHAPES = [(3, 2, 4), (2, 1, 3)] if SIMULATED else list(BENCHMARKED)
BATCHES = [1, 7] if SIMULATED else [1, 257, 10_007]
MANY = 9 if SIMULATED else 65_536
# A window more or less, layers of one unit and of many, more channels than units, primes.
ODD = [
    (1, 1, 1), (1, 3, 2), (2, 2, 3), (3, 7, 2),
]  if SIMULATED else [
    (1, 1, 1), (1, 8, 32), (2, 3, 7), (3, 300, 5), (5, 38, 33), (7, 1, 100), (11, 13, 129),
    (13, 25, 200), (17, 4096, 1), (4, 2, 257), (3, 5, 1024),
]  # fmt: skip
ODD_BATCHES = [1, 5] if SIMULATED else [1, 2, 3, 61, 997]
ENTITIES = [1, 5] if SIMULATED else [1, 61, 4099]
ROUNDS = 3 if SIMULATED else 300


def windows(
    steps: int, channels: int, count: int, seed: int = 0
) -> tuple[Float32Array, TimeArray, TimeArray]:
    """Rows, and places of windows in no order that overlap and are short or empty, values missing.

    At least a window of each kind is there where there are several.
    """
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((2 * steps + count // 2, channels), np.float32)
    rows[rng.random(rows.shape) < 0.1] = np.nan
    lengths = np.full(count, steps)
    lengths[1::3] = rng.integers(0, steps + 1, len(lengths[1::3]))
    starts = rng.integers(0, len(rows) - steps + 1, count)
    return rows, starts, lengths
