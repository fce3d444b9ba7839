"""A file of labels: what may stand in it, and each mistake with its row."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentinel.backtest.labels import NEVER
from sentinel.errors import DataError
from sentinel.source.labels import HINT, TIME_HINT, read_labels
from tests.source.reading_files import write

S = 10**9
T0 = 1_700_000_000
DAY_S, JANUARY_30_S = 86_400, 20_483 * 86_400  # of 2026


@pytest.mark.parametrize(
    ("text", "entities"),
    [
        ("from,to\n1700000000,1700000060\n", None),
        ("from;to\n1700000000,0;1700000060,0\n", None),
        ("to,what,from\n1700000060000,broken,1700000000000\n", None),
        ("from,to\n2023-11-14T22:13:20Z,2023-11-14 22:14:20\n", None),
        ("from,to\n1700000000,2023-11-14T22:14:20Z\n", None),
        ("entity,from,to\n7,1700000000,1700000060\n", ["7"]),
        ("entity,from,to\n,1700000000,1700000060\n", [""]),
    ],
)
def test_times_are_read_as_those_of_a_history(tmp_path: Path, text: str, entities) -> None:
    labels = read_labels(write(tmp_path / "labels.csv", text))
    assert (labels.from_ns.tolist(), labels.to_ns.tolist()) == ([T0 * S], [(T0 + 60) * S])
    assert labels.entities == entities
    assert labels.where == str(tmp_path / "labels.csv")


def test_what_a_stretch_was_is_told_of_every_time_that_it_meets(tmp_path: Path) -> None:
    rows = (f"{T0},{T0 + 60},a,1", f"{T0 + 50},{T0 + 90},,worn", f"{T0 + 99},{T0 + 99},a,")
    labels = read_labels(write(tmp_path / "l.csv", "\n".join(["from,to,entity,what", *rows, ""])))
    assert labels.what == ["1", "worn", ""]
    ends = ((0, 49), (0, 50), (61, 80), (91, 99))
    told = [[labels.told_of(name, (T0 + a) * S, (T0 + b) * S) for name in "ab"] for a, b in ends]
    assert told == [["1", ""], ["1, worn", "worn"], ["worn", "worn"], ["", ""]]


def test_labels_keep_their_order_and_may_overlap(tmp_path: Path) -> None:
    text = f"from,to,entity\n{T0 + 50},{T0 + 90},b\n{T0},{T0 + 60},a\n{T0 + 5},{T0 + 5},b\n"
    labels = read_labels(write(tmp_path / "labels.csv", text))
    assert (labels.from_ns // S - T0).tolist() == [50, 0, 5]
    assert labels.entities == ["b", "a", "b"]


@pytest.mark.parametrize(
    ("failed_at", "seconds"),
    [
        (("2023-11-14T22:13:25Z", ""), (5, None)),
        ((" ", T0 + 60_000), (None, 60_000)),
        (("2023-11-15", ""), (6400, None)),  # its midnight
        (("", ""), None),
    ],
)
def test_a_failure_is_known_where_its_cell_is_not_empty(tmp_path: Path, failed_at, seconds) -> None:
    rows = "".join(f"{T0},{T0 + 60},{cell}\n" for cell in failed_at)
    labels = read_labels(write(tmp_path / "labels.csv", f"from,to,failed_at\n{rows}"))
    if seconds is None:
        assert labels.failed_ns is None
    else:
        expected = [NEVER if at is None else (T0 + at) * S for at in seconds]
        assert labels.failed_ns.tolist() == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("start,to\n1,2\n", f": there is no column 'from'; columns are 'start', 'to'; {HINT}"),
        ("a,b\n1,2\n", ": there are no columns 'from', 'to'; columns are 'a', 'b'; " + HINT),
        ("from\n1\n", ": there is no column 'to'; the only column is 'from'; " + HINT),
        ("from,to\n", ": there is a header and no row"),
        ("from,to\n1700000000,1700000001\n1700000005,1700000004\n",
         ", data row 2: the label ends (1700000004) before it begins (1700000005); are from and "
         "to exchanged?"),
        ("from,to\n1700000000,\n", ", data row 1: column 'to': the time is empty; "
         f"{TIME_HINT}"),
        ("from,to,failed_at\n1700000000,1700000001,\n1700000000,1700000001,1699999999\n",
         ", data row 2: the failure (1699999999) comes before what led to it (1700000000); from is "
         "when it could first have been noticed"),
    ],
)  # fmt: skip
def test_a_wrong_label_is_told_of_with_its_row(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path / "labels.csv", text)
    with pytest.raises(DataError) as told:
        read_labels(path)
    assert str(told.value) == f"{path}{message}"


def test_a_time_that_is_none_names_its_column_and_what_would_be_one(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"data row 1: .* 100 is not .*; it would be in 1970: a column that"
    ):
        read_labels(write(tmp_path / "labels.csv", "from,to\n100,200\n"))
    path = write(tmp_path / "labels.csv", "from,to\n1700000000,soon\n")
    with pytest.raises(DataError, match=r"data row 1: column 'to': 'soon' is not a time"):
        read_labels(path)
    text = f"from,to,failed_at\n{T0},{T0},\n{T0},{T0},bearing\n"
    with pytest.raises(DataError, match=r"data row 2: column 'failed_at': 'bearing' is not a time"):
        read_labels(write(path, text))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_date_alone_is_the_whole_day(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"labels.{kind}"
    if kind == "csv":
        rows = ("2026-01-30, 2026-01-31 ", "20260130,20260131", "2026-01-30,2026-01-31 00:00")
        write(path, "\n".join(["from,to", *rows]) + "\n")
    else:
        days = pa.array([20483, 20483], pa.date32())
        pq.write_table(pa.table({"from": days, "to": pa.array([20484, 20484], pa.date32())}), path)
    labels = read_labels(path)
    assert set(labels.from_ns.tolist()) == {JANUARY_30_S * S}
    through = (JANUARY_30_S + 2 * DAY_S) * S - 1
    midnight = (JANUARY_30_S + DAY_S) * S
    assert labels.to_ns.tolist() == [through, through] + [midnight] * (kind == "csv")


def test_a_directory_is_no_file_of_labels(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="labels are one file"):
        read_labels(tmp_path)
