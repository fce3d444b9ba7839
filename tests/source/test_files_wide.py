"""Wide files: columns become channels, rows become readings."""

from __future__ import annotations

import gzip
import logging
import re
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
from sentinel.source.history_csv import CsvTable

S = 1_000_000_000
T0 = 1_600_000_000


def test_numbers_become_channels_and_every_row_one_reading(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv",
        "timestamp,entity,temp,open,note\n"
        f"{T0},pump-1,1,true,x\n"
        f"{T0},pump-2,,false,\n"
        f"{T0 - 5},pump-1,2.5e3,,y\n"
        f"{T0 - 5},pump-1,inf,true,y\n",
    )
    source = FileSource([path])
    readings = read_all(source)
    assert source.channel_names == ("temp", "open")
    assert source.entities == ["pump-1", "pump-2"]
    assert source.time_unit == "s"
    assert readings.entity.tolist() == [0, 1, 0, 0]
    assert readings.time_ns.tolist() == [T0 * S, T0 * S, (T0 - 5) * S, (T0 - 5) * S]
    assert readings.offset.tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(
        readings.values, [[1, 1], [np.nan, 0], [2500, np.nan], [np.nan, 1]]
    )
    assert source.poll(0) is None
    source.commit({})
    source.close()
    source.close()
    assert (source.lag_records(), source.assigned()) == (None, 1)


def test_masked_values_are_counted_by_reason(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", f"ts,a\n{T0},\n{T0},nan\n{T0},-inf\n{T0},1e31\n{T0},1\n")
    batch = FileSource([path]).poll(0)
    assert batch is not None
    assert batch.records == 5
    assert batch.masked == {"missing": 2, "not_finite": 1, "too_large": 1}
    assert np.isnan(batch.readings.values[:4]).all()


def test_ignored_columns_are_named_once_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "a.csv", f"ts,a,state,since\n{T0},1,ok,2020-01-01\n")
    with caplog.at_level(logging.INFO):
        assert FileSource([path]).channel_names == ("a",)
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: columns that are not numbers are ignored: 'state', 'since'"
    ]


