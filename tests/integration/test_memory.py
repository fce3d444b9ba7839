"""A history larger than memory can be fitted."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

FILES = 4
ROWS_PER_FILE = 400_000
CHANNELS = 48
LIMIT_BYTES = 550 << 20
VALUE_BYTES = FILES * ROWS_PER_FILE * CHANNELS * 8


def limited() -> None:
    """Private memory of the process about to start; maps of files do not count."""
    resource.setrlimit(resource.RLIMIT_DATA, (LIMIT_BYTES, LIMIT_BYTES))


@pytest.mark.slow
def test_fit_streams_a_history_larger_than_its_memory(tmp_path: Path) -> None:
    assert VALUE_BYTES > LIMIT_BYTES
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(ROWS_PER_FILE, CHANNELS)).astype(np.float32)
    for number in range(FILES):
        first = 1_600_000_000 + number * ROWS_PER_FILE
        columns = {"timestamp": np.arange(first, first + ROWS_PER_FILE)}
        columns |= {f"c{n:02}": noise[:, n] for n in range(CHANNELS)}
        pq.write_table(pa.table(columns), tmp_path / f"part-{number}.parquet", compression="none")
    done = subprocess.run(
        [
            sys.executable, "-m", "sentinel", "fit", str(tmp_path), "--output",
            str(tmp_path / "model"), "--hidden", "8", "--window-length", "8", "--epochs", "1",
            "--epoch-windows", "256", "--threads", "1",
        ],
        preexec_fn=limited, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    summary = json.loads((tmp_path / "model" / "manifest.json").read_text())["summary"]
    assert summary["rows_used"] == FILES * ROWS_PER_FILE
