"""Units of time, told apart by size: between 2000 and 2100 their ranges do not touch."""

from __future__ import annotations

import numpy as np

from sentinel.records import NS_PER_S, BoolArray, TimeArray

NS_PER_UNIT = {"s": NS_PER_S, "ms": 1_000_000, "us": 1_000, "ns": 1}
MIN_TIME_NS = 946_684_800 * NS_PER_S  # 2000-01-01T00:00:00Z
MAX_TIME_NS = 4_102_444_800 * NS_PER_S  # 2100-01-01T00:00:00Z


def to_ns(values: TimeArray, unit: str) -> tuple[TimeArray, BoolArray]:
    """Whole unix times in `unit`, (N,) int64, as nanoseconds, exactly.

    And which of them lie between 2000 and 2100: the others become the first moment of 2000.
    """
    factor = NS_PER_UNIT[unit]
    valid = (values >= MIN_TIME_NS // factor) & (values < MAX_TIME_NS // factor)
    return np.where(valid, values, MIN_TIME_NS // factor) * factor, valid
