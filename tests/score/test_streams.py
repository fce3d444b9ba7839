"""Streams: the eight amplitudes, their means at four scales, and the channels behind a score."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.records import Float32Array, FloatArray
from sentinel.score.judging import streams_of
from sentinel.score.kinds import FORECAST, KINDS, SCALES, SUBSPACE
from sentinel.score.streams import amplitudes, attribute, smooth
from tests.score.plain_recipe import plain_amplitudes, plain_smoothed

CHANNELS, ENTITIES = 3, 3
STREAMS = streams_of(tuple(range(KINDS)))
SEEDS = st.integers(0, 2**32 - 1)


def ratios_of(rows: int, seed: int, missing: float = 0.15) -> Float32Array:
    rng = np.random.default_rng(seed)
    found = rng.exponential(size=(rows, KINDS, CHANNELS)).astype(np.float32)
    found[rng.random(found.shape) < missing] = np.nan
    return found


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_amplitudes_are_those_of_the_eight_streams(seed: int) -> None:
    ratios = ratios_of(80, seed, missing=0.4)
    usual_of_peak = np.array([0.2, 0.5, 0.9], np.float32)
    found = np.empty((80, 8))
    amplitudes(ratios, STREAMS, usual_of_peak, found)
    wide = ratios.astype(np.float64)
    np.testing.assert_allclose(
        found, plain_amplitudes(wide, wide[:, FORECAST] * usual_of_peak), rtol=1e-6
    )


def test_a_channel_that_is_unknown_counts_neither_for_nor_against() -> None:
    ratios = ratios_of(20, seed=0, missing=0)
    ones = np.ones(CHANNELS, np.float32)
    holed = ratios.copy()
    holed[:, :, 1] = np.nan
    found, of_the_rest = np.empty((20, 8)), np.empty((20, 8))
    amplitudes(holed, STREAMS, ones, found)
    amplitudes(np.ascontiguousarray(ratios[:, :, [0, 2]]), STREAMS, ones[:2], of_the_rest)
    np.testing.assert_array_equal(found, of_the_rest)


def test_streams_of_fewer_kinds_keep_their_order_and_point_at_the_right_errors() -> None:
    kinds = (FORECAST, SUBSPACE)
    ratios, ones = ratios_of(30, seed=2), np.ones(CHANNELS, np.float32)
    every, some = np.empty((30, 8)), np.empty((30, 3))
    amplitudes(ratios, STREAMS, ones, every)
    amplitudes(np.ascontiguousarray(ratios[:, kinds]), streams_of(kinds), ones, some)
    np.testing.assert_array_equal(some, every[:, [0, 1, 4]])


def moving(rows: int, seed: int) -> tuple[FloatArray, np.ndarray, np.ndarray]:
    """Amplitudes with holes; entities; where each begins: at its first row and some others."""
    rng = np.random.default_rng(seed)
    amplitude = rng.exponential(size=(rows, 8))
    amplitude[rng.random(amplitude.shape) < 0.2] = np.nan
    entity = rng.integers(0, ENTITIES, rows).astype(np.int32)
    begins = rng.random(rows) < 0.05
    begins[np.unique(entity, return_index=True)[1]] = True
    return amplitude, entity, begins


def smoothed_by_kernel(
    amplitude: FloatArray, entity: np.ndarray, begins: np.ndarray, start: FloatArray, cut: int = 0
) -> FloatArray:
    """With whatever was there before in the state: it must not matter."""
    state, found = np.full((ENTITIES, 8, 4), 1e9), np.empty((len(entity), 8, 4))
    for part in (slice(0, cut), slice(cut, None)):
        smooth(
            amplitude[part], entity[part], begins[part], start, np.array(SCALES), state,
            found[part],
        )  # fmt: skip
    return found


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(0, 200))
def test_means_at_four_scales_are_the_recursions_whatever_the_cut(seed: int, cut: int) -> None:
    amplitude, entity, begins = moving(200, seed)
    start = np.linspace(0.5, 2, 8)
    found = smoothed_by_kernel(amplitude, entity, begins, start, cut)
    expected = plain_smoothed(amplitude, entity.tolist(), begins, start)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_unknown_amplitudes_leave_the_means_and_a_beginning_is_usual() -> None:
    amplitude = np.full((3, 8), np.nan)
    amplitude[1] = 5.0
    start = np.linspace(0.5, 2, 8)
    found = smoothed_by_kernel(
        amplitude, np.zeros(3, np.int32), np.array([True, False, False]), start
    )
    np.testing.assert_array_equal(found[0], np.repeat(start[:, None], 4, axis=1))
    np.testing.assert_array_equal(found[2], found[1])
    np.testing.assert_array_equal(found[1, :, 0], 5.0)


def shares_of(
    ratios: Float32Array, weight: FloatArray, begins: np.ndarray, before: float = 0.0
) -> Float32Array:
    state = np.full((1, KINDS, CHANNELS), before, np.float32)
    out = np.empty((len(ratios), CHANNELS), np.float32)
    entity = np.zeros(len(ratios), np.int32)
    attribute(ratios, entity, begins, weight, STREAMS, 0.1, state, out)
    return out


def test_a_score_is_shared_out_by_recent_errors_of_each_kind_and_the_weight_of_each_stream() -> (
    None
):
    ratios, rng = ratios_of(50, seed=3), np.random.default_rng(3)
    weight = rng.exponential(size=(50, 8))
    begins = np.zeros(50, np.bool_)
    begins[[0, 20]] = True
    ratios[begins] = 1
    found = shares_of(ratios, weight, begins)
    recent = np.zeros((KINDS, CHANNELS))
    for n in range(50):
        known = np.nan_to_num(ratios[n].astype(np.float64))
        recent = known if begins[n] else recent + 0.1 * (known - recent)
        of_streams = (recent / recent.sum(axis=1, keepdims=True))[STREAMS[:, 0]]
        np.testing.assert_allclose(found[n], weight[n] @ of_streams / weight[n].sum(), rtol=1e-4)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


def test_the_channel_that_is_off_has_most_of_the_score_at_once_and_soon_nearly_all() -> None:
    ratios = np.ones((60, KINDS, CHANNELS), np.float32)
    ratios[30:, :, 2] = 100
    found = shares_of(ratios, np.ones((60, 8)), np.arange(60) == 0)
    np.testing.assert_allclose(found[29], 1 / 3, rtol=1e-5)
    assert found[30, 2] > 0.8
    assert found[-1, 2] > 0.97


@pytest.mark.parametrize("unknown", [np.nan, 0.0])
def test_a_beginning_shares_out_nothing_from_before_it(unknown: float) -> None:
    """An entity that was forgotten, or a machine after a gap, has no old culprits."""
    ratios = np.ones((5, KINDS, CHANNELS), np.float32)
    ratios[:3, 4] = unknown
    begins = np.arange(5) == 0
    fresh = shares_of(ratios, np.ones((5, 8)), begins)
    again = shares_of(ratios, np.ones((5, 8)), begins, before=7.0)
    assert again.tobytes() == fresh.tobytes()
