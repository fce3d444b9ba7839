"""The following normaliser: the notes' recursion, bounded steps, nothing from unknown errors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.records import Float32Array
from sentinel.score.following import MEMORY, normalise
from tests.score.plain_recipe import plain_normalised

ENTITIES, KINDS, CHANNELS = 3, 2, 4
USUAL = np.linspace(0.01, 2.0, KINDS * CHANNELS).reshape(KINDS, CHANNELS).astype(np.float32)
ALL_FOLLOW = np.ones(KINDS, np.bool_)
SEEDS = st.integers(0, 2**32 - 1)


def stream(rows: int, seed: int) -> tuple[Float32Array, np.ndarray]:
    """Errors of several entities, some of them large, a tenth of them unknown."""
    rng = np.random.default_rng(seed)
    errors = USUAL * rng.exponential(1.5, (rows, KINDS, CHANNELS)).astype(np.float32)
    errors[rng.random(errors.shape) < 0.05] *= 100
    errors[rng.random(errors.shape) < 0.1] = np.nan
    return errors, rng.integers(0, ENTITIES, rows).astype(np.int32)


def begin() -> Float32Array:
    return np.repeat(USUAL[None], ENTITIES, axis=0)


@settings(max_examples=15, deadline=None)
@given(SEEDS)
def test_ratios_and_levels_are_the_recursions(seed: int) -> None:
    errors, entity = stream(400, seed)
    plain_level = begin().astype(np.float64)
    expected = plain_normalised(
        errors.astype(np.float64), entity.tolist(), USUAL.astype(np.float64), plain_level
    )
    level = begin()
    normalise(errors, entity, USUAL, ALL_FOLLOW, level)
    np.testing.assert_allclose(errors, expected, rtol=2e-5)
    np.testing.assert_allclose(level, plain_level, rtol=2e-5)


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.integers(0, 300))
def test_a_cut_changes_no_bit(seed: int, cut: int) -> None:
    errors, entity = stream(300, seed)
    in_parts, parts_level, level = errors.copy(), begin(), begin()
    normalise(errors, entity, USUAL, ALL_FOLLOW, level)
    normalise(in_parts[:cut], entity[:cut], USUAL, ALL_FOLLOW, parts_level)
    normalise(in_parts[cut:], entity[cut:], USUAL, ALL_FOLLOW, parts_level)
    assert in_parts.tobytes() == errors.tobytes()
    assert parts_level.tobytes() == level.tobytes()


def test_an_unknown_error_stays_unknown_and_moves_nothing() -> None:
    errors, entity = stream(200, seed=1)
    errors[:] = np.nan_to_num(errors, nan=1.0)
    without, level, other_level = errors.copy(), begin(), begin()
    normalise(errors, entity, USUAL, ALL_FOLLOW, level)
    without[:, 1, 2] = np.nan
    normalise(without, entity, USUAL, ALL_FOLLOW, other_level)
    assert np.isnan(without[:, 1, 2]).all()
    np.testing.assert_array_equal(other_level[:, 1, 2], USUAL[1, 2])
    rest = np.ones(USUAL.shape, np.bool_)
    rest[1, 2] = False
    np.testing.assert_array_equal(without[:, rest], errors[:, rest])
    np.testing.assert_array_equal(other_level[:, rest], level[:, rest])


def test_a_kind_that_does_not_follow_stays_at_its_usual_size() -> None:
    errors = np.full((2000, KINDS, CHANNELS), 3 * USUAL, np.float32)
    level = begin()
    normalise(errors, np.zeros(2000, np.int32), USUAL, np.array([True, False]), level)
    np.testing.assert_array_equal(level[0, 1], USUAL[1])
    np.testing.assert_allclose(errors[:, 1], 3, rtol=1e-6)
    assert (errors[-1, 0] < 1.5).all()


def test_drift_becomes_usual_and_calm_brings_the_usual_size_back_but_never_below() -> None:
    drifted = np.full((6 * MEMORY, KINDS, CHANNELS), 1.8 * USUAL, np.float32)
    level, entity = begin(), np.zeros(6 * MEMORY, np.int32)
    normalise(drifted, entity, USUAL, ALL_FOLLOW, level)
    np.testing.assert_allclose(drifted[-1], 1, rtol=0.01)
    normalise(np.zeros_like(drifted), entity, USUAL, ALL_FOLLOW, level)
    np.testing.assert_array_equal(level[0], USUAL)


@pytest.mark.parametrize("size", [10.0, 1e6, np.inf])
def test_one_huge_error_moves_the_usual_size_no_more_than_one_of_twice_the_size(
    size: float,
) -> None:
    level = begin()
    errors = np.full((1, KINDS, CHANNELS), USUAL * np.float32(size), np.float32)
    normalise(errors, np.zeros(1, np.int32), USUAL, ALL_FOLLOW, level)
    np.testing.assert_allclose(level[0], USUAL * (1 + 1 / MEMORY), rtol=1e-6)
    np.testing.assert_array_equal(level[1:], begin()[1:])
