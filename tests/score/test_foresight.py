"""Errors of all forecasts of a reading are those of the formulas, however the readings come."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from sentinel.records import Float32Array
from sentinel.score.foresight import ERRORS, Foresight
from tests.score.plain_foresight import plain_foresight

CHANNELS, HORIZONS, WINDOW_LENGTH = 2, 4, 10


def stream(rows: int, seed: int) -> tuple[Float32Array, Float32Array]:
    """Readings (N, F), some missing, and what is forecast after each (N, K F)."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, CHANNELS)).astype(np.float32)
    x[rng.random(x.shape) < 0.15] = np.nan
    return x, rng.normal(size=(rows, HORIZONS * CHANNELS)).astype(np.float32)


def compared(
    foresight: Foresight, x: Float32Array, forecasts: Float32Array, cuts: list[int], entity: int = 0
) -> tuple[Float32Array, Float32Array]:
    expected = np.empty(x.shape, np.float32)
    errors = np.empty((len(x), ERRORS, CHANNELS), np.float32)
    edges = [0, *cuts, len(x)]
    for first, stop in pairwise(edges):
        rows = np.arange(first, stop)
        foresight.compare(
            x, np.arange(len(x)), rows[None], np.array([entity]), np.array([first]),
            forecasts[None, first:stop], expected, errors,
        )  # fmt: skip
    return expected, errors


def made() -> Foresight:
    foresight = Foresight(CHANNELS, HORIZONS, WINDOW_LENGTH)
    foresight.grow(3)
    return foresight


@pytest.mark.parametrize("seed", range(3))
def test_errors_are_those_of_every_forecast_of_a_reading(seed: int) -> None:
    x, forecasts = stream(60, seed)
    newest, right = plain_foresight(x, forecasts, WINDOW_LENGTH)
    expected, errors = compared(made(), x, forecasts, [])
    np.testing.assert_array_equal(expected, newest.astype(np.float32))
    np.testing.assert_allclose(errors, right, rtol=1e-5, atol=1e-6)
    assert np.isnan(errors[0]).all()


def test_cuts_change_no_bit() -> None:
    x, forecasts = stream(60, seed=4)
    whole = compared(made(), x, forecasts, [])
    for cuts in ([1, 2, 3], [7, 30, 31], list(range(1, 60))):
        for found, right in zip(compared(made(), x, forecasts, cuts), whole, strict=True):
            assert found.tobytes() == right.tobytes()


def test_an_entity_that_begins_anew_knows_nothing_of_before() -> None:
    foresight = made()
    compared(foresight, *stream(37, seed=5), [], entity=1)
    compared(foresight, *stream(20, seed=6), [], entity=2)
    x, forecasts = stream(60, seed=7)
    again = compared(foresight, x, forecasts, [25], entity=1)
    for found, right in zip(again, compared(made(), x, forecasts, []), strict=True):
        assert found.tobytes() == right.tobytes()


def test_a_reading_far_off_leaves_nothing_behind_once_the_window_has_passed_it() -> None:
    x, forecasts = np.zeros((60, CHANNELS), np.float32), np.zeros((60, 8), np.float32)
    x[::7, 1] = 1e-4
    x[20] = 10
    _, errors = compared(made(), x, forecasts, [])
    clean = x.copy()
    clean[20] = 0
    _, expected = compared(made(), clean, forecasts, [])
    np.testing.assert_allclose(errors[30:], expected[30:], rtol=0, atol=1e-10)
    assert (errors[1:] >= 0).all()
