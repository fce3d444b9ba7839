"""The nearest companion: what brute force finds."""

from __future__ import annotations

import numpy as np
import pytest

from sentinel.records import Float32Array
from sentinel.score.nearest import fit_nearest, nearest_errors

ROWS = 400


def rows_of(channels: int, seed: int, missing: float = 0.1) -> Float32Array:
    rng = np.random.default_rng(seed)
    found = rng.normal(size=(ROWS, channels)).astype(np.float32)
    found[rng.random(found.shape) < missing] = np.nan
    return found


def windows_of(rows: Float32Array, newest: np.ndarray, reach: int) -> Float32Array:
    """(M, reach F), missing values as 0."""
    return np.array([np.nan_to_num(rows[n + 1 - reach : n + 1]).ravel() for n in newest])


@pytest.mark.parametrize("channels", [1, 3, 8])
@pytest.mark.parametrize("reach", [1, 8])
@pytest.mark.parametrize("samples", [1, 7, 130])
def test_errors_are_those_to_the_nearest_window_by_brute_force(
    channels: int, reach: int, samples: int
) -> None:
    history, rows = rows_of(channels, seed=0), rows_of(channels, seed=1)
    kept = windows_of(history, np.linspace(reach, ROWS - 1, samples).astype(int), reach)
    newest = np.arange(50, 200)
    found = np.empty((len(newest), channels), np.float32)
    nearest_errors(fit_nearest(kept), rows, newest, found)
    squares = (windows_of(rows, newest, reach)[:, None].astype(np.float64) - kept[None]) ** 2
    best = squares[np.arange(len(newest)), squares.sum(axis=2).argmin(axis=1)]
    expected = best.reshape(len(newest), reach, channels).mean(axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_a_window_of_the_history_is_its_own_nearest() -> None:
    rows = rows_of(3, seed=2)
    newest = np.arange(10, 200, 7)
    found = np.empty((len(newest), 3), np.float32)
    nearest_errors(fit_nearest(windows_of(rows, newest, 8)), rows, newest, found)
    assert (found == 0).all()


def test_each_reading_has_the_bits_it_has_alone() -> None:
    rows = rows_of(3, seed=3)
    nearest = fit_nearest(windows_of(rows, np.arange(8, 109), 8))
    newest = np.arange(150, 400)
    together, alone = np.empty((250, 3), np.float32), np.empty((250, 3), np.float32)
    nearest_errors(nearest, rows, newest, together)
    for n in range(250):
        nearest_errors(nearest, rows, newest[n : n + 1], alone[n : n + 1])
    assert alone.tobytes() == together.tobytes()
