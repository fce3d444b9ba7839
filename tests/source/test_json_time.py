"""Times: the fast lane's integer arithmetic against the slow lane's decimals, to the nanosecond."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sentinel.kernels.jit import lean_root
from sentinel.source.exact_time import ns_of_number, ns_of_text
from sentinel.source.json_number import scan_decimal
from sentinel.source.json_time import CLOCKS, NO_TIME, decimal_time, iso_time
from sentinel.source.timestamps import MAX_TIME_NS, MIN_TIME_NS


@lean_root
def read_number(b, clock):
    negative, mantissa, exponent, p = scan_decimal(b, 0, len(b))
    if p < 0 or negative:
        return np.int64(NO_TIME)
    return decimal_time(mantissa, exponent, clock)


@lean_root
def read_text(b):
    return iso_time(b, 0, len(b))


def fast_number(text: str, unit: str) -> int:
    return int(read_number(np.frombuffer(text.encode(), np.uint8), CLOCKS[unit]))


def fast_text(text: str) -> int:
    return int(read_text(np.frombuffer(text.encode(), np.uint8)))


units = st.sampled_from(["auto", "s", "ms", "us", "ns"])
times_ns = st.integers(MIN_TIME_NS - 10**9, MAX_TIME_NS + 10**9)


@st.composite
def numbers(draw):
    time_ns = draw(times_ns)
    digits = draw(st.sampled_from([9, 6, 3, 0]))
    whole, fraction = divmod(time_ns, 10**digits)
    text = f"{whole}.{fraction:0{digits}}" if digits else str(whole)
    if digits:
        text = text[: len(text) - draw(st.integers(0, digits - 1))]
    text += draw(st.sampled_from(["", "e0", "5", "49", "50", "51"]) if digits else st.just(""))
    return text


@given(numbers(), units)
@example("4102444799.9999999996", "auto")
@example("1700000000.0000000005", "s")
@example("1700000000.0000000015", "s")
@example("9007199254740993", "us")
@example("1700000000123456789", "ns")
@example("946684800", "auto")
@example("946684799.9999999999", "auto")
def test_a_number_that_the_fast_lane_takes_is_the_slow_lanes_time(text, unit):
    fast = fast_number(text, unit)
    if fast != NO_TIME:
        assert fast == ns_of_number(text, unit)


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("1700000000", 1_700_000_000 * 10**9),
        ("1700000000.123456789", 1_700_000_000_123_456_789),
        ("1700000000123", 1_700_000_000_123 * 10**6),
        ("1700000000123.5", 1_700_000_000_123_500_000),
        ("1700000000123456", 1_700_000_000_123_456 * 10**3),
        ("1700000000123456789", 1_700_000_000_123_456_789),
        ("1.7e9", 1_700_000_000 * 10**9),
    ],
)
def test_the_unit_is_told_by_the_size_and_no_digit_is_lost(text, time_ns):
    assert fast_number(text, "auto") == time_ns
    assert ns_of_number(text, "auto") == time_ns


@pytest.mark.parametrize(
    ("text", "unit"),
    [("0", "auto"), ("946684799", "s"), ("4102444800", "s"), ("1700000000", "ms"), ("-1", "auto"),
     ("1e30", "auto"), ("1e999999999999", "auto"), ("NaN", "auto"), ("Infinity", "s"),
     ("1700000000", "iso8601"), ("9" * 5000, "auto")],
)  # fmt: skip
def test_what_lies_outside_of_2000_to_2100_is_no_time(text, unit):
    assert ns_of_number(text, unit) is None
    if text[0].isdigit():
        assert fast_number(text, unit) == NO_TIME


moments = st.datetimes(datetime(1999, 12, 31), datetime(2100, 1, 2))
zones = st.sampled_from(["", "Z", "+00:00", "-07:00", "+05:30", "+14:00", "-23:59"])


def expected_ns(moment: datetime, zone: str, fraction: str) -> int:
    east = timedelta(0)
    if len(zone) == 6:
        east = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6])) * int(zone[0] + "1")
    utc = moment.replace(microsecond=0, tzinfo=timezone(east)).astimezone(UTC)
    seconds = round((utc - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    return seconds * 10**9 + int(fraction[:9].ljust(9, "0") or 0)


@given(moments, st.sampled_from("T "), st.from_regex(r"[0-9]{0,9}", fullmatch=True), zones)
def test_an_iso_time_is_the_same_in_both_lanes_and_right(moment, separator, fraction, zone):
    text = moment.strftime(f"%Y-%m-%d{separator}%H:%M:%S") + ("." + fraction if fraction else "")
    text += zone
    exact = expected_ns(moment, zone, fraction)
    valid = exact if MIN_TIME_NS <= exact < MAX_TIME_NS else None
    assert ns_of_text(text, "auto") == valid
    assert fast_text(text) in (NO_TIME, exact)
    if moment.year in range(2000, 2100) and valid is not None:
        assert fast_text(text) == exact


@pytest.mark.parametrize(
    "text",
    ["2013-12-02T21:15", "2013-12-02", "20131202T211500Z", "2013-12-02T21:15:00+0100",
     "2013-12-02T21:15:00,5Z", "2013-12-02T21:15:00.1234567891Z", "2013-12-02t21:15:00z"],
)  # fmt: skip
def test_less_common_shapes_are_the_slow_lanes(text):
    assert fast_text(text) == NO_TIME
    assert ns_of_text(text, "iso8601") is not None


@pytest.mark.parametrize(
    "text",
    ["", "now", "2013-13-02T21:15:00", "2013-02-29T00:00:00Z", "2013-12-02T24:00:00", "1999-01-01",
     "2013-12-02T21:60:00", "2013-12-02T21:15:60", "2013-12-02T21:15:00+24:00", "2100-01-01",
     "2013-12-02T21:15:00+01:60", "2013-12-02T21:15:00 UTC", "1700000000",
     "\uff12\uff10\uff11\uff13-12-02"],
)  # fmt: skip
def test_what_is_no_time_is_none_in_both_lanes(text):
    assert fast_text(text) == NO_TIME
    assert ns_of_text(text, "auto") is None
