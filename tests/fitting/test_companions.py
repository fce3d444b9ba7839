"""Companions learn from every row that has their own look-back behind it."""

from __future__ import annotations

import numpy as np
import pytest

from sentinel.fitting.companions import fit_companions
from sentinel.model.windows import WindowSet
from sentinel.score.nearest import REACH, Nearest

WINDOW = 64


def windows_over(*run_lengths: int) -> WindowSet:
    """Runs of rows, one after another in the file; each row says where it stands."""
    rows = np.arange(sum(run_lengths), dtype=np.float32)[:, None]
    lengths = np.array(run_lengths)
    starts = np.cumsum(lengths) - lengths
    counts = np.maximum(lengths - WINDOW, 0) + 1
    runs = np.concatenate(([0], np.cumsum(counts)))
    return WindowSet(rows, starts, np.minimum(lengths, WINDOW), WINDOW, runs)


def first_rows(nearest: Nearest) -> list[float]:
    """Where the windows of one channel that it keeps begin."""
    assert (np.diff(nearest.across, axis=0) == 1).all()
    return list(nearest.across[0])


def test_the_nearest_keeps_windows_from_the_first_rows_on() -> None:
    nearest = fit_companions(windows_over(100)).nearest
    assert first_rows(nearest) == list(range(100 - REACH + 1))


def test_no_window_of_a_companion_spans_two_runs() -> None:
    nearest = fit_companions(windows_over(70, 80)).nearest
    assert first_rows(nearest) == [*range(70 - REACH + 1), *range(70, 150 - REACH + 1)]


@pytest.mark.parametrize("short", [REACH - 1, REACH, 30])
def test_a_run_too_short_for_the_network_teaches_those_that_look_back_less(short: int) -> None:
    nearest = fit_companions(windows_over(100, short)).nearest
    assert sum(first >= 100 for first in first_rows(nearest)) == max(short - REACH + 1, 0)
