"""Times in the slow lane: whatever the fast lane takes, and every other shape, to the same result.

Numbers arrive as the text that stood in the record, so that nothing is lost on the way through a
float. A time finer than a nanosecond is rounded half to even; a naive ISO 8601 time is UTC.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from sentinel.records import NS_PER_S
from sentinel.source.timestamps import MAX_TIME_NS, MIN_TIME_NS, NS_PER_UNIT

_MAX_TEXT = 64  # no time needs more characters, and nobody may make us count a million digits
_ISO = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)"
    r"(?:[Tt ](\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d+))?)?"
    r" ?(?:([Zz])|([+-])(\d\d)(?::?(\d\d))?)?)?",
    re.ASCII,
)
_EPOCH = datetime(1970, 1, 1)
# A time of day is missing: where a stretch ends, that is the whole day.
DATE_ALONE = r"^\s*\d{4}-?\d\d-?\d\d\s*$"


def ns_of_number(text: str, unit: str) -> int | None:
    """The number `text` in `unit` ("auto": by size) as nanoseconds; None outside 2000-2100."""
    if unit == "iso8601" or len(text) > _MAX_TEXT:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number.adjusted()) > _MAX_TEXT:
        return None
    for factor in NS_PER_UNIT.values() if unit == "auto" else (NS_PER_UNIT[unit],):
        time_ns = _rounded(number, factor)
        if time_ns is not None:
            return time_ns
    return None


def _rounded(number: Decimal, factor: int) -> int | None:
    numerator, denominator = number.as_integer_ratio()
    time_ns, rest = divmod(numerator * factor, denominator)
    if not MIN_TIME_NS <= time_ns < MAX_TIME_NS:
        return None
    if 2 * rest > denominator or (2 * rest == denominator and time_ns % 2):
        time_ns += 1
    return time_ns if time_ns < MAX_TIME_NS else None


def ns_of_text(text: str, unit: str) -> int | None:
    """The ISO 8601 time `text` as nanoseconds; None where it is none, or outside 2000-2100.

    Digits beyond the nanosecond are cut off.
    """
    if unit not in ("auto", "iso8601") or len(text) > _MAX_TEXT:
        return None
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    fraction, _zulu, sign, east_hours, east_minutes = match.groups()[6:]
    east = timedelta(hours=int(east_hours or 0), minutes=int(east_minutes or 0))
    if east >= timedelta(days=1) or int(east_minutes or 0) > 59:
        return None
    try:
        moment = datetime(year, month, day, hour, minute, second)
        since = moment - _EPOCH - (-east if sign == "-" else east)
    except (ValueError, OverflowError):
        return None
    nanoseconds = int((fraction or "")[:9].ljust(9, "0"))
    time_ns = (since.days * 86_400 + since.seconds) * NS_PER_S + nanoseconds
    return time_ns if MIN_TIME_NS <= time_ns < MAX_TIME_NS else None
