"""The scores file: one row per reading, exact, whole or not at all."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import textwrap
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.config.schema import TimestampUnit
from sentinel.errors import DataError
from sentinel.records import Readings, Scores, Status
from sentinel.sink.scores import ScoresWriter, prepare
from sentinel.source.files import FileSource

NS = 1_000_000_000
T0 = 1_600_000_000 * NS


def rows(times: list[int], entity: list[int] | None = None, score: float = 0.5) -> Readings:
    count = len(times)
    return Readings(
        np.array(entity or [0] * count, np.int32),
        np.array(times, np.int64),
        np.zeros(count, np.int32),
        np.arange(count),
        np.full((count, 1), score),
    )


def scored(
    count: int, scores: list[float] | None = None, status: list[Status] | None = None
) -> Scores:
    values = np.array(scores if scores is not None else [0.5] * count)
    with np.errstate(over="ignore"):
        ratios = values * 2
    return Scores(
        values,
        ratios,
        np.arange(count) % 2 == 1,
        np.array(status if status is not None else [Status.OK] * count, np.uint8),
        np.arange(count, dtype=np.int32),
    )


def run(
    code: str, *args: object, stdout: int | BinaryIO = subprocess.PIPE
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, args)],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_csv_has_one_row_per_reading_and_says_why(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    statuses = [Status.WARMING, *Status]
    scores = scored(7, [float("nan"), 1, 0.1, 1e-7, 1e22, 1 / 3, 2], statuses)
    with ScoresWriter(str(path), ["a", "b"], 64, "iso8601") as writer:
        writer.write(rows([T0 + i * NS for i in range(7)], [0, 1, 0, 1, 0, 1, 0]), scores)
        assert not path.exists()
    assert path.read_text() == textwrap.dedent(
        """\
        timestamp,entity,anomaly_score,score_ratio,is_anomaly,status
        2020-09-13T12:26:40Z,a,,,0,warming 0/64
        2020-09-13T12:26:41Z,b,1,2,1,ok
        2020-09-13T12:26:42Z,a,0.1,0.2,0,warming 2/64
        2020-09-13T12:26:43Z,b,1e-7,2e-7,1,between strides
        2020-09-13T12:26:44Z,a,1e+22,2e+22,0,duplicate
        2020-09-13T12:26:45Z,b,0.3333333333333333,0.6666666666666666,1,late
        2020-09-13T12:26:46Z,a,2,4,0,rejected
        """
    )
    assert [entry.name for entry in tmp_path.iterdir()] == ["scores.csv"]


@pytest.mark.parametrize("name", ["s.csv", "s.parquet"])
def test_expected_values_stand_beside_the_scores_to_the_last_bit(tmp_path: Path, name: str) -> None:
    expected = np.array([[0.1, np.nan], [1 / 3, -1e22]])
    channels = ("temp", 'vib, "x"')
    with ScoresWriter(str(tmp_path / name), ["a"], 3, channels=channels) as writer:
        for row in range(2):
            writer.write(rows([T0 + row]), scored(1), expected[row : row + 1])
    names = ["expected_temp", 'expected_vib, "x"']
    if name.endswith("csv"):
        with (tmp_path / name).open(newline="") as file:
            table = list(csv.DictReader(file))
        assert list(table[0])[-2:] == names
        found = [[float(row[name] or "nan") for name in names] for row in table]
    else:
        columns = pq.read_table(tmp_path / name).select(names)
        assert columns.schema.types == [pa.float64()] * 2
        assert columns[names[1]].null_count == 1
        found = np.column_stack([column.to_numpy() for column in columns])
    np.testing.assert_array_equal(found, expected)


def test_parquet_has_the_same_in_types(tmp_path: Path) -> None:
    path = tmp_path / "scores.parquet"
    with ScoresWriter(str(path), ["a"], 3, "iso8601") as writer:
        writer.write(rows([T0]), scored(1, [float("nan")], [Status.WARMING]))
        writer.write(rows([T0 + 1]), scored(1))
    table = pq.read_table(path)
    assert table.schema.types == [
        pa.timestamp("ns", "UTC"), pa.string(), pa.float64(), pa.float64(), pa.int8(), pa.string(),
    ]  # fmt: skip
    assert table["timestamp"].cast(pa.int64()).to_pylist() == [T0, T0 + 1]
    assert table["anomaly_score"].to_pylist() == [None, 0.5]
    assert table["status"].to_pylist() == ["warming 0/3", "ok"]


@pytest.mark.parametrize("name", ["s.csv", "s.parquet"])
def test_no_readings_make_a_file_without_rows(tmp_path: Path, name: str) -> None:
    with ScoresWriter(str(tmp_path / name), [], 3) as writer:
        writer.write(rows([]), scored(0))
    if name.endswith("csv"):
        assert (tmp_path / name).read_text().count("\n") == 1
    else:
        assert pq.read_table(tmp_path / name).num_rows == 0


@settings(max_examples=60, deadline=None)
@given(
    times=st.lists(
        st.integers(0, 10**9 - 1).map(lambda ns: T0 + ns)
        | st.integers(0, 10**6).map(lambda us: T0 + us * 1_000)
        | st.integers(0, 10**5).map(lambda s: T0 + s * NS),
        min_size=1,
        max_size=10,
    ),
    scores=st.lists(st.floats(allow_infinity=False), min_size=10, max_size=10),
    names=st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1)
                   | st.sampled_from(["a,b", 'a"b', "a\nb", "a\rb"]), min_size=1, max_size=4),
    cut=st.integers(0, 10),
    unit=st.sampled_from(["s", "ms", "us", "ns", "iso8601"]),
)  # fmt: skip
def test_everything_reads_back_exactly_and_however_it_was_cut(
    tmp_path_factory: pytest.TempPathFactory,
    times: list[int],
    scores: list[float],
    names: list[str],
    cut: int,
    unit: TimestampUnit,
) -> None:
    directory = tmp_path_factory.mktemp("scores")
    entity = [row % len(names) for row in range(len(times))]
    readings, found = rows(times, entity), scored(len(times), scores[: len(times)])
    path = directory / "scores.csv"
    with ScoresWriter(str(path), names, 9, unit) as writer:
        for part in (slice(0, cut), slice(cut, None)):
            writer.write(
                Readings(*(getattr(readings, name)[part] for name in readings.__slots__)),
                Scores(*(getattr(found, name)[part] for name in found.__slots__)),
            )
    read = list(csv.DictReader(io.StringIO(path.read_bytes().decode(), newline="")))
    assert [row["entity"] for row in read] == [names[index] for index in entity]
    for row, time_ns, score in zip(read, times, scores, strict=False):
        text = row["timestamp"]
        if unit == "iso8601":
            assert text.endswith("Z")
            whole = datetime.fromisoformat(text[:19]).replace(tzinfo=UTC)
            fraction = Decimal("0" + text[19:-1]) if "." in text else Decimal(0)
            assert len(text) in (20, 24, 27, 30)
            assert int(whole.timestamp()) * NS + int(fraction * NS) == time_ns
        else:
            per_unit = {"s": NS, "ms": 10**6, "us": 10**3, "ns": 1}[unit]
            assert Decimal(text) * per_unit == time_ns
        if np.isnan(score):
            assert row["anomaly_score"] == ""
        else:
            assert float(row["anomaly_score"]) == score


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns", "iso8601"])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_scores_keep_the_times_of_the_input(
    tmp_path: Path, unit: TimestampUnit, suffix: str
) -> None:
    times = [T0, T0 + 250 * 1_000_000, T0 + NS]
    path = tmp_path / f"scores.{suffix}"
    with ScoresWriter(str(path), ["a"], 3, unit) as writer:
        writer.write(rows(times), scored(3))
    source = FileSource([path])
    assert source.time_unit == unit
    batch = source.poll(0)
    assert batch is not None
    assert batch.readings.time_ns.tolist() == times


@pytest.mark.parametrize("name", ["s.csv", "s.parquet"])
def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("old")
    writer = ScoresWriter(str(path), ["a"], 3)

    def fail() -> None:
        with writer:
            writer.write(rows([T0]), scored(1))
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        fail()
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_a_link_stays_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real.csv").write_text("old")
    (tmp_path / "link.csv").symlink_to("real.csv")
    with ScoresWriter(str(tmp_path / "link.csv"), ["a"], 3) as writer:
        writer.write(rows([T0]), scored(1))
    assert (tmp_path / "link.csv").is_symlink()
    assert (tmp_path / "real.csv").read_text().startswith("timestamp,")


def test_a_pipe_is_written_to_and_never_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with ScoresWriter(str(pipe), ["a"], 3) as writer:
            writer.write(rows([T0]), scored(1))
        assert os.read(reader, 10_000).endswith(b"Z,a,0.5,1,0,ok\n")
    finally:
        os.close(reader)
    assert pipe.is_fifo()


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "s.csv"
    with pytest.raises(DataError, match=f"{path}: scores cannot be written: No such file"):
        ScoresWriter(str(path), ["a"], 3).__enter__()
    with pytest.raises(DataError, match="scores cannot be written: Is a directory"):
        ScoresWriter(str(tmp_path), ["a"], 3).__enter__()


@pytest.mark.parametrize(
    ("name", "why"),
    [("nowhere/s.csv", "No such file"), (".", "Is a directory"), ("s" * 300, "File name too long")],
)
def test_a_place_that_cannot_be_written_is_refused_beforehand(
    tmp_path: Path, name: str, why: str
) -> None:
    with pytest.raises(DataError, match=f"scores cannot be written: {why}"):
        prepare(str(tmp_path / name))
    assert list(tmp_path.iterdir()) == []


FULL_DISK = """
    import resource, sys
    import numpy as np
    from sentinel.errors import DataError
    from sentinel.records import Readings, Scores
    from sentinel.sink.scores import ScoresWriter

    count = 200_000
    zeros = np.zeros(count, np.int32)
    noise = np.random.default_rng(0).normal(size=count)
    readings = Readings(zeros, np.arange(count) * 10**9, zeros, zeros, noise[:, None])
    scores = Scores(noise, noise, zeros > 0, zeros.astype(np.uint8), zeros)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    try:
        with ScoresWriter(sys.argv[1], ["a"], 3) as writer:
            writer.write(readings, scores)
    except DataError as error:
        print(error)
