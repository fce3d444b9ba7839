"""Judging: the recipe from errors to scores, what is usual, and calibrating as it is judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.records import Float32Array, FloatArray
from sentinel.score.judging import Calibration, Judge, Judged, calibrate
from sentinel.score.kinds import FORECAST, KINDS, SUBSPACE
from tests.score.plain_recipe import (
    plain_amplitudes,
    plain_fused,
    plain_normalised,
    plain_smoothed,
)

CHANNELS, ENTITIES, ROWS = 3, 3, 900
ALL = tuple(range(KINDS))
SEEDS = st.integers(0, 2**32 - 1)


def errors_of(rows: int, seed: int, missing: float = 0.1) -> Float32Array:
    """Errors of sizes that differ by kind and channel."""
    rng = np.random.default_rng(seed)
    size = np.geomspace(1e-3, 5, KINDS * CHANNELS).reshape(KINDS, CHANNELS)
    found = (size * rng.exponential(size=(rows, KINDS, CHANNELS))).astype(np.float32)
    found[rng.random(found.shape) < missing] = np.nan
    return found


def entities_of(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Entities in any order, and where each begins: at its first row, and anew after some gaps."""
    rng = np.random.default_rng(seed)
    entity = rng.integers(0, ENTITIES, rows).astype(np.int32)
    begins = rng.random(rows) < 0.01
    begins[np.unique(entity, return_index=True)[1]] = True
    return entity, begins


def calibrated(
    errors: Float32Array, seed: int = 5, kinds: tuple[int, ...] = ALL
) -> tuple[Calibration, FloatArray]:
    return calibrate(kinds, *entities_of(len(errors), seed), errors.copy())


NORMAL = errors_of(ROWS, seed=4)
FOUND, OF_NORMAL = calibrated(NORMAL)


def judge(errors: Float32Array, calibration: Calibration, seed: int, cuts: Sequence[int] = ()):
    """Scores of a stream in parts, with one detector's state."""
    entity, begins = entities_of(len(errors), seed)
    made = Judge(calibration)
    made.grow(ENTITIES)
    parts = [
        made.judge(entity[part], begins[part], errors[part].copy())
        for part in np.split(np.arange(len(errors)), sorted(cuts))
    ]
    return Judged(
        np.concatenate([part.anomaly_score for part in parts]),
        np.concatenate([part.shares for part in parts]),
    )


# What is usual.


def test_the_usual_size_is_the_mean_and_a_share_of_all_channels_mean() -> None:
    mean = np.nanmean(NORMAL.astype(np.float64), axis=0)
    expected = mean + 0.05 * mean.mean(axis=1, keepdims=True) + 1e-4
    np.testing.assert_allclose(FOUND.usual.size, expected, rtol=1e-5)


def test_the_usual_peak_is_the_99_percent_quantile_of_the_forecast_error() -> None:
    high = np.nanquantile(NORMAL[:, FORECAST].astype(np.float64), 0.99, axis=0)
    np.testing.assert_allclose(
        FOUND.usual.peak, high + 0.05 * high.mean() + 1e-4, rtol=1e-5
    )  # fmt: skip


def test_a_new_machine_begins_where_the_calibrated_ones_ended() -> None:
    level = np.repeat(FOUND.usual.size[None].astype(np.float64), ENTITIES, axis=0)
    entity, _ = entities_of(ROWS, seed=5)
    plain_normalised(
        NORMAL.astype(np.float64), entity.tolist(), FOUND.usual.size.astype(np.float64), level
    )
    level[:, SUBSPACE] = FOUND.usual.size[SUBSPACE]
    np.testing.assert_allclose(FOUND.usual.level, level.mean(axis=0), rtol=1e-5)


def plain_scores(errors: Float32Array, calibration: Calibration, seed: int) -> FloatArray:
    """The notes' recipe, one stage after another, in float64."""
    usual = calibration.usual.size.astype(np.float64)
    level = np.repeat(calibration.usual.level[None].astype(np.float64), ENTITIES, axis=0)
    entity, begins = entities_of(len(errors), seed)
    wide = errors.astype(np.float64)
    ratios = plain_normalised(wide, entity.tolist(), usual, level)
    ratios[:, SUBSPACE] = wide[:, SUBSPACE] / usual[SUBSPACE]
    peaks = ratios[:, FORECAST] * usual[FORECAST] / calibration.usual.peak
    amplitude = plain_amplitudes(ratios, peaks)
    signals = plain_smoothed(amplitude, entity.tolist(), begins, calibration.amplitude)
    z = np.empty_like(signals)
    for number, (knots, scale) in enumerate(
        zip(calibration.signals.knots, calibration.signals.scale, strict=True)
    ):
        at = np.unravel_index(number, signals.shape[1:])
        value = signals[:, *at]
        beyond = 50 * np.tanh(np.maximum(value - knots[-1], 0) / scale / 50)
        z[:, *at] = np.interp(value, knots, calibration.signals.surprise) + beyond
    fused = plain_fused(z)
    last = calibration.fused
    below = np.interp(fused, last.knots[0], last.surprise)
    return np.asarray(below + np.maximum(fused - last.knots[0, -1], 0) / last.scale[0])


