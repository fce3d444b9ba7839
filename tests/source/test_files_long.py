"""Long files: rows of one entity and time are one reading, in whatever order they stand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading_files import assert_same, read_all, write

from sentinel.errors import DataError
from sentinel.source.files import FileLayout, FileSource

T0 = 1_600_000_000
NS = 1_000_000_000
LONG = FileLayout(layout="long")


def long_csv(path: Path, *rows: str) -> Path:
    return write(path, "ts,entity,channel,value\n" + "".join(f"{row}\n" for row in rows))


def test_rows_of_one_entity_and_time_are_one_reading(tmp_path: Path) -> None:
    path = long_csv(
        tmp_path / "a.csv",
        f"{T0},p,temp,1",
        f"{T0},q,temp,2",
        f"{T0},p,vib,3",
        f"{T0 + 1},q,vib,4",
        f"{T0 + 1},p,temp,",
        f"{T0 + 1},p,temp,5",
        f"{T0 + 1},p,temp,inf",
    )
    source = FileSource([path], LONG)
    assert source.channel_names == ("temp", "vib")
    readings = read_all(source)
    assert [source.entities[index] for index in readings.entity] == ["p", "q", "q", "p"]
    assert readings.time_ns.tolist() == [T0 * NS] * 2 + [(T0 + 1) * NS] * 2
    assert readings.offset.tolist() == [0, 1, 3, 4]
    nan = np.nan
    np.testing.assert_array_equal(readings.values, [[1, 3], [2, nan], [nan, 4], [5, nan]])


def test_a_file_sorted_by_channel_is_put_in_order(tmp_path: Path) -> None:
    path = long_csv(
        tmp_path / "a.csv", f"{T0 + 1},p,a,2", f"{T0},p,a,1", f"{T0},p,b,3", f"{T0 + 1},p,b,4"
    )
    readings = read_all(FileSource([path], LONG, batch_rows=1))
    assert readings.values.tolist() == [[1, 3], [2, 4]]
    assert readings.offset.tolist() == [1, 0]


def test_entities_one_after_the_other_are_streamed(tmp_path: Path) -> None:
    path = long_csv(tmp_path / "a.csv", *(f"{T0 + t},{e},a,{t}" for e in "pq" for t in range(5)))
    readings = read_all(FileSource([path], LONG, batch_rows=3))
    assert readings.offset.tolist() == list(range(10))


def test_unknown_channels_are_passed_over_and_reported(tmp_path: Path) -> None:
    path = long_csv(tmp_path / "a.csv", f"{T0},p,x,1", f"{T0 + 1},p,a,2")
    source = FileSource([path], LONG, channels=["a", "b"])
    np.testing.assert_array_equal(read_all(source).values, [[2, np.nan]])
    report = source.channels()
    assert (report.matched, report.missing, report.unknown) == (["a"], ["b"], ["x"])


def test_channels_of_all_files_count(tmp_path: Path) -> None:
    long_csv(tmp_path / "1.csv", f"{T0},p,a,1")
    long_csv(tmp_path / "2.csv", f"{T0},q,b,2")
    source = FileSource([tmp_path], LONG)
    np.testing.assert_array_equal(read_all(source).values, [[1, np.nan], [np.nan, 2]])
    assert source.channel_names == ("a", "b")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (f"{T0},p,,1", "data row 2: column 'channel': the name is empty"),
        (f"{T0},,a,1", "data row 2: column 'entity': the name is empty"),
        (f"{T0},p,a,x", "data row 2: column 'value': 'x' is not a number"),
        ("x,p,a,1", "data row 2: column 'ts': 'x' is not a time"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, row: str, said: str) -> None:
    path = long_csv(tmp_path / "a.csv", f"{T0},p,a,1", row)
    with pytest.raises(DataError, match=f"{path}, {said}"):
        read_all(FileSource([path], LONG))


def test_missing_columns_and_absurd_channels_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", f"ts,sensor,value\n{T0},a,1\n")
    with pytest.raises(DataError, match=r"no column 'channel'.*; --channel-column takes one"):
        FileSource([path], LONG)
    layout = FileLayout(layout="long", channel_column="sensor", value_column="reading")
    with pytest.raises(DataError, match=r"no column 'reading'.*; --value-column takes one"):
        FileSource([path], layout)
    rows = "".join(f"{T0 + i},{i},1\n" for i in range(10_001))
    write(path, f"ts,channel,value\n{rows}")
    with pytest.raises(DataError, match="column 'channel' holds more than 10000 names"):
        FileSource([path], LONG)


row = st.tuples(
    st.integers(0, 5), st.sampled_from("pqr"), st.sampled_from("abc"), st.integers(0, 99)
)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(row, min_size=1, max_size=60),
    order=st.sampled_from(["by time", "by entity", "by channel", "as it comes"]),
    batch_rows=st.integers(1, 20),
)
def test_any_cut_either_format_and_any_order_merge_to_the_same(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[int, str, str, int]],
    order: str,
    batch_rows: int,
) -> None:
    keys = {"by time": (0,), "by entity": (1, 0), "by channel": (2, 0), "as it comes": ()}[order]
    rows = sorted(rows, key=lambda row: tuple(row[key] for key in keys))
    expected: dict[tuple[int, str], dict[str, float]] = {}
    for time, entity, channel, value in rows:
        expected.setdefault((time, entity), {}).setdefault(channel, value)  # the first one stays

    directory = tmp_path_factory.mktemp("long")
    time, entity, channel, value = zip(*rows, strict=True)
    table = pa.table(
        {
            "ts": [T0 + t for t in time],
            "entity": entity,
            "channel": channel,
            "value": pa.array(value, pa.float64()),
        }
    )
    pa_csv.write_csv(table, directory / "a.csv")
    pq.write_table(table, directory / "a.parquet", row_group_size=7)
    source = FileSource([directory / "a.csv"], LONG)
    readings = read_all(source)
    found = {
        ((time_ns // NS) - T0, source.entities[index]): {
            name: value
            for name, value in zip(source.channel_names, values, strict=True)
            if not np.isnan(value)
        }
        for time_ns, index, values in zip(
            readings.time_ns.tolist(), readings.entity, readings.values.tolist(), strict=True
        )
    }
    assert found == expected
    assert len(readings) == len(expected)
    cut = FileSource([directory / "a.parquet"], LONG, batch_rows=batch_rows)
    assert_same(read_all(cut), readings)
