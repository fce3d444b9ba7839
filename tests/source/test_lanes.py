"""Two lanes, one result: whatever the fast lane accepts, the slow lane reads to the same bits."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sentinel.source.decoder import Decoder
from sentinel.source.slow_lane import SlowLane
from tests.source.decoding import TIME_S, SlowDecoder, batch_of, decode, seen, source_config

CONFIGS = {
    "wide": {},
    "wide, entity in the record": {"entity_field": "machine.id"},
    "wide, nested": {
        "timestamp_field": "meta.at",
        "channels": {"temp": "data.temp", "vib": "data.deep.v"},
    },
    "readings of one record": {"readings_field": "readings", "entity_field": "machine.id"},
    "long": {"layout": "long"},
    "long, nested": {
        "layout": "long",
        "channel_field": "tag.name",
        "entity_field": "machine.id",
        "channels": {"temp": "T", "vib": "V"},
        "readings_field": "readings",
        "value_field": "data.temp",
    },
    "seconds": {"timestamp_unit": "s"},
    "iso": {"timestamp_unit": "iso8601"},
}

numbers = st.one_of(
    st.floats(-1e6, 1e6).map(repr),
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from(["0", "-0", "-0.0", "1e999", "1e30", "1.0000000000000001e30", "NaN", "1e-400",
                     "-Infinity", "1E2", "1e+2", "01", "1.", ".5", "0.1e1",
                     "12345678901234567890"]),
)  # fmt: skip
times = st.one_of(
    st.integers(TIME_S, TIME_S + 100).map(str),
    st.decimals(TIME_S, TIME_S + 9, places=9).map(str),
    st.sampled_from(['"2013-12-02T21:15:00Z"', '"2013-12-02 21:15:00.5+01:00"', '"soon"', "null",
                     "1700000000123", "17e8", "-5", '"1700000000"', "true", "[1]"]),
)  # fmt: skip
texts = st.one_of(
    st.text(max_size=6).map(json.dumps),
    st.text(max_size=6).map(lambda t: json.dumps(t, ensure_ascii=False)),
    st.sampled_from(['"pump-1"', '"T"', '"V"', '"temp"', '"vib"', "7", "-7", "7.0", "1e2", "-0",
                     '""', "null", '"\\ud800"', '"\\u0041"', "123456789012345678901"]),
)  # fmt: skip
anything = st.recursive(
    numbers | texts | st.sampled_from(["true", "false", "null"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda v: f"[{','.join(v)}]")
        | st.lists(st.tuples(texts.filter(lambda t: t[0] == '"'), inner), max_size=3).map(
            lambda items: "{" + ",".join(f"{k}: {v}" for k, v in items) + "}"
        )
    ),
    max_leaves=6,
)
spaces = st.sampled_from(["", "", " ", "\n\t"])


@st.composite
def objects(draw, fields):
    """A JSON object: each field there, missing, or of another kind; in some order; extra ones."""
    items = []
    for name, value in fields.items():
        fate = draw(st.integers(0, 12))
        if fate != 0:
            items.append((json.dumps(name), draw(anything if fate == 1 else value)))
        if fate == 2:
            items.append((json.dumps(name), draw(value)))
    if draw(st.booleans()):
        items.append((draw(texts.filter(lambda t: t[0] == '"')), draw(anything)))
    items = draw(st.permutations(items))
    s = draw(spaces)
    return "{" + s + f"{s},".join(f"{k}{s}:{' ' * len(s)}{v}" for k, v in items) + s + "}"


def nested(**fields):
    return objects(fields)


def reading(name):
    value, machine = numbers | st.just("null"), nested(id=texts)
    if name == "wide, nested":
        data = nested(temp=value, deep=nested(v=value))
        return nested(meta=nested(at=times), data=data)
    if name == "long":
        return nested(ts=times, sensor=texts, value=value)
    if name == "long, nested":
        return nested(ts=times, tag=nested(name=texts), data=nested(temp=value), machine=machine)
    return objects({"ts": times, "temp": value, "vib": value, "machine": machine})


@st.composite
def record(draw, name):
    many = st.lists(reading(name), max_size=4).map(lambda rs: f"[{', '.join(rs)}]")
    if "readings_field" in CONFIGS[name]:
        outer = {"readings": many, "machine": nested(id=texts), "ts": times}
        text = draw(objects({**outer, "tag": nested(name=texts)}))
    else:
        text = draw(many | reading(name))
    value = (draw(spaces) + text + draw(spaces)).encode(errors="surrogatepass")
    if draw(st.integers(0, 5)) == 0 and value:  # damaged
        at = draw(st.integers(0, len(value) - 1))
        value = value[:at] + draw(st.binary(max_size=2)) + value[at + draw(st.integers(0, 2)) :]
    return value


without_readings = st.sampled_from([None, b"", b" ", b"[]", b" [ ] ", b"[] x", b"[", b"{}"])


def both(values, key, config, channels):
    """The same records through both lanes and through the slow one, in two polls."""
    results = []
    for kind in (Decoder, SlowDecoder):
        decoder = kind(source_config(**config), channels)
        polls = []
        for half in (values[: len(values) // 2], values[len(values) // 2 :]):
            decoder.decode(batch_of(half, key))
            polls.append(seen(decoder.take(), decoder.entities))
        polls.append(seen(decoder.finish(), decoder.entities))
        results.append(polls)
    return results


@pytest.mark.parametrize("name", CONFIGS)
@settings(max_examples=60)
@given(data=st.data(), key=st.sampled_from([b"pump", None, b"", b"\xff", b"k" * 600]))
def test_both_lanes_read_the_same(name, data, key):
    values = data.draw(st.lists(record(name) | without_readings, min_size=1, max_size=6))
    fast, slow = both(values, key, CONFIGS[name], ("temp", "vib"))
    assert fast == slow


@settings(max_examples=100)
@given(anything, st.sampled_from(["extra", "temp2", "t"]))
@example('{"a": [1, {"b": "\\u00e9\\""}], "c": null}', "extra")
@example('"\\ud800"', "extra")
@example("[" * 40 + "]" * 40, "extra")
@example("[" * 70 + "]" * 70, "extra")
@example("[" * 100_000, "extra")
def test_fields_that_nobody_wants_do_not_matter_to_either_lane(text, name):
    value = f'{{"ts": {TIME_S}, "temp": 1.5, "{name}": {text}, "vib": 2}}'.encode()
    fast, slow = both([value], b"pump", {}, ("temp", "vib"))
    assert fast == slow


USUAL = [
    ({}, {"ts": TIME_S, "temp": 20.5, "vib": 0.1234567890123}),
    ({}, {"vib": 1, "ts": TIME_S + 0.25, "unit": "°C", "temp": None, "ok": True, "x": {"a": [1]}}),
    ({}, {"ts": "2013-12-02T21:15:00.123Z", "temp": 1}),
    ({}, [{"ts": TIME_S + i, "temp": i, "vib": -i} for i in range(100)]),
    ({"entity_field": "id"}, {"id": 17, "ts": TIME_S, "temp": 1}),
    ({"entity_field": "tags.host", "timestamp_field": "timestamp",
      "channels": {"temp": "fields.temp", "vib": "fields.vib"}},
     {"fields": {"temp": 1.5, "vib": 2}, "name": "m", "tags": {"host": "a"}, "timestamp": TIME_S}),
    ({"readings_field": "data", "entity_field": "machine"},
     {"machine": "m1", "data": [{"ts": TIME_S + i, "temp": i} for i in range(5)], "n": 5}),
    ({"layout": "long"}, {"sensor": "temp", "ts": TIME_S, "value": 3}),
    ({"layout": "long"}, {"sensor": "state", "ts": TIME_S, "value": "RUNNING"}),
    ({"layout": "long", "readings_field": "values"},
     {"sensor": "temp", "values": [{"ts": TIME_S + i, "value": i} for i in range(5)]}),
]  # fmt: skip


@pytest.mark.parametrize(("config", "value"), USUAL)
def test_usual_records_never_see_the_slow_lane(monkeypatch, config, value):
    monkeypatch.setattr(SlowLane, "read", lambda *_: pytest.fail("the slow lane was asked"))
    decoded, _ = decode([value] * 3, **config)
    assert decoded.records == 3
    assert not decoded.rejected


@given(st.lists(reading("wide"), min_size=1, max_size=8), st.data())
def test_how_the_stream_is_cut_does_not_matter(readings, data):
    def numbers_of(cuts):
        decoder = Decoder(source_config(), ("temp", "vib"))
        found = []
        for poll in cuts:
            for batch in poll:
                decoder.decode(batch_of([f"[{','.join(record)}]".encode() for record in batch]))
            result = seen(decoder.take(), decoder.entities)
            found += zip(result["entity"], result["time_ns"], result["values"], strict=True)
        return found

    def cut(items):
        parts, rest = [], items
        while rest:
            n = data.draw(st.integers(1, len(rest)))
            parts.append(rest[:n])
            rest = rest[n:]
        return parts

    good = [r for r in readings if _is_json(r)]
    assert numbers_of([[[good]]] if good else []) == numbers_of(
        [cut(poll) for poll in cut(cut(good))]
    )


def _is_json(text):
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
