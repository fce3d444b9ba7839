"""The slow lane: any record, read with Python's own JSON parser, judged rule by rule.

The rules of what is a reading stand here in plain words; the fast lane knows only the records that
break none of them, and reads those to the same bits (a property test holds this). Numbers are kept
as text until their rule is known, so that a time is exact and a float is rounded once.

==================================================  ========================================
the record's value is null | no JSON, also empty    the record is rejected: tombstone | not_json
it, or `readings_field`, is an empty array          the record is rejected: no_readings
what should be a reading is no JSON object          the reading is rejected: not_an_object
a value is null or its field is missing             masked: missing
a value is NaN, Infinity, 1e999                     masked: not_finite
a value's magnitude is above 1e30                   masked: too_large
a value is a text, a boolean, an object, an array   the reading is rejected: wrong_type
no value is left                                    the reading is rejected: no_value
no time | not a time, or outside 2000-2100          rejected: no_timestamp | bad_timestamp
no entity | neither text nor a whole number         rejected: no_entity | bad_entity
layout long: no channel name | one of no model      rejected: no_channel | ignored
==================================================  ========================================
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sentinel.source import reasons
from sentinel.source.exact_time import ns_of_number, ns_of_text
from sentinel.source.field_tree import Number
from sentinel.source.layout import Path, RecordLayout

_DECODER = json.JSONDecoder(parse_float=Number, parse_int=Number, parse_constant=Number)
_WHOLE = re.compile(r"-?[1-9][0-9]*|0", re.ASCII)
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class GoodReading:
    """entity: bytes of the name; values: a float per column, NaN = masked; masked: the reasons.

    channel  layout long: the column of the only value; wide: -1
    """

    entity: bytes
    time_ns: int
    values: list[float]
    masked: list[str]
    channel: int = -1


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a reading, or a record as a whole, is not used. index: in its array, -1 outside of one"""

    reason: str
    message: str
    index: int = -1

    def __str__(self) -> str:
        return f"[{self.index}]: {self.message}" if self.index >= 0 else f": {self.message}"


class _Rejected(Exception):  # noqa: N818 - not an error: how a rule ends a reading
    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def parse(value: bytes | None) -> Any:
    """The JSON document, numbers as `Number`; Rejection where there is none."""
    if value is None:
        return Rejection(reasons.TOMBSTONE, "the value is null")
    if not value:
        return Rejection(reasons.NOT_JSON, "the value is empty")
    try:
        return _DECODER.decode(value.decode(errors="surrogateescape"))
    except RecursionError:
        return Rejection(reasons.NOT_JSON, "the value is nested too deeply")
    except ValueError as error:
        return Rejection(reasons.NOT_JSON, f"the value is not JSON: {error}")


