"""The spool: readings come back as they went in, from disk, within little memory."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading_files import assert_same

from sentinel.errors import DataError, ShapeError
from sentinel.records import Readings
from sentinel.source.spool import Spool


def some_readings(count: int, channels: int, seed: int) -> Readings:
    rng = np.random.default_rng(seed)
    return Readings(
        rng.integers(0, 9, count, np.int32),
        rng.integers(0, 2**62, count, np.int64),
        rng.integers(0, 9, count, np.int32),
        rng.integers(0, 2**62, count, np.int64),
        rng.normal(size=(count, channels)),
    )


def run(code: str, *args: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, args)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        # Arrow's own allocator reserves a gigabyte of addresses, which RLIMIT_DATA takes for used.
        env={**os.environ, "ARROW_DEFAULT_MEMORY_POOL": "system"},
    )


@given(
    lengths=st.lists(st.integers(0, 20), max_size=6),
    channels=st.integers(1, 3),
    seed=st.integers(0),
)
def test_readings_come_back_in_order_whatever_the_batches(
    lengths: list[int], channels: int, seed: int
) -> None:
    whole = some_readings(sum(lengths), channels, seed)
    with Spool() as spool:
        start = 0
        for length in lengths:
            spool.append(whole.slice(start, start + length))
            start += length
        found = spool.readings()
        assert len(spool) == len(whole)
        if len(whole):
            assert_same(found, whole)
        else:
            assert len(found) == 0


def test_arrays_are_files_read_only_and_outlive_the_spool(tmp_path: Path) -> None:
    readings = some_readings(100, 3, 1)
    with Spool(tmp_path) as spool:
        spool.append(readings)
        found = spool.readings()
        spool.append(readings)
        assert len(spool.readings()) == 200
        assert list(tmp_path.iterdir()) == []
    assert_same(found, readings)
    for name in ("entity", "time_ns", "partition", "offset", "values"):
        column = getattr(found, name)
        assert isinstance(column, np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 0


def test_columns_of_other_layout_and_type_are_taken(tmp_path: Path) -> None:
    values = np.asfortranarray(np.arange(6, dtype=np.float32).reshape(3, 2))
    zeros = np.zeros(3, np.int32)
    readings = Readings(zeros, np.arange(6)[::2], zeros, np.arange(3), values)
    with Spool(tmp_path) as spool:
        spool.append(readings)
        assert_same(spool.readings(), readings)


def test_the_first_batch_fixes_the_number_of_channels() -> None:
    with Spool() as spool:
        spool.append(some_readings(1, 2, 0))
        with pytest.raises(ShapeError, match="3 channels appended to a spool of 2"):
            spool.append(some_readings(1, 3, 0))


def test_scratch_arrays_are_zeros_on_disk_of_any_size(tmp_path: Path) -> None:
    with Spool(tmp_path) as spool:
        rows = spool.allocate((1000, 3), np.float32)
        assert spool.allocate((0, 3), np.float32).shape == (0, 3)
        assert isinstance(rows, np.memmap)
        assert (rows.shape, rows.dtype, rows.any()) == ((1000, 3), np.float32, False)
        rows[:] = 1
        assert list(tmp_path.iterdir()) == []
    assert rows.sum() == 3000


def test_a_directory_that_is_none_is_refused(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    with pytest.raises(DataError, match=f"{nowhere}: history cannot be spooled here: No such file"):
        Spool(nowhere).__enter__()


def test_it_goes_where_tmpdir_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert Spool().directory == tmp_path


def test_a_full_disk_is_told_with_size_and_remedy(tmp_path: Path) -> None:
    # A limit on the size of files refuses a write as a full disk does, and needs no privilege.
    done = run(
        """
        import resource, sys
        import numpy as np
        from sentinel.errors import DataError
        from sentinel.records import Readings
        from sentinel.source.spool import Spool

        zeros = np.zeros(1000, np.int32)
        readings = Readings(zeros, zeros, zeros, zeros, np.zeros((1000, 4)))
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            with Spool(sys.argv[1]) as spool:
                for _ in range(10):
                    spool.append(readings)
        except DataError as error:
            print(error)
        """,
        tmp_path,
    )
    assert done.stdout == (
        f"{tmp_path}: no space left for the history: 224,000 bytes needed so far; "
        "free some, or set TMPDIR to a directory on a larger disk\n"
    ), done.stderr
    assert list(tmp_path.iterdir()) == []


WITHIN_LIMIT = """
    import resource, sys
    import numpy as np
    from sentinel.source.files import FileSource
    from sentinel.source.spool import Spool

    megabyte = 1 << 20
    in_use = int(open("/proc/self/statm").read().split()[5]) * resource.getpagesize()
    limit = in_use + 160 * megabyte
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    try:
        np.ones(200 * megabyte, np.uint8)
        raise SystemExit("the limit does not hold")
    except MemoryError:
        pass

    source = FileSource([sys.argv[1]])
    with Spool(sys.argv[2]) as spool:
        while (batch := source.poll(0)) is not None:
            spool.append(batch.readings)
        readings = spool.readings()
        assert readings.values.nbytes > 2 * 160 * megabyte, readings.values.nbytes
        rng = np.random.default_rng(0)
        for start in rng.integers(0, len(readings) - 64, 1000):
            window = readings.slice(start, start + 64)
            first = window.time_ns[0] // 10**9 - 1_600_000_000
            assert first == start
            assert (window.values[:, 0] == np.arange(start, start + 64)).all()
        print(len(readings))
"""


def test_a_history_larger_than_memory_is_spooled_and_read_at_random(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows, files, channels = 200_000, 7, 32
    for number in range(files):
        index = np.arange(number * rows, (number + 1) * rows)
        columns = {
            f"c{channel}": (index + channel).astype(np.float64) for channel in range(channels)
        }
        table = pa.table({"timestamp": index + 1_600_000_000, **columns})
        pq.write_table(table, tmp_path / f"{number}.parquet", use_dictionary=False)
    done = run(WITHIN_LIMIT, tmp_path, tmp_path)
    assert done.stdout == f"{rows * files}\n", done.stderr
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".parquet"] * files
