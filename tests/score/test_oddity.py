"""Readings judged by each other: what is wrong in a few of them changes nothing about the rest."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from sentinel.records import Float32Array
from sentinel.score.kinds import DISPERSION, FORECAST, NEAREST, WHOLE
from sentinel.score.oddity import SUSPICIOUS, Oddity, oddity

KINDS = (FORECAST, WHOLE, NEAREST, DISPERSION)
ROWS, CHANNELS = 2000, 3
FAULT = slice(1200, 1240)


def errors_of(seed: int = 0) -> Float32Array:
    """Squared errors as of normal noise."""
    noise = np.random.default_rng(seed).normal(size=(ROWS, len(KINDS), CHANNELS))
    return (noise**2).astype(np.float32)


def judged(errors: Float32Array) -> Oddity:
    begins = np.zeros(len(errors), np.bool_)
    begins[0] = True
    return oddity(KINDS, begins, errors.copy())


def test_normal_readings_are_not_suspicious_and_a_fault_is() -> None:
    errors = errors_of()
    assert judged(errors).value.max() < SUSPICIOUS / 2
    errors[FAULT, 0, 1] = 900
    found = judged(errors)
    assert found.value[FAULT].min() > SUSPICIOUS
    assert found.value[:1200].max() < SUSPICIOUS / 2
    assert found.value[1250:].max() < SUSPICIOUS / 2
    assert int(found.shares(1210).argmax()) == 1
    assert found.shares(1210).sum() == pytest.approx(1)


def test_faults_of_any_size_in_a_twentieth_of_the_readings_hide_nothing() -> None:
    """As they would if means and deviations were taken."""
    small = errors_of()
    small[FAULT, 0] = 900
    alone = judged(small).value
    wild = small.copy()
    wild[100:160, 0] = 1e9
    both = judged(wild).value
    assert both[FAULT].min() > SUSPICIOUS
    assert np.median(both[FAULT]) == pytest.approx(np.median(alone[FAULT]), rel=0.3)


def test_errors_that_stand_for_a_whole_window_do_not_draw_it_out() -> None:
    errors = errors_of()
    errors[:, [1, 3]] *= np.where(np.arange(ROWS)[:, None, None] > 1000, 1e6, 1)
    assert judged(errors).value.max() < SUSPICIOUS / 2


@pytest.mark.parametrize("what", ["missing channel", "missing readings", "constant channel"])
def test_unknown_errors_and_none_at_all_are_no_oddity(what: str) -> None:
    errors = errors_of()
    if what == "missing channel":
        errors[:, :, 2] = np.nan
    elif what == "missing readings":
        errors[500:600] = np.nan
    else:
        errors[:, :, 2] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        found = judged(errors)
        shares = found.shares(550)
    assert np.isfinite(found.value).all()
    assert found.value.max() < SUSPICIOUS / 2
    assert np.isfinite(shares).all()


def test_nothing_ever_off_is_nothing_odd() -> None:
    assert judged(np.zeros((50, len(KINDS), 1), np.float32)).value.max() == 0
