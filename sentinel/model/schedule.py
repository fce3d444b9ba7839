"""How the learning rate goes through a training."""

from __future__ import annotations

import math

WARM_UP_SHARE = 0.1
START_DIVISOR = 25.0
END_DIVISOR = 1e4


def one_cycle(step: int, steps: int, largest: float) -> float:
    """Learning rate of step 1 .. steps: from largest / 25 up in the first tenth, then down to zero.

    Both ways along half a cosine; it ends at largest / 25 / 10,000.
    Source: Smith & Topin, "Super-Convergence", 2018, in PyTorch's form (OneCycleLR).
    """
    start = largest / START_DIVISOR
    top = max(1.0, WARM_UP_SHARE * steps - 1)
    at = min(step, steps) - 1.0
    if at <= top:
        return _along_cosine(start, largest, at / top)
    return _along_cosine(largest, start / END_DIVISOR, (at - top) / max(1.0, steps - 1 - top))


def _along_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * share))
