"""The channels of a stretch of a topic: all, and the same in whatever order."""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.errors import DataError
from sentinel.source.channel_discovery import CHANNELS_MAX, ChannelDiscovery
from tests.source.decoding import TIME_S, batch_of, source_config


def discovered(values: Sequence[Any], cuts: Sequence[int] = (), **keys: Any) -> Sequence[str]:
    """What is found in the records, looked at in pieces."""
    discovery = ChannelDiscovery(source_config(**keys))
    edges = [0, *sorted(cuts), len(values)]
    for begin, end in pairwise(edges):
        discovery.look([batch_of(values[begin:end])] if end > begin else [])
    return discovery.channels()


def wide(**fields: Any) -> dict[str, Any]:
    return {"ts": TIME_S, **fields}


def test_a_channel_that_comes_late_is_found() -> None:
    records = [wide(temp=n) for n in range(3000)] + [wide(vib=1)]
    assert discovered(records) == ["temp", "vib"]


def test_what_is_no_number_in_a_usable_reading_is_no_channel() -> None:
    records = [
        wide(temp=1, unit="C", ok=True, note=None),
        {"temp": 1, "no_time": 2},
        wide(temp=1, broken="x" * 300),
        b"no JSON",
    ]
    assert discovered(records) == ["temp"]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sets(st.sampled_from("abcdefgh"), min_size=1), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
    st.lists(st.integers(0, 12), max_size=3),
)
def test_the_order_of_the_records_does_not_matter(
    fields: list[set[str]], shuffler: random.Random, cuts: list[int]
) -> None:
    records = [wide(**dict.fromkeys(sorted(names), 1.5)) for names in fields]
    expected = sorted(set().union(*fields))
    shuffler.shuffle(records)
    assert discovered(records, [min(cut, len(records)) for cut in cuts]) == expected


def test_layout_long_finds_names_in_the_channel_field() -> None:
    records = [wide(sensor="vib", value=1), wide(sensor="door", value="open")] * 2
    records += [wide(sensor="temp", value=2), wide(sensor="T1", value=2)]
    assert discovered(records, layout="long", channels={"inlet": "T1"}) == ["inlet", "temp", "vib"]


def test_readings_in_an_array_have_channels_what_stands_around_it_is_none() -> None:
    records = [{"uptime": 7, "data": {"rows": [wide(temp=1), wide(vib=2, unit="C")]}}]
    assert discovered(records, readings_field="data.rows") == ["temp", "vib"]
    records += [{"uptime": 8, "data": {"rows": [wide(temp=2), wide(vib=2, rpm=3)]}}]
    found = discovered(records, readings_field="data.rows", channels={"inlet": "temp"})
    assert found == ["inlet", "rpm", "vib"]


def test_names_of_the_configuration_stand_for_their_paths(caplog: pytest.LogCaptureFixture) -> None:
    records = [wide(temp=1, motor={"rpm": 2, "load": 3}, **{"a.b": 4})]
    with caplog.at_level(logging.WARNING):
        assert discovered(records, channels={"rpm": "motor.rpm"}) == ["a.b", "rpm", "temp"]
    [record] = caplog.records
    assert "unless [source.channels] names them: 'motor.load'" in record.getMessage()


@pytest.mark.parametrize("record", [wide(unit="C"), wide(values={"temp": 1})])
def test_no_channels_are_an_error_that_shows_the_line_to_write(record: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"no reading of the range has a numeric channel; .* lines"):
        discovered([record])


def test_no_records_are_an_error() -> None:
    with pytest.raises(DataError, match="readings: the range has no records; see --from and --to"):
        discovered([])


def test_a_configured_channel_that_is_not_there_is_an_error() -> None:
    with pytest.raises(DataError, match=r"a value of 'rpm', which \[source.channels\] names"):
        discovered([wide(temp=1)], channels={"rpm": "motor.rpm"})


@pytest.mark.parametrize(
    ("layout", "said"),
    [("wide", "the readings have more than"), ("long", "field 'sensor' holds more than")],
)
def test_names_that_change_for_ever_are_an_error(layout: str, said: str) -> None:
    records = [
        wide(temp=1, **{f"at-{n}": 1}) if layout == "wide" else wide(sensor=f"at-{n}", value=1)
        for n in range(2 * CHANNELS_MAX)
    ]
    with pytest.raises(DataError, match=f"{said} {CHANNELS_MAX} names of channels: .* and "):
        discovered(records, range(0, 2 * CHANNELS_MAX, 100), layout=layout)


def test_fields_of_text_do_not_hide_the_channels_behind_them() -> None:
    records = [wide(temp=1, **{f"text-{n}-{m}": "x" for m in range(100)}) for n in range(30)]
    assert discovered([*records, wide(vib=1)], [30]) == ["temp", "vib"]
