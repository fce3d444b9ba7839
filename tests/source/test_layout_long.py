"""Layout long: values become readings, as a plain model of it says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.source import reasons
from sentinel.source.assembler import HELD_RECORDS_MAX, Assembler
from sentinel.source.decoder import Decoder
from sentinel.source.rows import READINGS, new_rows
from tests.source.decoding import TIME_NS, TIME_S, batch_of, decode, source_config

CHANNELS = ("temp", "vib", "rpm")


def value(channel, time_s, number, **more):
    return {"sensor": channel, "ts": time_s, "value": number, **more}


def cells_of(some, first_offset=0, partition=0):
    rows = new_rows(max(len(some), 1), 1)
    for i, (entity, time, channel, number) in enumerate(some):
        rows.heads[i] = (time, first_offset + i, entity, partition, channel)
        rows.values[i] = number
    rows.numbers[READINGS] = len(some)
    return rows


def model(some, channels):
    """The assembler, in plain words."""
    pending, out = {}, []
    for offset, (entity, time, channel, number) in enumerate(some):
        begun = pending.get(entity)
        if begun and time < begun["time"]:
            out.append((entity, time, offset, {channel: number}))
            continue
        if begun and time > begun["time"]:
            out.append((entity, begun["time"], begun["last"], begun["values"]))
            begun = None
        if not begun:
            begun = pending[entity] = {"time": time, "values": {}, "first": offset}
        begun["values"].setdefault(channel, number)
        begun["last"] = offset
        if len(begun["values"]) == channels:
            out.append((entity, time, offset, pending.pop(entity)["values"]))
    rest = sorted(pending.items(), key=lambda item: item[1]["first"])
    return out + [(e, b["time"], b["last"], b["values"]) for e, b in rest]


def listed(rows):
    return [
        (int(head["entity"]), int(head["time_ns"]), int(head["offset"]),
         {c: v for c, v in enumerate(numbers) if not math.isnan(v)})
        for head, numbers in zip(rows.heads[: rows.used], rows.values.tolist(), strict=False)
    ]  # fmt: skip


cells = st.lists(
    st.tuples(st.integers(0, 2), st.integers(1, 4), st.integers(0, 2), st.floats(-9, 9)),
    max_size=40,
)


@given(cells, st.integers(0, 40), st.integers(1, 3))
def test_the_assembler_does_what_its_plain_model_does_however_the_values_are_cut(some, cut, width):
    some = [cell for cell in some if cell[2] < width]
    assembler = Assembler(width)
    found = listed(assembler.take(cells_of(some[:cut]), 3))
    found += listed(assembler.take(cells_of(some[cut:], cut), 3))
    found += listed(assembler.finish())
    assert found == model(some, width)


def test_a_reading_is_handed_on_when_it_is_complete_or_time_moves_on():
    decoder = Decoder(source_config(layout="long"), CHANNELS)
    decoder.decode(batch_of([value("temp", TIME_S, 1), value("vib", TIME_S, 2)]))
    assert len(decoder.take().readings) == 0
    decoder.decode(batch_of([value("rpm", TIME_S, 3), value("vib", TIME_S + 1, 4)], first_offset=2))
    complete = decoder.take()
    assert complete.readings.values.tolist() == [[1.0, 2.0, 3.0]]
    assert complete.readings.offset.tolist() == [2]
    assert not complete.masked
    decoder.decode(batch_of([value("vib", TIME_S + 2, 5)], first_offset=4))
    moved_on = decoder.take()
    np.testing.assert_array_equal(moved_on.readings.values, [[math.nan, 4.0, math.nan]])
    assert moved_on.readings.time_ns.tolist() == [TIME_NS + 10**9]
    assert moved_on.masked == {reasons.MISSING: 2}
    assert len(decoder.finish().readings) == 1


def test_channels_are_renamed_and_others_are_ignored():
    values = [value("T1", TIME_S, 1), value("door", TIME_S, "open"), value("vib", TIME_S, 2)]
    decoded, decoder = decode(values, ("temp", "vib"), layout="long", channels={"temp": "T1"})
    assert decoded.readings.values.tolist() == [[1.0, 2.0]]
    assert not decoded.rejected
    assert decoder.channels().unknown == ["door"]
    assert decoder.channels().matched == ["temp", "vib"]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"ts": TIME_S, "value": 1}, reasons.NO_CHANNEL),
        (value(7, TIME_S, 1), reasons.NO_CHANNEL),
        (value("", TIME_S, 1), reasons.NO_CHANNEL),
        (value("temp", "soon", 1), reasons.BAD_TIMESTAMP),
        (value("temp", TIME_S, "hot"), reasons.WRONG_TYPE),
        (value("temp", TIME_S, None), reasons.NO_VALUE),
        (value("temp", TIME_S, math.nan), reasons.NO_VALUE),
        ({"sensor": "temp", "ts": TIME_S}, reasons.NO_VALUE),
    ],
)
def test_an_object_that_holds_no_value_is_rejected(record, reason):
    decoded, _ = decode([record], layout="long")
    assert decoded.rejected == {reason: 1}
    assert decoded.dead_letters[0].reason == reason


def test_one_sensor_per_entity_is_the_wide_layout_with_one_channel():
    values = [{"sensor": name, "ts": TIME_S, "value": i} for i, name in enumerate("abc")]
    decoded, decoder = decode(values, ("x",), entity_field="sensor", channels={"x": "value"})
    assert [decoder.entities[i] for i in decoded.readings.entity] == ["a", "b", "c"]
    assert decoded.readings.values.tolist() == [[0.0], [1.0], [2.0]]


def test_a_restart_reads_again_what_an_unfinished_reading_holds():
    decoder = Decoder(source_config(layout="long"), CHANNELS)
    decoder.decode(batch_of([value("temp", TIME_S, 1)], b"a", partition=1, first_offset=10))
    decoder.decode(batch_of([value("temp", TIME_S, 1)], b"b", partition=1, first_offset=20))
    decoder.decode(batch_of([value("temp", TIME_S, 1)], b"c", partition=2, first_offset=7))
    decoder.take()
    assert decoder.hold_back(1, 21) == 10
    assert decoder.hold_back(0, 500) == 500
    assert decoder.hold_back(1, 10 + HELD_RECORDS_MAX + 5) == 15  # a silent entity holds no longer
    decoder.forget({1, 5000})
    assert decoder.hold_back(1, 21) == 21
    assert decoder.hold_back(2, 8) == 7
    decoder.finish()
    assert decoder.hold_back(2, 8) == 8


def test_what_a_forgotten_partition_had_begun_is_not_finished():
    decoder = Decoder(source_config(layout="long"), ("temp", "vib"))
    decoder.decode(batch_of([value("temp", TIME_S, 1)]))
    decoder.decode(batch_of([value("temp", TIME_S, 1)], b"fan", partition=1))
    decoder.take()
    decoder.forget({0})
    decoder.decode(batch_of([value("vib", TIME_S, 2), value("temp", TIME_S, 3)]))
    decoder.decode(batch_of([value("vib", TIME_S, 4)], b"fan", partition=1))
    assert decoder.take().readings.values.tolist() == [[3.0, 2.0], [1.0, 4.0]]
