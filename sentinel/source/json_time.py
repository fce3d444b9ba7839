"""Times in the fast lane: a decimal or an ISO 8601 text becomes nanoseconds, exactly.

The same rules as `exact_time`, in integer arithmetic. NO_TIME stands for everything that only the
slow lane decides: other shapes, and times that it will reject.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sentinel.kernels.jit import lean_root
from sentinel.source.arrays import Bytes
from sentinel.source.bytes_at import at
from sentinel.source.json_number import TENS
from sentinel.source.timestamps import MAX_TIME_NS, MIN_TIME_NS

NO_TIME = 0  # never a valid time: valid ones begin in the year 2000

# How numbers and texts are taken: the digits of a unit's nanoseconds, or by themselves.
AUTO, ISO8601 = -1, -2
CLOCKS = {"auto": AUTO, "s": 9, "ms": 6, "us": 3, "ns": 0, "iso8601": ISO8601}

_MAX_MANTISSA = np.array([MAX_TIME_NS // 10**k for k in range(19)], np.int64)
_MAX_DIGITS = np.uint64(10**18)
_DAYS_BEFORE_MONTH = np.array([0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334], np.int64)
_DAYS_OF_MONTH = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)
_ZERO, _NINE = 48, 57


@lean_root
def decimal_time(mantissa: np.uint64, exponent: int, clock: int) -> int:
    """Mantissa * 10**exponent in the clock's unit as nanoseconds, half to even; or NO_TIME.

    clock  AUTO, or the number of decimal digits between the unit and the nanosecond
    """
    if mantissa > _MAX_DIGITS * np.uint64(9) or exponent < -18 or exponent > 18:
        return NO_TIME
    if clock >= 0:
        return _scaled(np.int64(mantissa), exponent + clock)
    if clock == AUTO:
        for digits in (9, 6, 3, 0):
            time_ns = _scaled(np.int64(mantissa), exponent + digits)
            if time_ns != NO_TIME:
                return time_ns
    return NO_TIME


@lean_root
def _scaled(mantissa: Any, exponent: int) -> int:
    """The time mantissa * 10**exponent, where it is whole and lies in the valid range of times.

    It is whole for every time of at most 18 digits: a finer one is the slow lane's to round.
    """
    if exponent > 18 or exponent < 0 or mantissa > _MAX_MANTISSA[exponent]:
        return NO_TIME
    time_ns: int = mantissa * TENS[exponent]
    return time_ns if MIN_TIME_NS <= time_ns < MAX_TIME_NS else NO_TIME


@lean_root
def _pair(b: Bytes, p: int) -> int:
    """The two digits at `p` as a number; -1 where they are none."""
    high, low = at(b, p) - _ZERO, at(b, p + 1) - _ZERO
    return high * 10 + low if 0 <= high <= 9 and 0 <= low <= 9 else -1


@lean_root
def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


@lean_root
def _date(b: Bytes, p: int) -> int:
    """Days since 1970 of the ten characters YYYY-MM-DD at `p`, years 2000 to 2099; else -1."""
    century, year, month, day = _pair(b, p), _pair(b, p + 2), _pair(b, p + 5), _pair(b, p + 8)
    if century != 20 or year < 0 or at(b, p + 4) != 45 or at(b, p + 7) != 45:
        return -1
    if month < 1 or month > 12:
        return -1
    leap = _is_leap(2000 + year)
    if day < 1 or day > _DAYS_OF_MONTH[month - 1] + (month == 2 and leap):
        return -1
    days: int = 10957 + 365 * year + (year + 3) // 4  # 10957: from 1970 to 2000
    days += _DAYS_BEFORE_MONTH[month - 1] + (month > 2 and leap) + day - 1
    return days


@lean_root
def _zone(b: Bytes, p: int, end: int) -> int:
    """Seconds east of UTC of what stands from `p` to `end`: nothing, Z or +hh:mm; 1 = other."""
    if p == end:
        return 0
    if p + 1 == end and at(b, p) == 90:
        return 0
    if p + 6 != end or (at(b, p) != 43 and at(b, p) != 45) or at(b, p + 3) != 58:
        return 1
    hours, minutes = _pair(b, p + 1), _pair(b, p + 4)
    if hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
        return 1
    east = hours * 3600 + minutes * 60
    return -east if at(b, p) == 45 else east


@lean_root
def iso_time(b: Bytes, p: int, end: int) -> int:
    """YYYY-MM-DD[T ]HH:MM:SS[.f][Z|+hh:mm] from `p` to `end` as nanoseconds; else NO_TIME."""
    if end - p < 19:
        return NO_TIME
    days = _date(b, p)
    hours, minutes, seconds = _pair(b, p + 11), _pair(b, p + 14), _pair(b, p + 17)
    if (
        days < 0
        or (at(b, p + 10) != 84 and at(b, p + 10) != 32)
        or at(b, p + 13) != 58
        or at(b, p + 16) != 58
    ):
        return NO_TIME
    if hours < 0 or hours > 23 or minutes < 0 or minutes > 59 or seconds < 0 or seconds > 59:
        return NO_TIME
    p += 19
    nanoseconds = 0
    if p < end and at(b, p) == 46:
        start = p + 1
        p = start
        while p < end and _ZERO <= at(b, p) <= _NINE:
            if p - start < 9:
                nanoseconds = nanoseconds * 10 + (at(b, p) - _ZERO)
            p += 1
        digits = p - start
        if digits == 0 or digits > 9:
            return NO_TIME
        nanoseconds *= TENS[9 - digits]
    east = _zone(b, p, end)
    if east == 1:
        return NO_TIME
    day_seconds = hours * 3600 + minutes * 60 + seconds - east
    time_ns = (days * 86400 + day_seconds) * 1_000_000_000 + nanoseconds
    return time_ns if MIN_TIME_NS <= time_ns < MAX_TIME_NS else NO_TIME
