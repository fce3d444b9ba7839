"""Units of time, told apart by size: between 2000 and 2100 their ranges do not touch."""

from __future__ import annotations

import numpy as np

from sentinel.records import NS_PER_S, BoolArray, FloatArray, TimeArray

NS_PER_UNIT = {"s": NS_PER_S, "ms": 1_000_000, "us": 1_000, "ns": 1}
MIN_TIME_NS = 946_684_800 * NS_PER_S  # 2000-01-01T00:00:00Z
MAX_TIME_NS = 4_102_444_800 * NS_PER_S  # 2100-01-01T00:00:00Z


def unit_of(value: float) -> str | None:
    """The unit in which `value` lies between 2000 and 2100, or None."""
    for unit, factor in NS_PER_UNIT.items():
        if MIN_TIME_NS <= value * factor < MAX_TIME_NS:
            return unit
    return None


def to_ns(values: TimeArray | FloatArray, unit: str) -> tuple[TimeArray, BoolArray]:
    """Unix times in `unit` as nanoseconds, and which of them lie between 2000 and 2100.

    values  (N,) int64, exact; or float64, rounded to the microsecond where the unit is coarser
            (a double holds the seconds of today to a quarter of a microsecond)
    """
    factor = NS_PER_UNIT[unit]
    low, high = MIN_TIME_NS / factor, MAX_TIME_NS / factor
    valid = (values >= low) & (values < high)
    usable = np.where(valid, values, low)
    if np.issubdtype(values.dtype, np.integer):
        return usable.astype(np.int64) * factor, valid
    if factor <= 1_000:
        return np.rint(usable * factor).astype(np.int64), valid
    return np.rint(usable * (factor // 1_000)).astype(np.int64) * 1_000, valid
