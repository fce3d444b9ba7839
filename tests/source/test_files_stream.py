"""Long files that are scored: what their rows become is what a stream of them becomes."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading_files import assert_same, read_all, write

from sentinel.records import Readings
from sentinel.source.decoder import Decoder
from sentinel.source.files import FileLayout, FileSource
from tests.source.decoding import TIME_S, batch_of, source_config

CHANNELS = ("temp", "vib")
LONG = FileLayout(layout="long")

Row: TypeAlias = tuple[str, int, str, float | None]

ROWS = st.lists(
    st.tuples(
        st.sampled_from("pq"),
        st.integers(0, 6),
        st.sampled_from([*CHANNELS, "door"]),
        st.sampled_from([None, 1.0, 2.0, 3.0]),
    ),
    min_size=1,
    max_size=40,
)


def from_file(path: Path, rows: list[Row], batch_rows: int = 65_536) -> tuple[Readings, list[str]]:
    """The file's readings, and the names of their entities."""
    text = [
        f"{TIME_S + at},{entity},{channel},{'' if value is None else value}"
        for entity, at, channel, value in rows
    ]
    write(path, "\n".join(["ts,entity,channel,value", *text]) + "\n")
    source = FileSource([path], LONG, CHANNELS, batch_rows, as_stream=True)
    readings = read_all(source)
    return readings, [source.entities[index] for index in readings.entity]


def from_stream(rows: list[Row]) -> tuple[Readings, list[str]]:
    """What the daemon makes of a record per row."""
    decoder = Decoder(source_config(layout="long", entity_field="entity"), CHANNELS)
    records = [
        {"ts": TIME_S + at, "entity": entity, "sensor": channel, "value": value}
        for entity, at, channel, value in rows
    ]
    decoder.decode(batch_of(records))
    parts = [decoder.take().readings, decoder.finish().readings]
    columns = [np.concatenate([getattr(p, name) for p in parts]) for name in Readings.__slots__]
    readings = Readings(*columns)
    return readings, [decoder.entities[index] for index in readings.entity]


def has_a_channel(rows: list[Row]) -> bool:
    """Without any channel of the model the file is refused."""
    return any(channel in CHANNELS for _, _, channel, _ in rows)


@settings(max_examples=80, deadline=None)
@given(ROWS.filter(has_a_channel), st.integers(1, 9))
def test_rows_in_any_order_become_what_a_stream_of_them_becomes(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row], batch_rows: int
) -> None:
    path = tmp_path_factory.mktemp("stream") / "a.csv"
    found, entities = from_file(path, rows, batch_rows)
    expected, expected_entities = from_stream(rows)
    assert entities == expected_entities
    for name in ("time_ns", "offset", "values"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


@settings(max_examples=60, deadline=None)
@given(ROWS.filter(has_a_channel), st.integers(1, 40))
def test_readings_of_a_prefix_are_the_prefix_of_the_readings(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row], cut: int
) -> None:
    """Of each entity, but for the one reading that the cut may have left unfinished."""
    if not has_a_channel(rows[:cut]):
        return
    path = tmp_path_factory.mktemp("prefix") / "a.csv"
    whole, whole_entities = from_file(path, rows)
    part, part_entities = from_file(path, rows[:cut])
    for entity in set(part_entities):
        mine = [n for n, name in enumerate(part_entities) if name == entity][:-1]
        all_mine = [n for n, name in enumerate(whole_entities) if name == entity]
        assert part.time_ns[mine].tolist() == whole.time_ns[all_mine][: len(mine)].tolist()
        np.testing.assert_array_equal(part.values[mine], whole.values[all_mine][: len(mine)])


def test_each_file_ends_its_readings(tmp_path: Path) -> None:
    for name, value in (("1.csv", 1.0), ("2.csv", 2.0)):
        write(tmp_path / name, f"ts,channel,value\n{TIME_S},temp,{value}\n")
    source = FileSource([tmp_path], LONG, CHANNELS, as_stream=True)
    nan, second = np.nan, 10**9
    expected = Readings(
        np.zeros(2, np.int32), np.full(2, TIME_S * second), np.arange(2, dtype=np.int32),
        np.zeros(2, np.int64), np.array([[1, nan], [2, nan]]),
    )  # fmt: skip
    assert_same(read_all(source), expected)


def test_infinite_and_absurd_values_are_none(tmp_path: Path) -> None:
    rows = [("p", 0, "temp", np.inf), ("p", 0, "vib", 1.5), ("p", 1, "temp", 1e31)]
    readings, _ = from_file(tmp_path / "a.csv", [*rows, ("p", 1, "vib", 2.5)])
    np.testing.assert_array_equal(readings.values, [[np.nan, 1.5], [np.nan, 2.5]])