def test_a_model_finds_its_channels_by_name(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", f"ts,a,b,c\n{T0},1,2,3\n")
    source = FileSource([path], channels=["c", "x", "a"])
    np.testing.assert_array_equal(read_all(source).values, [[3, np.nan, 1]])
    report = source.channels()
    assert report.matched == ["c", "a"]
    assert report.missing == ["x"]
    assert report.unknown == ["b"]


def test_a_channel_that_one_of_several_files_lacks_is_missing(tmp_path: Path) -> None:
    write(tmp_path / "1.csv", f"ts,a,b\n{T0},1,2\n")
    write(tmp_path / "2.csv", f"ts,a\n{T0},1\n")
    source = FileSource([tmp_path], channels=["a", "b"])
    assert source.channels().missing == ["b"]
    np.testing.assert_array_equal(read_all(source).values, [[1, 2], [1, np.nan]])


def test_files_come_by_name_and_number(tmp_path: Path) -> None:
    for day in (10, 9, 1):
        write(tmp_path / "sub" / f"day-{day}.csv", f"ts,a\n{T0},{day}\n")
    write(tmp_path / ".hidden.csv", "junk")
    write(tmp_path / "readme.txt", "junk")
    source = FileSource([tmp_path])
    readings = read_all(source)
    assert [path.name for path in source.files] == ["day-1.csv", "day-9.csv", "day-10.csv"]
    assert readings.values[:, 0].tolist() == [1, 9, 10]
    assert readings.partition.tolist() == [0, 1, 2]
    assert source.entities == ["default"]


def test_a_file_that_is_named_twice_is_read_twice(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", f"ts,a\n{T0},1\n{T0 + 1},2\n")
    readings = read_all(FileSource([path, path]))
    assert readings.partition.tolist() == [0, 0, 1, 1]
    assert readings.values[:, 0].tolist() == [1, 2, 1, 2]


def test_each_file_is_an_entity_if_so_wished(tmp_path: Path) -> None:
    write(tmp_path / "pump-1.csv", f"ts,a\n{T0},1\n")
    (tmp_path / "pump-2.csv.gz").write_bytes(gzip.compress(f"ts,a\n{T0},2\n".encode()))
    source = FileSource([tmp_path], FileLayout(entity_from_file_name=True))
    assert read_all(source).entity.tolist() == [0, 1]
    assert source.entities == ["pump-1", "pump-2"]


def test_entities_may_be_numbers_and_keep_leading_zeros(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", f"ts,unit,a\n{T0},007,1\n{T0},7,1\n")
    source = FileSource([path], FileLayout(entity_column="unit"))
    assert read_all(source).entity.tolist() == [0, 1]
    assert source.entities == ["007", "7"]


@pytest.mark.parametrize(
    "text",
    [
        f"ts;a;b\n{T0};1,5;2\n",
        f"ts\ta\tb\n{T0}\t1.5\t2\n",
        f'"ts","a","b"\n"{T0}","1.5","2"\n',
        f"\ufeffts,a,b\n{T0},1.5,2\n\n",
        f"ts, a , b\r\n{T0}, 1.5, 2\r\n",
        f",ts,a,b\n0,{T0},1.5,2\n",
        f"ts;a;b;\n{T0};1,5;2,0;\n",
    ],
    ids=["semicolon", "tab", "quoted", "bom", "blanks", "nameless index", "trailing delimiter"],
)
def test_dialects_of_csv(tmp_path: Path, text: str) -> None:
    source = FileSource([write(tmp_path / "a.csv", text)])
    assert source.channel_names == ("a", "b")
    readings = read_all(source)
    assert readings.values.tolist() == [[1.5, 2.0]]
    assert readings.time_ns.tolist() == [T0 * S]


def test_a_channel_may_begin_with_whole_numbers_or_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = "".join(f"{T0 + row},{row},\n" for row in range(200))
    path = write(tmp_path / "a.csv", f"ts,a,b\n{lines}{T0 + 200},0.5,7\n")
    small = CsvTable.open(path, block_bytes=64)
    monkeypatch.setattr("sentinel.source.history_plan.open_table", lambda _: small)
    source = FileSource([path])
    values = read_all(source).values
    assert source.channel_names == ("a", "b")
    assert values[-1].tolist() == [0.5, 7.0]
    assert values[:-1, 0].tolist() == list(range(200))


def test_a_text_column_that_is_empty_elsewhere_is_no_channel(tmp_path: Path) -> None:
    write(tmp_path / "1.csv", f"ts,a,note\n{T0},1,good\n")
    write(tmp_path / "2.csv", f"ts,a,note\n{T0},1,\n")
    assert FileSource([tmp_path]).channel_names == ("a",)


def test_every_number_type_of_parquet_is_a_channel(tmp_path: Path) -> None:
    columns = {
        "ts": pa.array([T0], pa.int32()),
        "i8": pa.array([-3], pa.int8()),
        "u64": pa.array([2**63], pa.uint64()),
        "f16": pa.array(np.array([1.5], np.float16)),
        "f32": pa.array([2.5], pa.float32()),
        "dec": pa.array(["3.25"]).cast(pa.decimal128(9, 2)),
        "bool": pa.array([True]),
        "none": pa.nulls(1),
        "text": pa.array(["x"]),
        "list": pa.array([[1.0]]),
        "__index_level_0__": pa.array([5]),
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    source = FileSource([tmp_path / "a.parquet"])
    assert source.channel_names == ("i8", "u64", "f16", "f32", "dec", "bool", "none")
    expected = [[-3, 2.0**63, 1.5, 2.5, 3.25, 1, np.nan]]
    np.testing.assert_array_equal(read_all(source).values, expected)


def test_a_dictionary_of_entities_is_taken_by_the_rows(tmp_path: Path) -> None:
    names = pa.DictionaryArray.from_arrays(pa.array([2, 1, 2]), pa.array(["unused", "b", "a"]))
    table = pa.table({"ts": [T0] * 3, "entity": names, "a": [1.0, 2.0, 3.0]})
    pq.write_table(table, tmp_path / "a.parquet")
    source = FileSource([tmp_path / "a.parquet"])
    assert read_all(source).entity.tolist() == [0, 1, 0]
    assert source.entities == ["a", "b"]


def test_excluded_columns_are_not_there(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", f"ts,a,label,entity\n{T0},1,0,x\n")
    source = FileSource([path], FileLayout(exclude=("label", "entity")))
    assert source.channel_names == ("a",)
    read_all(source)
    assert source.entities == ["default"]
    said = """no column 'lable'; columns are 'a', 'entity', 'label', 'ts'; did you mean "label"?"""
    with pytest.raises(DataError, match=re.escape(said)):
        FileSource([path], FileLayout(exclude=("lable",)))


finite = st.floats(allow_nan=True, allow_infinity=True, width=64)
rows = st.lists(
    st.tuples(
        st.integers(946_684_800_000, 4_102_444_799_999),
        st.sampled_from(["a", "b,c", 'd"e', "f\ng"]),
        st.one_of(st.none(), finite),
        st.one_of(st.none(), st.integers(-(2**62), 2**62)),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(rows=rows, batch_rows=st.integers(1, 50), group=st.integers(1, 50))
def test_any_cut_and_either_format_give_the_same_readings(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[int, str, float | None, int | None]],
    batch_rows: int,
    group: int,
) -> None:
    directory = tmp_path_factory.mktemp("cut")
    time, entity, real, whole = zip(*rows, strict=True)
    table = pa.table(
        {
            "timestamp": pa.array(time, pa.int64()),
            "entity": pa.array(entity),
            "real": pa.array(real, pa.float64()),
            "whole": pa.array(whole, pa.int64()),
        }
    )
    pq.write_table(table, directory / "a.parquet", row_group_size=group)
    pa_csv.write_csv(table, directory / "a.csv")
    whole_csv = FileSource([directory / "a.csv"])
    cut_csv = FileSource([directory / "a.csv"], batch_rows=batch_rows)
    parquet = FileSource([directory / "a.parquet"], batch_rows=batch_rows)
    expected = read_all(whole_csv)
    assert len(expected) == len(rows)
    assert expected.time_ns.tolist() == [t * 1_000_000 for t in time]
    assert [whole_csv.entities[index] for index in expected.entity] == list(entity)
    assert_same(read_all(cut_csv), expected)
    assert_same(read_all(parquet), expected)
    assert cut_csv.entities == parquet.entities == whole_csv.entities
    assert whole_csv.time_unit == parquet.time_unit == "ms"