"""


@pytest.mark.parametrize("name", ["s.csv", "s.parquet"])
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    done = run(FULL_DISK, tmp_path / name)
    said = (
        f"{tmp_path / name}: scores cannot be written: File too large; name a file in a directory"
    )
    assert done.stdout.startswith(said), done.stderr
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


INTO_STANDARD_OUTPUT = """
    import sys
    import numpy as np
    from sentinel.errors import DataError
    from sentinel.records import Readings, Scores
    from sentinel.sink.scores import ScoresWriter

    count = int(sys.argv[1])
    zeros = np.zeros(count, np.int32)
    readings = Readings(zeros, np.arange(count) * 10**9, zeros, zeros, np.zeros((count, 1)))
    scores = Scores(zeros / 1, zeros / 1, zeros > 0, zeros.astype(np.uint8), zeros)
    try:
        with ScoresWriter("-", ["a"], 3) as writer:
            writer.write(readings, scores)
    except DataError as error:
        print(error, file=sys.stderr)
        sys.exit(4)
"""


@pytest.mark.parametrize("count", [1, 100_000])
def test_standard_output_that_takes_no_more_is_told_as_a_file_is(count: int) -> None:
    with Path("/dev/full").open("wb") as full:
        done = run(INTO_STANDARD_OUTPUT, count, stdout=full)
    said = "standard output: scores cannot be written: No space left on device; "
    assert done.stderr.startswith(said)
    assert len(done.stderr.splitlines()) == 1
    assert done.returncode == 4


def test_standard_output_without_a_reader_is_no_refusal() -> None:
    """`sentinel score ... | head`: the command line knows what that is."""
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as broken:
        done = run(INTO_STANDARD_OUTPUT, 100_000, stdout=broken)
    assert "cannot be written" not in done.stderr
    assert "BrokenPipeError" in done.stderr


def test_standard_output_is_csv_and_stays_open(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    with ScoresWriter("-", ["a"], 3, "s") as writer:
        writer.write(rows([T0]), scored(1))
    assert not sys.stdout.buffer.closed
    assert capfdbinary.readouterr().out == (
        b"timestamp,entity,anomaly_score,score_ratio,is_anomaly,status\n1600000000,a,0.5,1,0,ok\n"
    )
