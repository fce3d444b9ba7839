"""Helpers of the tests that read files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sentinel.records import Readings
from sentinel.source.files import FileSource


def read_all(source: FileSource) -> Readings:
    """Everything the source has, in one piece."""
    parts = [Readings.empty(len(source.channel_names))]
    while (batch := source.poll(0)) is not None:
        parts.append(batch.readings)
    return Readings(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("entity", "time_ns", "partition", "offset", "values")
        )
    )


def write(path: Path, text: str) -> Path:
    """A file with this text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def assert_same(left: Readings, right: Readings) -> None:
    """Equal in every column, NaN equal to NaN."""
    for name in ("entity", "time_ns", "partition", "offset", "values"):
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name), err_msg=name)
