"""Faults of one sensor, put into readings that are known to be healthy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

Kind = Literal["offset", "drift", "noise", "stuck", "spike"]
Values = npt.NDArray[np.float64]

# Standard deviations of the channel in the history: of an offset, of a drift at its end, of the
# noise, of a spike. A stuck channel repeats its value for so much of the fault's readings.
SIZES: Final[Mapping[Kind, tuple[float, ...]]] = {
    "offset": (2.0, 4.0, 8.0),
    "drift": (4.0, 8.0, 16.0),
    "noise": (1.0, 2.0, 4.0),
    "stuck": (0.25, 0.5, 1.0),
    "spike": (8.0, 16.0, 32.0),
}


def faulty(
    healthy: Values, kind: Kind, size: float, usual: float, rng: np.random.Generator
) -> Values:
    """The values of a channel that breaks with the first of them.

    healthy  (n,) what it would have shown
    size     one of SIZES
    usual    the channel's standard deviation
    """
    count = len(healthy)
    found = healthy.copy()
    sign = rng.choice([-1.0, 1.0])
    if kind == "offset":
        found += sign * size * usual
    elif kind == "drift":
        found += sign * size * usual * np.arange(1, count + 1) / count
    elif kind == "noise":
        found += size * usual * rng.normal(size=count)
    elif kind == "stuck":
        found[: max(round(size * count), 1)] = healthy[0]
    else:
        found[0] += sign * size * usual
    return found