class SlowLane:
    """Reads one record at a time by the rules above."""

    def __init__(self, layout: RecordLayout) -> None:
        self._layout = layout
        self._columns = {path[0]: i for i, path in enumerate(layout.values)}

    def read(self, key: bytes | None, document: Any) -> Iterator[GoodReading | Rejection]:
        """What a document holds, in its order: readings, and why others are none."""
        if isinstance(document, Rejection):
            yield document
            return
        around: Any = None
        if self._layout.readings:
            if not isinstance(document, dict):
                yield Rejection(reasons.NOT_AN_OBJECT, "the value is not a JSON object")
                return
            around, document = document, at(document, self._layout.readings)
            if not isinstance(document, list):
                field = _name(self._layout.readings)
                yield Rejection(reasons.NO_READINGS, f"field {field} is not an array of readings")
                return
        if document == []:
            yield Rejection(reasons.NO_READINGS, "the array of readings is empty")
            return
        many = isinstance(document, list)
        for index, reading in enumerate(document if many else (document,)):
            try:
                good = self._reading(key, around, reading)
            except _Rejected as rejected:
                yield Rejection(rejected.reason, rejected.message, index if many else -1)
            else:
                if good is not None:
                    yield good

    def _reading(self, key: bytes | None, around: Any, reading: Any) -> GoodReading | None:
        if not isinstance(reading, dict):
            raise _Rejected(reasons.NOT_AN_OBJECT, "it is not a JSON object")
        if self._layout.layout == "wide":
            time_ns = self._time(around, reading)
            entity = self._entity(key, around, reading)
            values, masked = self._values(self._layout.values, reading)
            return GoodReading(entity, time_ns, values, masked)
        channel = self._channel(around, reading)
        if channel < 0:
            return None
        time_ns = self._time(around, reading)
        entity = self._entity(key, around, reading)
        values, masked = self._values((self._layout.value,), reading)
        return GoodReading(entity, time_ns, values, masked, channel)

    def _time(self, around: Any, reading: Any) -> int:
        path, unit = self._layout.timestamp, self._layout.timestamp_unit
        value = _in_either(reading, around, path)
        if value is _ABSENT or value is None:
            raise _Rejected(reasons.NO_TIMESTAMP, f"field {_name(path)} (the time) is missing")
        time_ns = None
        if isinstance(value, Number):
            time_ns = ns_of_number(value, unit)
        elif isinstance(value, str):
            time_ns = ns_of_text(value, unit)
        if time_ns is None:
            wanted = "a time between 2000 and 2100"
            if unit != "auto":
                wanted += " in ISO 8601" if unit == "iso8601" else f" in {unit}"
            raise _Rejected(reasons.BAD_TIMESTAMP, f"field {_name(path)} is not {wanted}")
        return time_ns

    def _entity(self, key: bytes | None, around: Any, reading: Any) -> bytes:
        path = self._layout.entity
        if not path:
            if not key:
                raise _Rejected(reasons.NO_ENTITY, "the record has no key to name the entity")
            return _checked(key, "the record key")
        value = _in_either(reading, around, path)
        if value is _ABSENT or value is None:
            raise _Rejected(reasons.NO_ENTITY, f"field {_name(path)} (the entity) is missing")
        what = f"field {_name(path)}"
        if not isinstance(value, str) or (
            isinstance(value, Number) and not _WHOLE.fullmatch(value)
        ):
            raise _Rejected(reasons.BAD_ENTITY, f"{what} is neither text nor a whole number")
        return _checked(_encoded(value, what), what)

    def _channel(self, around: Any, reading: Any) -> int:
        """The column of the reading's channel; -1 where no channel of the model is meant."""
        path = self._layout.channel
        name = _in_either(reading, around, path)
        if not isinstance(name, str) or isinstance(name, Number) or not name:
            raise _Rejected(reasons.NO_CHANNEL, f"field {_name(path)} does not name a channel")
        return self._columns.get(name, -1)

    def _values(self, paths: tuple[Path, ...], reading: Any) -> tuple[list[float], list[str]]:
        values, masked = [], []
        for path in paths:
            value, reason = _value(at(reading, path), path)
            values.append(value)
            if reason:
                masked.append(reason)
        if len(masked) == len(values):
            raise _Rejected(reasons.NO_VALUE, "no value is there and finite")
        return values, masked


def _value(value: Any, path: Path) -> tuple[float, str]:
    """(the value or NaN, why it is masked or "")."""
    if value is _ABSENT or value is None:
        return math.nan, reasons.MISSING
    if not isinstance(value, Number):
        raise _Rejected(reasons.WRONG_TYPE, f"field {_name(path)} is not a number")
    number = float(value)
    if not math.isfinite(number):
        return math.nan, reasons.NOT_FINITE
    if abs(number) > reasons.MAX_VALUE:
        return math.nan, reasons.TOO_LARGE
    return number, ""


def at(document: Any, path: Path) -> Any:
    """What stands at a path; where it leads nowhere, what is no JSON."""
    for name in path:
        if not isinstance(document, dict):
            return _ABSENT
        document = document.get(name, _ABSENT)
    return document


def _in_either(reading: Any, around: Any, path: Path) -> Any:
    value = at(reading, path)
    return at(around, path) if value is _ABSENT else value


def _name(path: Path) -> str:
    return json.dumps(".".join(path))


def _encoded(value: str, what: str) -> bytes:
    try:
        return value.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        raise _Rejected(reasons.BAD_ENTITY, f"{what} holds half a character") from None


def _checked(name: bytes, what: str) -> bytes:
    if not name:
        raise _Rejected(reasons.BAD_ENTITY, f"{what} is empty")
    if len(name) > reasons.MAX_NAME_BYTES:
        limit = reasons.MAX_NAME_BYTES
        raise _Rejected(reasons.BAD_ENTITY, f"{what} has more than {limit} bytes")
    return name
