"""Time columns of a file as nanoseconds: unix times of any unit, ISO 8601, Arrow timestamps.

The unit is a property of the file: the first row decides (`unit_of_first`), every other row must
agree. Times without a zone are UTC. A time outside of 2000 to 2100 is none.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sentinel.config.schema import TimestampUnit
from sentinel.errors import DataError
from sentinel.records import BoolArray, TimeArray
from sentinel.source.exact_time import ns_of_number, ns_of_text
from sentinel.source.history_table import place, shortened, unfit
from sentinel.source.timestamps import NS_PER_UNIT, to_ns

UNITS: tuple[TimestampUnit, ...] = ("s", "ms", "us", "ns")
EXPECTED = "unix time in s, ms, us or ns, or ISO 8601, between 2000 and 2100"
HINT = "set --timestamp-unit (s, ms, us, ns, iso8601) or convert the column to ISO 8601"
EMPTY_HINT = "every reading needs a time"
YEAR_S = 31_622_400  # the longest there is


def unit_of_first(
    column: pa.Array, unit: TimestampUnit, name: str, path: Path, row: int = 0
) -> TimestampUnit:
    """The unit of a file's times: `unit` itself, or for "auto" what the column's first row shows.

    row     the first that holds anything
    Raises  DataError where it is no time in any unit
    """
    if unit != "auto":
        return unit
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        return "iso8601"
    value = _value(column, row)
    found = _unit_shown(value)
    if found is None:
        raise _no_time(path, row, name, value, EXPECTED)
    return found


def times_ns(
    column: pa.Array, unit: TimestampUnit, name: str, path: Path, first_row: int
) -> TimeArray:
    """A batch of times, all in `unit` (not "auto"), as nanoseconds since the epoch, (N,) int64.

    first_row  the file's row at which the batch begins, for messages
    Raises     DataError with file, row and value for the first row that is no time in this unit,
               and where the column's type has no times
    """
    try:
        return _checked(column, unit, name, path, first_row)
    except pa.ArrowException as error:
        raise unfit(path, name, column.type, "times", error) from None


def _checked(
    column: pa.Array, unit: TimestampUnit, name: str, path: Path, first_row: int
) -> TimeArray:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    time_ns, valid = _convert(column, unit)
    if not valid.all():
        row = int(np.argmin(valid))
        value = _value(column, row)
        expected = EXPECTED if unit == "iso8601" else f"unix time in {unit} between 2000 and 2100"
        shown = _unit_shown(value)
        if shown is not None and shown != unit:
            before = "the rows before" if first_row + row else "--timestamp-unit"
            expected = f"{unit} as in {before}; this one looks like {shown}"
        raise _no_time(path, first_row + row, name, value, expected)
    return time_ns


def _convert(column: pa.Array, unit: TimestampUnit) -> tuple[TimeArray, BoolArray]:
    """Times, and which of them are any; those after the first that is none are not looked at."""
    kind = column.type
    if pa.types.is_date(kind):
        column = column.cast(pa.timestamp("ms"))
        kind = column.type
    if pa.types.is_timestamp(kind):
        return _numbers(column.cast(pa.int64()), kind.unit)
    if unit == "iso8601":
        return _iso(column.cast(pa.string()))
    if pa.types.is_integer(kind):
        return _numbers(column, unit)
    if pa.types.is_floating(kind):
        return _doubles(column, unit)
    return _decimals(column.cast(pa.string()), unit)


def _numbers(column: pa.Array, unit: str) -> tuple[TimeArray, BoolArray]:
    numbers = column.fill_null(0).cast(pa.int64(), safe=False)
    return to_ns(numbers.to_numpy(zero_copy_only=False), unit)


def _doubles(column: pa.Array, unit: str) -> tuple[TimeArray, BoolArray]:
    """A double stands for its shortest decimal, so that it means the same in CSV and in Parquet."""
    if unit == "ns":
        return _decimals(column.cast(pa.string()), unit)
    doubles = column.cast(pa.float64()).fill_null(np.nan).to_numpy(zero_copy_only=False)
    # Today's doubles are finer than a microsecond, but where a whole number of those is exact, it
    # is also the shortest decimal.
    per_unit = NS_PER_UNIT[unit] // 1_000
    with np.errstate(over="ignore"):
        steps = np.rint(doubles * per_unit)
    steps = np.where(np.abs(steps) < 2.0**62, steps, 0.0)
    time_ns, valid = to_ns(steps.astype(np.int64), "us")
    finer = np.flatnonzero(valid & (steps / per_unit != doubles))
    if len(finer):
        text = pa.array(doubles[finer]).cast(pa.string())
        time_ns[finer], valid[finer] = _decimals(text, unit)
    return time_ns, valid


def _decimals(text: pa.Array, unit: str) -> tuple[TimeArray, BoolArray]:
    """Decimal numbers, exact down to the nanosecond."""
    scale = len(str(NS_PER_UNIT[unit])) - 1
    fixed, per_unit = pa.decimal128(27, scale), pa.scalar(Decimal(NS_PER_UNIT[unit]))
    try:
        return _numbers(text.cast(pa.int64()), unit)
    except pa.ArrowInvalid:
        pass  # Some are fractions, or no numbers at all.
    try:
        return _numbers(pc.multiply(text.cast(fixed), per_unit).cast(pa.int64()), "ns")
    except pa.ArrowInvalid:
        pass  # Some are finer than a nanosecond, have a comma, blanks, or are no numbers at all.
    # So short that the nanoseconds are below 10**19: wrapped around they would be no time either.
    plain = pc.match_substring_regex(text, rf"^\d{{1,{19 - scale}}}(\.\d{{0,{scale}}})?$")
    simple = pc.if_else(plain, text, pa.scalar(None, pa.string())).cast(fixed)
    time_ns, valid = _numbers(pc.multiply(simple, per_unit), "ns")
    for row in np.flatnonzero(~valid):
        exact = ns_of_number((text[row].as_py() or "").strip().replace(",", "."), unit)
        if exact is None:
            break
        time_ns[row], valid[row] = exact, True
    return time_ns, valid


def _iso(text: pa.Array) -> tuple[TimeArray, BoolArray]:
    for zone in (None, "UTC"):
        try:
            return _numbers(text.cast(pa.timestamp("ns", zone)).cast(pa.int64()), "ns")
        except pa.ArrowInvalid:
            pass  # Rare shapes, some with a zone and some without, or no times at all.
    time_ns, valid = np.zeros(len(text), np.int64), np.zeros(len(text), np.bool_)
    for row, value in enumerate(text.to_pylist()):
        exact = ns_of_text((value or "").strip(), "iso8601")
        if exact is None:
            break
        time_ns[row], valid[row] = exact, True
    return time_ns, valid


def _value(column: pa.Array, row: int) -> object:
    """One value for a message; Arrow's own times do not all fit Python's, so those as text."""
    value = column[row]
    return value.cast(pa.string()).as_py() if pa.types.is_temporal(column.type) else value.as_py()


def _unit_shown(value: object) -> TimestampUnit | None:
    """The unit in which a single value is a time, or None."""
    text = str(value).strip()
    for unit in UNITS:
        if ns_of_number(text.replace(",", "."), unit) is not None:
            return unit
    return "iso8601" if ns_of_text(text, "iso8601") is not None else None


def _no_time(path: Path, row: int, name: str, value: object, expected: str) -> DataError:
    if value is None or value == "":
        what, hint = f"column {name!r}: the time is empty", EMPTY_HINT
    else:
        what, hint = f"column {name!r}: {shortened(value)} is not a time ({expected})", HINT
        if _is_in_1970(str(value)):
            hint = (
                "it would be in 1970: a column that counts from the start of a run needs the time "
                "of that start added, one that was converted to dates another unit before"
            )
    return DataError(what, where=place(path, row), hint=hint)


def _is_in_1970(text: str) -> bool:
    """A date of that year, or a number that is so small that it would be one as unix seconds."""
    if text.startswith("1970-"):
        return True
    try:
        return 0 <= float(text) < YEAR_S
    except ValueError:
        return False
