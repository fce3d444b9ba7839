"""The dispersion companion: NumPy's standard deviations, against what they usually are."""

from __future__ import annotations

import numpy as np
import pytest

from sentinel.records import Float32Array, FloatArray
from sentinel.score.dispersion import DispersionMeter, fit_dispersion

CHANNELS = 4


def rows_of(count: int, seed: int, missing: float = 0.1) -> Float32Array:
    rng = np.random.default_rng(seed)
    found = rng.normal(size=(count, CHANNELS)) * np.geomspace(0.01, 3, CHANNELS)
    found[rng.random(found.shape) < missing] = np.nan
    return found.astype(np.float32)


def plain_logs(rows: Float32Array, newest: np.ndarray, reach: int) -> FloatArray:
    """ln(std of the last readings + .01), of those there are."""
    return np.array([
        np.log(np.nanstd(rows[n + 1 - reach : n + 1].astype(np.float64), axis=0) + 0.01)
        for n in newest
    ])  # fmt: skip


@pytest.mark.parametrize("reach", [8, 16, 64])
@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_errors_are_deviations_of_the_logarithm_in_quarters_of_its_usual_range(
    reach: int, missing: float
) -> None:
    rows = rows_of(600, seed=0, missing=missing)
    fitted, newest = np.arange(reach - 1, 400), np.arange(400, 600)
    logs = plain_logs(rows, fitted, reach)
    width = (np.quantile(logs, 0.99, axis=0) - np.quantile(logs, 0.01, axis=0)) / 4 + 0.1
    expected = ((plain_logs(rows, newest, reach) - np.median(logs, axis=0)) / width) ** 2
    found = np.empty((200, CHANNELS), np.float32)
    DispersionMeter(fit_dispersion(rows, fitted, reach)).errors(rows, newest, found)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_a_frozen_channel_shows_and_a_constant_one_that_stays_so_does_not() -> None:
    rows = rows_of(400, seed=1, missing=0)
    rows[:, 1] = 0.5
    meter = DispersionMeter(fit_dispersion(rows, np.arange(15, 300), 16))
    rows[350:, 3] = rows[350, 3]
    found = np.empty((1, CHANNELS), np.float32)
    meter.errors(rows, np.array([380]), found)
    assert found[0, 3] > 20
    assert found[0, 1] < 1e-6


def test_each_reading_has_the_bits_it_has_alone() -> None:
    rows = rows_of(300, seed=2)
    meter = DispersionMeter(fit_dispersion(rows, np.arange(15, 300), 16))
    newest = np.arange(20, 300)
    together, alone = np.empty((280, CHANNELS), np.float32), np.empty((280, CHANNELS), np.float32)
    meter.errors(rows, newest, together)
    for n in range(280):
        meter.errors(rows, newest[n : n + 1], alone[n : n + 1])
    assert alone.tobytes() == together.tobytes()