@settings(max_examples=8, deadline=None)
@given(SEEDS)
def test_scores_are_the_notes_recipe_in_float64(seed: int) -> None:
    errors = errors_of(400, seed)
    errors[200:260] *= 30
    found = judge(errors, FOUND, seed).anomaly_score
    np.testing.assert_allclose(found, plain_scores(errors, FOUND, seed), rtol=2e-3, atol=2e-3)
    assert found[200:260].max() > 12


# Calibrating is judging.


@pytest.mark.parametrize("kinds", [ALL, ALL[:-1], (FORECAST,)])
def test_readings_that_calibrate_score_the_same_bits_when_they_are_judged(
    kinds: tuple[int, ...],
) -> None:
    errors = np.ascontiguousarray(NORMAL[:, kinds])
    calibration, scores = calibrated(errors, kinds=kinds)
    same_level = replace(calibration.usual, level=calibration.usual.size)
    found = judge(errors, replace(calibration, usual=same_level), seed=5)
    assert found.anomaly_score.tobytes() == scores.tobytes()


def test_a_tenth_of_normal_readings_is_beyond_ln_10_and_hardly_one_is_an_alarm() -> None:
    assert np.mean(np.log(10) - 0.01 <= OF_NORMAL) == pytest.approx(0.1, abs=0.02)
    assert np.quantile(OF_NORMAL, 0.99) < 12


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.lists(st.integers(0, 300), max_size=9))
def test_scores_and_shares_do_not_depend_on_the_cuts(seed: int, cuts: list[int]) -> None:
    errors = errors_of(300, seed)
    whole, parts = judge(errors, FOUND, seed), judge(errors, FOUND, seed, cuts)
    assert parts.anomaly_score.tobytes() == whole.anomaly_score.tobytes()
    assert parts.shares.tobytes() == whole.shares.tobytes()


# Entities.


def test_room_for_more_entities_changes_nothing_of_the_others() -> None:
    errors, steady, grown = errors_of(200, seed=7), Judge(FOUND), Judge(FOUND)
    zeros, begins = np.zeros(100, np.int32), np.arange(100) == 0
    steady.grow(500)
    grown.grow(1)
    for part in (errors[:100], errors[100:]):
        one = steady.judge(zeros, begins, part.copy())
        two = grown.judge(zeros, begins, part.copy())
        assert one.anomaly_score.tobytes() == two.anomaly_score.tobytes()
        assert one.shares.tobytes() == two.shares.tobytes()
        begins = np.zeros(100, np.bool_)
        grown.grow(500)


def test_a_forgotten_entity_begins_anew_and_no_other() -> None:
    errors, entity = errors_of(200, seed=8), (np.arange(200) % 2).astype(np.int32)
    begins = np.arange(200) < 2
    made, untouched, fresh = Judge(FOUND), Judge(FOUND), Judge(FOUND)
    for one in (made, untouched, fresh):
        one.grow(2)
    for one in (made, untouched):
        one.judge(entity, begins, errors.copy())
    made.forget(np.array([1], np.int32))
    found = made.judge(entity, begins, errors.copy())
    for number, expected in enumerate((untouched, fresh)):
        mine = entity == number
        right = expected.judge(entity, begins, errors.copy())
        assert found.anomaly_score[mine].tobytes() == right.anomaly_score[mine].tobytes()
        assert found.shares[mine].tobytes() == right.shares[mine].tobytes()


# Unknown errors.


def test_a_reading_of_which_nothing_is_known_moves_no_score() -> None:
    errors = errors_of(60, seed=9, missing=0)
    errors[30:40] = np.nan
    zeros, begins = np.zeros(60, np.int32), np.arange(60) == 0
    made, without = Judge(FOUND), Judge(FOUND)
    made.grow(1)
    without.grow(1)
    found = made.judge(zeros, begins, errors.copy())
    known = ~np.isnan(errors[:, 0, 0])
    rest = without.judge(zeros[known], begins[known], errors[known].copy())
    assert (found.anomaly_score[30:40] == found.anomaly_score[29]).all()
    assert found.anomaly_score[known].tobytes() == rest.anomaly_score.tobytes()


def test_a_channel_that_is_never_known_calibrates_and_leaves_the_others_alone() -> None:
    """A sensor that died before the calibrating part of a history."""
    errors = errors_of(400, seed=10)
    errors[:, :, 1] = np.nan
    calibration, scores = calibrated(errors)
    assert np.isfinite(scores).all()
    found = judge(errors, calibration, seed=5)
    assert np.isfinite(found.anomaly_score).all()
    assert (found.shares[:, 1] == 0).all()
    mean = np.nanmean(errors[:, :, 0].astype(np.float64), axis=0)
    assert (calibration.usual.size[:, 0] > mean).all()


def test_one_reading_is_enough_to_calibrate_with() -> None:
    calibration, scores = calibrated(errors_of(1, seed=0, missing=0))
    assert np.isfinite(scores).all()
    assert np.isfinite(judge(errors_of(50, seed=1), calibration, 1).anomaly_score).all()


def test_a_channel_that_crept_away_is_named_though_the_normaliser_followed_it() -> None:
    rows = 6_000
    errors = np.resize(NORMAL, (rows, KINDS, CHANNELS)).copy()
    errors[:, :, 1] *= np.linspace(1, 40, rows, dtype=np.float32)[:, None]
    found = judge(errors, FOUND, seed=11)
    assert found.shares[:300, 1].mean() < 0.5
    assert found.shares[-300:, 1].mean() > 0.8
