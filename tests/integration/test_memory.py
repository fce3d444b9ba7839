"""A history larger than memory can be fitted."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

FILES = 4
ROW_BYTES = 4 + 8 + 4 + 8  # entity, time, partition and offset of a reading, beside its values


def limited(limit_bytes: int) -> Callable[[], None]:
    """Private memory of the process about to start; maps of files do not count."""
    return lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, limit_bytes))


def write_history(folder: Path, rows: int, channels: int) -> None:
    """FILES files that follow each other, so many rows each."""
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(rows, channels)).astype(np.float32)
    for number in range(FILES):
        first = 1_600_000_000 + number * rows
        columns = {"timestamp": np.arange(first, first + rows)}
        columns |= {f"c{n:02}": noise[:, n] for n in range(channels)}
        pq.write_table(pa.table(columns), folder / f"part-{number}.parquet", compression="none")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rows_per_file", "channels", "limit_bytes"),
    [
        pytest.param(400_000, 48, 600 << 20, id="wide"),
        pytest.param(4_000_000, 1, 480 << 20, id="narrow"),
    ],
)
def test_fit_streams_a_history_larger_than_its_memory(
    tmp_path: Path, rows_per_file: int, channels: int, limit_bytes: int
) -> None:
    rows = FILES * rows_per_file
    assert rows * (ROW_BYTES + 8 * channels) > limit_bytes
    write_history(tmp_path, rows_per_file, channels)
    done = subprocess.run(
        [
            sys.executable, "-m", "sentinel", "fit", str(tmp_path), "--output",
            str(tmp_path / "model"), "--hidden", "8", "--window-length", "8", "--steps", "8",
            "--threads", "1",
        ],
        preexec_fn=limited(limit_bytes), capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "model" / "manifest.json").read_text())["summary"]
    assert summary["rows_used"] == rows
