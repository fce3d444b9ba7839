"""One record explained: what `sentinel check --sample` shows of a topic."""

from __future__ import annotations

import json

from sentinel.source.batches import PlainRecord
from sentinel.source.sample import explain
from tests.source.decoding import TIME_S, source_config


def explained(*values, **keys):
    records = [
        PlainRecord(40 + n, 0, b"pump", json.dumps(value).encode())
        for n, value in enumerate(values)
    ]
    return explain(source_config(**keys), ("temp", "vib"), 2, records)


def test_each_record_is_told_by_itself():
    good, partial, bad = explained(
        {"ts": TIME_S, "temp": 1, "vib": 2}, {"ts": TIME_S, "vib": 2}, {"ts": "soon", "temp": 1}
    )
    assert (good.readings, good.channels, good.letter) == (1, ["temp", "vib"], None)
    assert (partial.channels, partial.masked) == (["vib"], {"missing": 1})
    assert (bad.readings, bad.rejected) == (0, {"bad_timestamp": 1})
    assert bad.letter is not None
    assert bad.letter.message == 'readings/2@42: field "ts" is not a time between 2000 and 2100'


def test_in_the_long_layout_every_value_counts_and_nothing_waits():
    array, other = explained(
        [{"ts": TIME_S, "sensor": "temp", "value": n} for n in range(1)]
        + [{"ts": TIME_S + 1, "sensor": "vib", "value": 2}],
        {"ts": TIME_S, "sensor": "door", "value": 1},
        layout="long",
    )
    assert (array.readings, array.channels, array.masked) == (2, ["temp", "vib"], {})
    assert (other.readings, other.channels, other.letter) == (0, [], None)
