"""Files that cannot be used: what failed, where, what to do."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reading_files import read_all, write

from sentinel.errors import DataError
from sentinel.source.files import FileLayout, FileSource
from sentinel.source.labels import read_labels

T0 = 1_600_000_000


def refused(path: Path, layout: FileLayout | None = None, channels: list[str] | None = None) -> str:
    """What is said about a file that is refused, after its name."""
    with pytest.raises(DataError) as caught:
        read_all(FileSource([path], layout, channels))
    assert caught.value.exit_code == 4
    assert str(caught.value).startswith(str(path))
    return str(caught.value)[len(str(path)) :]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ": the file is empty"),
        ("\n\n", ": the file is empty"),
        ("timestamp,a", ": there is a header and no row"),
        ("timestamp,a\n", ": there is a header and no row"),
        ("timestamp,a,a\n1,2,3\n", ": several columns are called 'a'; give every column a name"),
        ("timestamp,a, a\n1,2,3\n", ": several columns are called 'a'"),
        (f"{T0},1.5\n{T0},2\n", "; the first line must be a header with the columns' names"),
        (f"when,a\n{T0},2\n", ": there is no column 'timestamp'; columns are 'when', 'a'; name"),
        (f"ts,time,a\n{T0},1,2\n", ": which column is the time: 'ts', 'time'?; name the column"),
        (f"ts,a\n{T0},x\n", ": no column holds numbers; beside the time and the machine's name "
         "all are text, or left out by --exclude"),
        (f"ts\n{T0}\n", ": no column holds numbers"),
        (f"ts,a\n{T0},1\n{T0}\n", ", data row 2: expected 2 columns, got 1; the line is cut off"),
        (f"ts,a\n{T0},1\n{T0},1,2\n", ", data row 2: expected 2 columns, got 3"),
        (f"ts,a\n{T0},1\n{T0},1\n{T0},ERR\n", ", data row 3: column 'a': 'ERR' is not a number"),
        (f"ts,a\n{T0},°C\n{T0},1\n", ", data row 1: column 'a': '°C' is not a number; leave the"),
        (f"entity,ts,a\nx,{T0},1\n,{T0},1\n", ", data row 2: column 'entity': the name is empty"),
        ("ts,a\n" + f"{T0},1\n" * 90_000 + f'{T0},"1\n' + f"{T0},1\n" * 180_000,
         ": a line is longer than 1048576 bytes, or a quote is never closed"),
        (f'ts,a\n{T0},1\n{T0},"1\n' + f"{T0},1\n" * 9, ", data row 2: column 'a': '1\\n16"),
        (f"ts,channel,value\n{T0},a,1\n", "look like layout long; choose --layout long"),
    ],
)  # fmt: skip
def test_a_bad_csv_says_what_and_where(tmp_path: Path, text: str, said: str) -> None:
    assert said in refused(write(tmp_path / "a.csv", text))


def test_a_bad_number_in_a_later_block_names_its_row(tmp_path: Path) -> None:
    text = "ts,a,b\n" + f"{T0},1,2\n" * 100_000 + f"\n\n{T0},1,Bad Input\n"
    said = refused(write(tmp_path / "a.csv", text))
    assert said.startswith(", data row 100001: column 'b': 'Bad Input' is not a number")


def test_text_in_other_encodings_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("ts,Größe\n".encode("latin-1"))
    assert refused(path) == ", header: the text is not UTF-8; save the file as CSV UTF-8"
    path.write_bytes(f"ts,a\n{T0},1\n".encode("utf-16"))
    assert "not UTF-8" in refused(path)
    path.write_bytes(f"ts,a,entity\n{T0},1,Größe\n".encode("latin-1"))
    assert refused(path).startswith(", data row 1: the text is not UTF-8")


def test_a_line_beyond_the_block_is_refused(tmp_path: Path) -> None:
    text = f"ts,a,note\n{T0},1,{'x' * 3_000_000}\n"
    assert "a line is longer than 1048576 bytes" in refused(write(tmp_path / "a.csv", text))


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    table = pa.table({"ts": list(range(T0, T0 + 5000)), "a": [0.5 * i for i in range(5000)]})
    good = tmp_path / "good.parquet"
    pq.write_table(table, good, write_page_checksum=True)
    whole = good.read_bytes()
    bad = tmp_path / "a.parquet"
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for content in (b"", b"PAR1", whole[:-10], whole[: len(whole) // 2], bytes(flipped)):
        bad.write_bytes(content)
        assert refused(bad).startswith(": damaged or incomplete: ")
    packed = gzip.compress(b"ts,a\n" + f"{T0},1\n".encode() * 200_000)
    bad = tmp_path / "a.csv.gz"
    for content in (packed[:-100], b"ts,a\n"):
        bad.write_bytes(content)
        assert refused(bad).startswith(": damaged or incomplete: ")


def test_bad_parquet_says_what_and_where(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(
        pa.table({"ts": pa.array([], pa.int64()), "a": pa.array([], pa.float64())}), path
    )
    assert refused(path) == ": the file has no rows"
    pq.write_table(pa.Table.from_arrays([pa.array([T0])] * 3, names=["ts", "a", "a"]), path)
    assert "several columns are called 'a'" in refused(path)
    pq.write_table(pa.table({"ts": [T0], "a": ["1.5"]}), path)
    assert "column 'a' holds numbers as text, such as '1.5'" in refused(path)
    pq.write_table(pa.table({"ts": [T0], "a": [[1.5]]}), path)
    assert "column 'a' holds list<element: double>, not numbers" in refused(path, channels=["a"])
    pq.write_table(pa.table({"ts": [[T0]], "a": [1.5]}), path)
    assert "column 'ts'" in refused(path)
    pq.write_table(pa.table({"ts": [T0] * 2, "a": [1, 2], "entity": ["x", None]}), path)
    assert refused(path).startswith(", data row 2: column 'entity': the name is empty")


def test_a_channel_of_the_model_must_be_numbers(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", f"ts,a,b\n{T0},on,1\n{T0},off,2\n")
    assert "data row 1: column 'a': 'on' is not a number" in refused(path, channels=["a", "b"])
    said = refused(path, channels=["x", "y"])
    assert said == ": none of the channels is in the model: 'b'; the model has 'x', 'y'"


def test_files_of_one_history_need_the_same_channels(tmp_path: Path) -> None:
    first = write(tmp_path / "1.csv", f"ts,a,b\n{T0},1,2\n")
    second = write(tmp_path / "2.csv", f"ts,a,c\n{T0},1,2\n")
    with pytest.raises(DataError) as caught:
        FileSource([tmp_path])
    assert str(caught.value) == (
        f"{second}: compared with {first}, this file lacks the channel 'b' and has the channel "
        "'c' besides; the files of one history need the same channels: leave those that some lack "
        "out with --exclude"
    )
    write(second, f"ts,a,b\n{T0},1,on\n")
    with pytest.raises(DataError, match=r"2.csv, data row 1: column 'b': 'on' is not a number"):
        FileSource([tmp_path])


def test_a_later_bad_file_is_told_of_before_the_first_is_read(tmp_path: Path) -> None:
    write(tmp_path / "1.csv", f"ts,a\n{T0},1\n")
    write(tmp_path / "2.csv", "ts,a\n")
    with pytest.raises(DataError, match=r"2.csv: there is a header and no row"):
        FileSource([tmp_path])


def test_paths_that_lead_nowhere(tmp_path: Path) -> None:
    said = ": no file ending in .csv, .csv.gz, .parquet, .pq in this directory or below"
    assert refused(tmp_path) == said
    assert refused(tmp_path / "no.csv") == ": no such file or directory"
    other = write(tmp_path / "a.xlsx", "")
    assert refused(other).startswith(": neither CSV nor Parquet by its name; names end in .csv")
    with pytest.raises(DataError, match="no history was named"):
        FileSource([])


def test_many_columns_are_not_all_listed(tmp_path: Path) -> None:
    names = ",".join(f"c{i}" for i in range(500))
    said = refused(write(tmp_path / "a.csv", f"{names}\n{'1,' * 499}1\n"))
    assert "'c11' and 488 more" in said
    assert len(said) < 300


def test_a_path_that_the_system_refuses_is_told(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 300 + ".csv")
    for read in (lambda: FileSource([path]), lambda: read_labels(path)):
        with pytest.raises(DataError, match=r"a\.csv: cannot be read: File name too long"):
            read()


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ({"entity": [["x"]]}, ": column 'entity' holds list<element: string>, which cannot be"),
        (
            {"entity": [b"\xff"]},
            ": column 'entity' holds binary, which cannot be read as names: In",
        ),
        ({"ts": [[T0]]}, ": column 'ts' holds list<element: int64>, which cannot be read as times"),
        (
            {"ts": pa.array([1], pa.timestamp("s", "No/Where"))},
            ", which cannot be read as times: Ca",
        ),
    ],
)
def test_a_column_of_a_type_that_does_not_fit_is_named(tmp_path: Path, column, said: str) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"ts": [T0], "a": [1.5], "entity": ["x"]} | column), path)
    found = refused(path, FileLayout(timestamp_unit="s"))
    assert said in found
    assert found.endswith("; store it as text in UTF-8")
