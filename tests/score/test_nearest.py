"""The nearest companion: what brute force finds."""

from __future__ import annotations

import numpy as np
import pytest

from sentinel.model.prepared import Backend
from sentinel.records import Float32Array
from sentinel.score.nearest import NearestMeter, fit_nearest
from tests.model.laid_out import BACKENDS

ROWS = 400


def rows_of(channels: int, seed: int, missing: float = 0.1) -> Float32Array:
    rng = np.random.default_rng(seed)
    found = rng.normal(size=(ROWS, channels)).astype(np.float32)
    found[rng.random(found.shape) < missing] = np.nan
    return found


def windows_of(rows: Float32Array, newest: np.ndarray, reach: int) -> Float32Array:
    """(M, reach F), missing values as 0."""
    return np.array([np.nan_to_num(rows[n + 1 - reach : n + 1]).ravel() for n in newest])


def measured(
    windows: Float32Array, rows: Float32Array, newest: np.ndarray, backend: Backend | None = None
) -> Float32Array:
    """Errors (M, F) of the readings at these rows."""
    variant = (backend or Backend()).variant
    found = np.full((len(newest), rows.shape[1]), np.nan, np.float32)
    NearestMeter(fit_nearest(windows), variant.dense(variant.many)).errors(rows, newest, found)
    return found


@pytest.mark.parametrize("channels", [1, 3, 8])
@pytest.mark.parametrize("reach", [1, 8])
@pytest.mark.parametrize("samples", [1, 7, 130])
def test_errors_are_those_to_the_nearest_window_by_brute_force(
    channels: int, reach: int, samples: int
) -> None:
    history, rows = rows_of(channels, seed=0), rows_of(channels, seed=1)
    kept = windows_of(history, np.linspace(reach, ROWS - 1, samples).astype(int), reach)
    newest = np.arange(50, 200)
    found = measured(kept, rows, newest)
    squares = (windows_of(rows, newest, reach)[:, None].astype(np.float64) - kept[None]) ** 2
    best = squares[np.arange(len(newest)), squares.sum(axis=2).argmin(axis=1)]
    expected = best.reshape(len(newest), reach, channels).mean(axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_a_window_of_the_history_is_its_own_nearest() -> None:
    rows = rows_of(3, seed=2)
    newest = np.arange(10, 200, 7)
    assert (measured(windows_of(rows, newest, 8), rows, newest) == 0).all()


@pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)
def test_each_reading_has_the_bits_it_has_alone(backend: Backend) -> None:
    rows = rows_of(3, seed=3)
    windows, newest = windows_of(rows, np.arange(8, 109), 8), np.arange(150, 203)
    together = measured(windows, rows, newest, backend)
    alone = [measured(windows, rows, newest[n : n + 1], backend) for n in range(len(newest))]
    assert np.concatenate(alone).tobytes() == together.tobytes()
    np.testing.assert_allclose(together, measured(windows, rows, newest), rtol=1e-4, atol=1e-6)
