"""Times in files: every unit and notation means the same instant, anything else names its row."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading_files import read_all, write

from sentinel.errors import DataError
from sentinel.source.files import FileLayout, FileSource

T0 = 1_600_000_000
NS = 1_000_000_000


def times_of(path: Path, layout: FileLayout | None = None) -> list[int]:
    return read_all(FileSource([path], layout)).time_ns.tolist()


def csv_of(path: Path, *times: object) -> Path:
    return write(path, "timestamp,a\n" + "".join(f'"{time}",1\n' for time in times))


@settings(max_examples=20, deadline=None)
@given(
    times=st.lists(
        st.integers(946_684_800_000_000, 4_102_444_799_999_999), min_size=1, max_size=20
    ),
)
def test_every_unit_and_notation_means_the_same(
    tmp_path_factory: pytest.TempPathFactory, times: list[int]
) -> None:
    directory = tmp_path_factory.mktemp("times")
    expected = [time * 1_000 for time in times]
    stamps = [datetime.fromtimestamp(0, UTC) + np.timedelta64(t, "us").item() for t in times]
    texts = {
        "s": [f"{t // 10**6}.{t % 10**6:06d}" for t in times],
        "ms": [f"{t // 10**3}.{t % 10**3:03d}" for t in times],
        "us": times,
        "ns": expected,
        "iso": [stamp.isoformat() for stamp in stamps],
        "naive": [str(stamp.replace(tzinfo=None)) for stamp in stamps],
    }
    for name, column in texts.items():
        assert times_of(csv_of(directory / f"{name}.csv", *column)) == expected, name
    arrays = {
        "s": pa.array([t / 1e6 for t in times]),
        "ms": pa.array([t / 1e3 for t in times]),
        "us": pa.array(times, pa.uint64()),
        "us as doubles": pa.array([float(t) for t in times]),
        "ns": pa.array(expected),
        "text": pa.array(texts["s"], pa.large_string()),
        "dictionary": pa.array(texts["iso"]).dictionary_encode(),
        "timestamp[us]": pa.array(times, pa.timestamp("us", "Europe/Berlin")),
        "timestamp[ns]": pa.array(expected, pa.timestamp("ns")),
        "decimal": pa.array(texts["s"]).cast(pa.decimal128(20, 6)),
    }
    for name, array in arrays.items():
        pq.write_table(pa.table({"timestamp": array, "a": [1.0] * len(times)}), directory / "x.pq")
        assert times_of(directory / "x.pq") == expected, name


@settings(max_examples=60, deadline=None)
@given(
    unit=st.sampled_from(["s", "ms", "us", "ns"]),
    seconds=st.lists(st.floats(946_684_800, 4_102_444_799), min_size=1, max_size=20),
)
def test_a_double_means_its_shortest_decimal_in_csv_and_parquet(
    tmp_path_factory: pytest.TempPathFactory, unit: str, seconds: list[float]
) -> None:
    directory = tmp_path_factory.mktemp("doubles")
    factor = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    doubles = [value * factor for value in seconds]
    table = pa.table({"timestamp": doubles, "a": [1.0] * len(doubles)})
    pq.write_table(table, directory / "a.parquet")
    csv_of(directory / "a.csv", *map(repr, doubles))
    assert times_of(directory / "a.parquet") == times_of(directory / "a.csv")


@pytest.mark.parametrize(
    ("text", "after_s"),
    [
        ("2020-09-13T12:26:40Z", 0),
        ("2020-09-13 12:26:40", 0),
        ("2020-09-13T14:26:40+02:00", 0),
        ("2020-09-13T12:26:40.5Z", 0.5),
        ("2020-09-13T12:26:40.500000001", 0.500000001),
        ("2020-09-13 12:26:40,25", 0.25),
        (" 2020-09-13 12:26:40 ", 0),
        ("2020-09-13 12:26:40 +00:00", 0),
        ("2020-09-13T12:26Z", -40),
        ("2020-09-13", -44_800),
        ("20200913", -44_800),
        ("20200913T122640Z", 0),
        ("1.6e9", 0),
        ("1600000000,5", 0.5),
        ("1600000000.0000000004", 0),
    ],
)
def test_notations_of_time(tmp_path: Path, text: str, after_s: float) -> None:
    path = csv_of(tmp_path / "a.csv", text, text)
    assert times_of(path) == [T0 * NS + round(after_s * NS)] * 2


def test_zones_may_differ_within_a_file(tmp_path: Path) -> None:
    path = csv_of(tmp_path / "a.csv", "2020-09-13 12:26:40", "2020-09-13T12:26:40-01:00")
    assert times_of(path) == [T0 * NS, (T0 + 3600) * NS]


def test_whole_and_fractional_seconds_mix_even_if_the_first_block_is_whole(tmp_path: Path) -> None:
    path = csv_of(tmp_path / "a.csv", *([T0] * 50_000), f"{T0}.5")
    assert times_of(path)[-1] == T0 * NS + NS // 2


def test_days_are_times(tmp_path: Path) -> None:
    table = pa.table({"date": pa.array([18_518], pa.date32()), "a": [1.0]})
    pq.write_table(table, tmp_path / "a.parquet")
    assert times_of(tmp_path / "a.parquet") == [18_518 * 86_400 * NS]


@pytest.mark.parametrize("name", ["ts", "time", "datetime", "Timestamp", "DATE"])
def test_usual_names_of_the_time_column(tmp_path: Path, name: str) -> None:
    assert times_of(write(tmp_path / "a.csv", f"a,{name}\n1,{T0}\n")) == [T0 * NS]


def test_the_unit_can_be_given_and_files_may_differ_in_it(tmp_path: Path) -> None:
    path = csv_of(tmp_path / "1.csv", T0)
    assert times_of(path, FileLayout(timestamp_unit="s")) == [T0 * NS]
    csv_of(tmp_path / "2.csv", T0 * 1_000)
    source = FileSource([tmp_path])
    assert read_all(source).time_ns.tolist() == [T0 * NS] * 2
    assert source.time_unit == "s"
    assert source.time_units == ("s", "ms")


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ((T0, T0 * 1000), "row 2: column 'timestamp': '1600000000000' is not a time "
         r"\(s as in the rows before; this one looks like ms\)"),
        ((T0 * 1000, T0), "row 2: .*'1600000000' .*ms as in the rows before.* like s"),
        ((T0, "2020-09-13"), "row 2: .*'2020-09-13' .*s as in .*looks like iso8601"),
        (("2020-09-13", T0), "row 2: .*'1600000000' .*iso8601 as in .*looks like s"),
        ((T0, ""), "row 2: column 'timestamp': the time is empty; every reading needs a time"),
        (("", T0), "row 1: .*the time is empty"),
        ((T0, "soon"), r"row 2: .*'soon' is not a time \(unix time in s between 2000 and 2100\)"),
        (("soon",), "row 1: .*'soon' is not a time .*ISO 8601.*; set --timestamp-unit"),
        ((12345,), "row 1: .*12345 is not a time.*; it would be in 1970: a column that counts"),
        (("0", "1"), "row 1: .*0 is not a time.*; it would be in 1970"),
        (("1970-01-19 04:26:40",), "row 1: .*1970.* is not a time.*; it would be in 1970.* unit"),
        (("1969-12-31",), "row 1: .*'1969-12-31.* is not a time"),
        (("2020-01-01", "2100-01-01"), "row 2: .*'2100-01-01' is not a time"),
        (("2020-01-01", "9999-01-01"), "row 2: .*'9999-01-01' is not a time"),
        (("2020-01-01", "2020-13-01"), "row 2: .*'2020-13-01' is not a time"),
        (("01/02/2020 10:00",), "row 1: .*'01/02/2020 10:00' is not a time"),
        ((T0, "nan"), "row 2: .*'nan' is not a time"),
        ((T0, "9" * 30), "row 2: .*is not a time"),
        ((T0, f"{2**64 // 10**9 + T0}"), "row 2: .*is not a time"),
    ],
)  # fmt: skip
def test_a_bad_time_names_file_row_and_value(
    tmp_path: Path, times: tuple[object, ...], message: str
) -> None:
    path = csv_of(tmp_path / "a.csv", *times)
    with pytest.raises(DataError, match=f"{path}, data {message}"):
        times_of(path)


@pytest.mark.parametrize(
    ("times", "shown"),
    [
        (pa.array([T0, None]), "the time is empty"),
        (pa.array([float(T0), np.nan]), "nan is not a time"),
        (pa.array([float(T0), 1e300]), "1e.300 is not a time"),
        (pa.array([T0 * NS + 1, 2**62], pa.timestamp("ns")), "'2116-02-20 23:53:38.427387904' is"),
        (pa.array([T0 * 1000, 2**62], pa.timestamp("ms")), "is not a time"),
        (pa.array([T0, 2**63 - 1], pa.int64()), "9223372036854775807 is not a time"),
        (pa.array([T0, 2**64 - 1], pa.uint64()), "18446744073709551615 is not a time"),
    ],
)
def test_a_bad_time_in_parquet_names_its_row(tmp_path: Path, times: pa.Array, shown: str) -> None:
    pq.write_table(pa.table({"ts": times, "a": [1.0, 2.0]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=f"a.parquet, data row 2: column 'ts': .*{shown}"):
        times_of(tmp_path / "a.parquet")


def test_the_row_of_a_bad_time_counts_over_batches(tmp_path: Path) -> None:
    path = csv_of(tmp_path / "a.csv", *range(T0, T0 + 100), "x")
    with pytest.raises(DataError, match="data row 101: "):
        read_all(FileSource([path], batch_rows=7))


def test_a_given_unit_must_fit(tmp_path: Path) -> None:
    path = csv_of(tmp_path / "a.csv", "2020-09-13")
    with pytest.raises(DataError, match=r"data row 1: .*ms as in .*; this one looks like iso8601"):
        times_of(path, FileLayout(timestamp_unit="ms"))
