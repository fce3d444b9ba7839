"""What is a reading and what is not: the rules, one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sentinel.errors import ConfigError
from sentinel.source import reasons
from sentinel.source.batches import PlainRecord, pack
from sentinel.source.channel_watch import UNKNOWN_CHANNELS_MAX
from sentinel.source.decoder import Decoder
from tests.source.decoding import TIME_NS, TIME_S, batch_of, decode, source_config

GOOD = {"ts": TIME_S, "temp": 1.5, "vib": 2}


def without(name):
    return {k: v for k, v in GOOD.items() if k != name}


@pytest.mark.parametrize(
    ("value", "reason", "message"),
    [
        (None, reasons.TOMBSTONE, "the value is null"),
        (b"", reasons.NOT_JSON, "the value is empty"),
        (b" ", reasons.NOT_JSON, "the value is not JSON: Expecting value"),
        (b"[]", reasons.NO_READINGS, "the array of readings is empty"),
        (b" [ ] ", reasons.NO_READINGS, "the array of readings is empty"),
        (b"[] x", reasons.NOT_JSON, "the value is not JSON: Extra data"),
        (b"{", reasons.NOT_JSON, "the value is not JSON"),
        (b'{"ts": 1} x', reasons.NOT_JSON, "the value is not JSON: Extra data"),
        (b"[" * 100_000, reasons.NOT_JSON, "the value is nested too deeply"),
        (b"3", reasons.NOT_AN_OBJECT, "it is not a JSON object"),
        (b'"text"', reasons.NOT_AN_OBJECT, "it is not a JSON object"),
        (without("ts"), reasons.NO_TIMESTAMP, 'field "ts" (the time) is missing'),
        ({**GOOD, "ts": None}, reasons.NO_TIMESTAMP, 'field "ts" (the time) is missing'),
        ({**GOOD, "ts": True}, reasons.BAD_TIMESTAMP, 'field "ts" is not a time between 2000'),
        ({**GOOD, "ts": "soon"}, reasons.BAD_TIMESTAMP, 'field "ts" is not a time between 2000'),
        ({**GOOD, "ts": 12}, reasons.BAD_TIMESTAMP, 'field "ts" is not a time between 2000'),
        ({**GOOD, "ts": 10**400}, reasons.BAD_TIMESTAMP, 'field "ts" is not a time between 2000'),
        ({**GOOD, "temp": "1.5"}, reasons.WRONG_TYPE, 'field "temp" is not a number'),
        ({**GOOD, "temp": True}, reasons.WRONG_TYPE, 'field "temp" is not a number'),
        ({**GOOD, "temp": {}}, reasons.WRONG_TYPE, 'field "temp" is not a number'),
        ({**GOOD, "vib": [1]}, reasons.WRONG_TYPE, 'field "vib" is not a number'),
        ({"ts": TIME_S}, reasons.NO_VALUE, "no value is there and finite"),
        ({"ts": TIME_S, "temp": None, "vib": math.nan}, reasons.NO_VALUE, "no value is there"),
    ],
)
def test_a_record_without_a_reading_is_rejected_and_kept_as_a_dead_letter(value, reason, message):
    decoded, _ = decode([value])
    assert len(decoded.readings) == 0
    assert decoded.rejected == {reason: 1}
    assert not decoded.masked
    (letter,) = decoded.dead_letters
    assert letter.reason == reason
    assert letter.message.startswith(f"readings/0@0: {message}")
    assert letter.stage == ("decode" if reason in reasons.DECODE_STAGE else "read")
    assert reason in reasons.REJECTED


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("null", reasons.MISSING),
        ("NaN", reasons.NOT_FINITE),
        ("Infinity", reasons.NOT_FINITE),
        ("-Infinity", reasons.NOT_FINITE),
        ("1e999", reasons.NOT_FINITE),
        ("-1e999", reasons.NOT_FINITE),
        ("1" + "0" * 400, reasons.NOT_FINITE),
        ("1.1e30", reasons.TOO_LARGE),
        ("-1.1e30", reasons.TOO_LARGE),
        ("1" + "0" * 31, reasons.TOO_LARGE),
    ],
)
def test_a_value_that_is_no_measurement_is_masked_and_the_rest_is_used(text, reason):
    decoded, _ = decode([f'{{"ts": {TIME_S}, "temp": {text}, "vib": 2}}'.encode()])
    assert decoded.masked == {reason: 1}
    assert not decoded.rejected
    np.testing.assert_array_equal(decoded.readings.values, [[math.nan, 2.0]])
    assert reason in reasons.MASKED


def test_a_missing_field_is_masked():
    decoded, _ = decode([without("temp"), without("vib")])
    np.testing.assert_array_equal(decoded.readings.values, [[math.nan, 2.0], [1.5, math.nan]])
    assert decoded.masked == {reasons.MISSING: 2}


def test_the_largest_measurement_is_used():
    decoded, _ = decode([{**GOOD, "temp": 1e30, "vib": -1e30}])
    assert decoded.readings.values.tolist() == [[1e30, -1e30]]


def test_of_a_field_that_stands_twice_the_last_one_counts():
    decoded, _ = decode([f'{{"ts": {TIME_S}, "temp": 1, "temp": 2, "vib": 3}}'.encode()])
    assert decoded.readings.values.tolist() == [[2.0, 3.0]]


@pytest.mark.parametrize("key", [None, b""])
def test_without_a_key_there_is_no_entity(key):
    decoded, _ = decode([GOOD], key=key)
    assert decoded.rejected == {reasons.NO_ENTITY: 1}
    assert decoded.dead_letters[0].message == (
        "readings/0@0: the record has no key to name the entity"
    )


@pytest.mark.parametrize(
    ("entity", "reason"),
    [
        ({}, reasons.NO_ENTITY),
        ({"id": None}, reasons.NO_ENTITY),
        ({"id": True}, reasons.BAD_ENTITY),
        ({"id": 1.5}, reasons.BAD_ENTITY),
        ({"id": ""}, reasons.BAD_ENTITY),
        ({"id": ["a"]}, reasons.BAD_ENTITY),
        ({"id": "x" * 513}, reasons.BAD_ENTITY),
        ({"id": "\ud800"}, reasons.BAD_ENTITY),
    ],
)
def test_an_entity_field_that_names_nobody_is_rejected(entity, reason):
    decoded, _ = decode([{**GOOD, **entity}], entity_field="id")
    assert decoded.rejected == {reason: 1}


def test_entities_are_named_by_text_or_whole_number():
    values = [{**GOOD, "id": name} for name in ("Mühle", "m\n1", 17, -3, 0, 10**30, "17")]
    decoded, decoder = decode(values, entity_field="id")
    names = [decoder.entities[i] for i in decoded.readings.entity]
    assert names == ["Mühle", "m\n1", "17", "-3", "0", str(10**30), "17"]


def test_a_key_that_is_no_text_gets_a_readable_name():
    decoded, decoder = decode([GOOD], key=b"pump\xff")
    assert [decoder.entities[i] for i in decoded.readings.entity] == ["pump\\xff"]


def test_readings_of_entities_beyond_the_limit_are_rejected():
    decoder = Decoder(source_config(max_entities=2), ("temp", "vib"))
    for key in (b"a", b"b", b"c", b"a"):
        decoder.decode(batch_of([GOOD], key))
    decoded = decoder.take()
    assert decoded.rejected == {reasons.TOO_MANY_ENTITIES: 1}
    assert [decoder.entities[i] for i in decoded.readings.entity] == ["a", "b", "a"]
    assert "source.max_entities = 2" in decoded.dead_letters[0].message


def test_of_an_array_the_good_readings_are_used_and_the_record_is_kept():
    value = [GOOD, {**GOOD, "temp": "hot"}, 7, {**GOOD, "temp": 3}]
    decoded, _ = decode([value])
    assert decoded.readings.values[:, 0].tolist() == [1.5, 3.0]
    assert decoded.rejected == {reasons.WRONG_TYPE: 1, reasons.NOT_AN_OBJECT: 1}
    (letter,) = decoded.dead_letters
    assert letter.message == (
        'readings/0@0[1]: field "temp" is not a number (and 1 more readings of this record)'
    )


def test_a_dead_letter_is_the_record_as_it_came():
    decoder = Decoder(source_config(), ("temp",))
    headers = [("trace", b"\x00\x01"), ("empty", None)]
    decoder.decode(pack("readings", 3, [PlainRecord(9214, 77, b"\xfe", b"nope", headers)]))
    (letter,) = decoder.take().dead_letters
    assert (letter.topic, letter.partition, letter.offset, letter.timestamp_ms) == (
        "readings", 3, 9214, 77,
    )  # fmt: skip
    assert (letter.key, letter.value, letter.headers) == (b"\xfe", b"nope", headers)
    assert letter.message.startswith("readings/3@9214: the value is not JSON")


def test_readings_inside_of_a_record_take_what_they_lack_from_around_it():
    value = {
        "machine": "m1",
        "at": TIME_S,
        "data": {
            "rows": [{"temp": 1}, {"temp": 2, "at": TIME_S + 1}, {"temp": 3, "machine": "m2"}]
        },
    }
    config = {"readings_field": "data.rows", "entity_field": "machine", "timestamp_field": "at"}
    decoded, decoder = decode([value], **config)
    names = [decoder.entities[i] for i in decoded.readings.entity]
    assert names == ["m1", "m1", "m2"]
    assert (decoded.readings.time_ns - TIME_NS).tolist() == [0, 10**9, 0]


@pytest.mark.parametrize("value", [{}, {"rows": 3}, {"rows": {}}, {"rows": None}, {"rows": []}])
def test_a_record_without_its_array_is_rejected(value):
    decoded, _ = decode([value], readings_field="rows")
    assert decoded.rejected == {reasons.NO_READINGS: 1}


@pytest.mark.parametrize(
    ("unit", "time", "good"),
    [
        ("s", TIME_S, True), ("ms", TIME_S, False), ("ms", TIME_S * 1000, True),
        ("us", TIME_S * 10**6, True), ("ns", TIME_NS, True), ("s", "2023-11-14T22:13:20Z", False),
        ("iso8601", "2023-11-14T22:13:20Z", True), ("iso8601", TIME_S, False),
        ("auto", TIME_NS, True), ("auto", "2023-11-14 22:13:20", True),
    ],
)  # fmt: skip
def test_a_time_is_taken_in_the_configured_unit(unit, time, good):
    decoded, _ = decode([{**GOOD, "ts": time}], timestamp_unit=unit)
    if good:
        assert decoded.readings.time_ns.tolist() == [TIME_NS]
    else:
        assert decoded.rejected == {reasons.BAD_TIMESTAMP: 1}


def test_a_time_keeps_every_nanosecond():
    values = [b'{"ts": 1700000000123456789, "temp": 1}', b'{"ts": 1700000000.123456789, "temp": 1}']
    decoded, _ = decode(values)
    assert decoded.readings.time_ns.tolist() == [1_700_000_000_123_456_789] * 2


def test_paths_lead_into_objects_and_a_backslash_keeps_a_dot():
    value = {"time.utc": TIME_S, "a": {"b": {"c": 1}}, "vib.x": 2}
    decoded, _ = decode(
        [value],
        ("temp", "vib.x"),
        timestamp_field=r"time\.utc",
        channels={"temp": "a.b.c"},
    )
    assert decoded.readings.values.tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"entity_field": "ts"}, "the field 'ts' is wanted twice"),
        ({"entity_field": "temp.id"}, "the field 'temp' is wanted twice"),
        ({"channels": {"temp": "vib"}}, "two channels are read from the same field"),
        ({"channels": {"rpm": "n"}}, "the model has no channel 'rpm'"),
    ],
)
def test_settings_that_contradict_each_other_are_a_configuration_error(keys, message):
    with pytest.raises(ConfigError, match=message):
        Decoder(source_config(**keys), ("temp", "vib"))


def test_channels_are_matched_by_name_and_others_are_named():
    values = [{"ts": TIME_S, "vib": 1, "rpm": 5, "unit": "C", "x": {"y": 1}}] * 2
    _, decoder = decode([])
    report = decoder.channels()
    assert (report.matched, report.missing, report.awaited) == ([], [], ["temp", "vib"])
    _, decoder = decode(values)
    assert decoder.channels().awaited == []
    report = decoder.channels()
    assert (report.matched, report.missing, report.unknown) == (["vib"], ["temp"], ["rpm"])
    decoder.decode(batch_of([{**GOOD, "load": 3}, {**GOOD, "unit": 4}]))
    decoder.take()
    report = decoder.channels()
    assert (report.matched, report.missing) == (["temp", "vib"], [])
    assert set(report.unknown) <= {"rpm", "load", "unit"}
    decoder.decode(batch_of([{**GOOD, "load": 3}, {**GOOD, "unit": 4}]))
    decoder.decode(batch_of([{**GOOD, "load": 3}, {**GOOD, "unit": 4}]))
    assert set(decoder.channels().unknown) == {"rpm", "load", "unit"}


def test_unknown_channels_are_those_in_readings_not_around_them():
    around = {"uptime": 7, "temp": 8, "rows": [GOOD, {**GOOD, "rpm": 5, "unit": "C"}]}
    decoded, decoder = decode([around], readings_field="rows")
    report = decoder.channels()
    assert (report.matched, report.unknown) == (["temp", "vib"], ["rpm"])
    assert decoded.readings.values.tolist() == [[1.5, 2.0]] * 2


def test_the_list_of_unknown_channels_is_bounded():
    _, decoder = decode([{**GOOD, **{f"x{i}": i for i in range(3000)}}])
    assert len(decoder.channels().unknown) == UNKNOWN_CHANNELS_MAX
    values = [{**GOOD, "sensor": f"x{i}", "value": 1} for i in range(3000)]
    _, decoder = decode(values, layout="long")
    assert len(decoder.channels().unknown) == UNKNOWN_CHANNELS_MAX


def test_more_readings_than_there_is_room_for_make_room():
    many = [{"ts": TIME_S + i, "temp": i, "vib": 0} for i in range(10_000)]
    decoded, _ = decode([GOOD, many, {**GOOD, "temp": 9}])
    assert decoded.readings.values[:, 0].tolist() == [1.5, *map(float, range(10_000)), 9.0]
    assert decoded.readings.offset[[0, 1, -2, -1]].tolist() == [0, 1, 1, 2]


def test_every_poll_hands_on_its_own_arrays():
    decoded, decoder = decode([GOOD])
    decoder.decode(batch_of([{**GOOD, "temp": 99}]))
    decoder.take()
    assert decoded.readings.values.tolist() == [[1.5, 2.0]]
