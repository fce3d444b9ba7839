"""Each rule against one that was written by itself, from its source, in plain Python."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.alert.thresholds import dynamic, mad
from sentinel.alert.thresholds.dspot import DEPTH, Dspot
from sentinel.alert.thresholds.dynamic import HISTORY, INTERVAL, Dynamic, dynamic_threshold
from sentinel.alert.thresholds.mad import Mad
from sentinel.alert.thresholds.peaks import LASTING, PEAKS
from sentinel.alert.thresholds.pot import Pot
from sentinel.records import FloatArray
from tests.alert.thresholds.plain_rules import PlainDspot, PlainMad, PlainSpot, plain_dynamic

LEAST = 1e-6
ZS = np.arange(dynamic.Z_LEAST, dynamic.Z_MOST + 0.1, dynamic.Z_STEP)


def some_scores(seed: int, count: int) -> FloatArray:
    """Skewed noise, now and then a burst far above it."""
    rng = np.random.default_rng(seed)
    scores = rng.gamma(2.0, 1.0, count)
    for start in rng.integers(0, count, count // 200):
        scores[start : start + rng.integers(1, 9)] += rng.exponential(20.0)
    return scores


def thresholds_of(rule: Pot | Dspot | Mad | Dynamic, scores: FloatArray) -> FloatArray:
    rule.grow(1)
    return rule.advance(np.zeros(len(scores), np.int32), scores)


@pytest.mark.parametrize("seed", range(3))
def test_pot_is_spot(seed: int) -> None:
    calibration, stream = some_scores(seed, 1000), some_scores(seed + 100, 800)
    plain = PlainSpot(calibration, 1e-3)
    found = thresholds_of(Pot(calibration, 1e-3, LEAST), stream)
    assert found == pytest.approx([plain.step(x) for x in stream.tolist()], rel=1e-4)
    assert len(set(found.tolist())) > 5


@pytest.mark.parametrize("count", [1000, 15_000])
def test_pot_keeps_peaks_of_the_calibration_and_the_newest(count: int) -> None:
    calibration, stream = some_scores(1, count), some_scores(2, 20_000)
    rule = Pot(calibration, 1e-4, LEAST)
    found = thresholds_of(rule, stream)
    t = np.quantile(calibration, 0.98)
    old = calibration[calibration > t][-LASTING:] - t
    new = stream[(stream > t) & (stream < found)] - t
    assert len(new) > PEAKS
    kept = [*old.tolist(), *new.tolist()[len(old) - PEAKS :]]
    assert sorted(rule.state.excess[0].tolist()) == sorted(kept)


def test_pot_finds_the_quantile_of_gaussian_noise() -> None:
    """The paper's first experiment: P(X > z) = 1e-3 has z = 3.09; what sinks of it is bounded."""
    rng = np.random.default_rng(0)
    found = [
        thresholds_of(Pot(rng.normal(size=5000), 1e-3, LEAST), rng.normal(size=20_000))
        for _ in range(20)
    ]
    assert np.mean([of_one[0] for of_one in found]) == pytest.approx(3.0902, rel=0.02)
    assert np.mean([of_one[-1] for of_one in found]) == pytest.approx(3.0902, rel=0.06)


@pytest.mark.parametrize("seed", range(3))
def test_dspot_is_dspot(seed: int) -> None:
    calibration, stream = some_scores(seed, 1200), some_scores(seed + 100, 800)
    stream += np.linspace(0, 3, len(stream))
    plain = PlainDspot(calibration, 1e-3, DEPTH)
    found = thresholds_of(Dspot(calibration, 1e-3, LEAST), stream)
    assert found == pytest.approx([plain.step(x) for x in stream.tolist()], rel=1e-4)


def test_dspot_sees_what_pot_is_blind_to_once_a_machine_has_calmed_down() -> None:
    rng = np.random.default_rng(3)
    calibration = 40 + rng.gamma(2.0, 1.0, 3000)
    stream = np.linspace(40, 10, 8000) + rng.gamma(2.0, 1.0, 8000)
    stream[-1] += 30
    pot, dspot = (
        stream >= thresholds_of(rule(calibration, 1e-4, LEAST), stream) for rule in (Pot, Dspot)
    )
    assert not pot[-1]
    assert dspot[-1]
    assert dspot[:-1].mean() < 0.002


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 100_000), st.integers(2, 400))
def test_dynamic_is_telemanom_s(seed: int, count: int) -> None:
    scores = some_scores(seed, count)
    ring = np.zeros(HISTORY)
    ring[:count] = scores
    expected = plain_dynamic(scores.tolist(), ZS, dynamic.PRUNING_SHARE)
    assert dynamic_threshold(ring, count) == pytest.approx(expected, rel=1e-9)


def test_dynamic_looks_at_its_history_every_so_often() -> None:
    calibration, stream = some_scores(4, 1500), some_scores(5, 3 * HISTORY)
    together = [*calibration.tolist()[-HISTORY:], *stream.tolist()]
    found = thresholds_of(Dynamic(calibration, LEAST), stream)
    for end in range(0, len(stream), INTERVAL):
        history = together[end : end + HISTORY]
        expected = plain_dynamic(history, ZS, dynamic.PRUNING_SHARE)
        assert found[end : end + INTERVAL] == pytest.approx(expected, rel=1e-9)


def test_dynamic_takes_a_lone_burst_for_odd_and_one_of_many_for_usual() -> None:
    """What pruning is for: a burst hardly above the next lower one, and so on, is no anomaly."""
    quiet = [1.0, 1.2, 0.8, 1.1]
    bursts = [8.0 * 0.9**k for k in range(18)]
    lone = [*quiet * 50, 8.0, *quiet * 50]
    many = [score for burst in bursts for score in [burst, *quiet * 10]]
    found = []
    for history in (lone, many):
        ring = np.zeros(HISTORY)
        ring[: len(history)] = history
        found.append(dynamic_threshold(ring, len(history)))
    assert 1.2 < found[0] < 8.0 < found[1]


@pytest.mark.parametrize("seed", range(3))
def test_mad_takes_steps_by_sign(seed: int) -> None:
    calibration, stream = some_scores(seed, 1000), some_scores(seed + 100, 3000)
    plain = PlainMad(calibration, 6.0, mad.STEP)
    found = thresholds_of(Mad(calibration, 6.0, LEAST), stream)
    assert found == pytest.approx([plain.step(x) for x in stream.tolist()], rel=1e-12)


def test_mad_follows_to_another_median_and_deviation() -> None:
    rng = np.random.default_rng(6)
    rule = Mad(rng.normal(10.0, 1.0, 1000), 6.0, LEAST)
    thresholds_of(rule, rng.normal(13.0, 2.0, 20_000))
    assert rule.state.median[0] == pytest.approx(13.0, abs=0.3)
    assert rule.state.deviation[0] == pytest.approx(2.0 / 1.4826, rel=0.2)


def test_one_huge_score_moves_mad_no_more_than_any_other() -> None:
    calibration = some_scores(7, 1000)
    high = thresholds_of(Mad(calibration, 6.0, LEAST), np.array([50.0, 1.0]))
    huge = thresholds_of(Mad(calibration, 6.0, LEAST), np.array([1e12, 1.0]))
    assert high.tolist() == huge.tolist()


def test_mad_of_a_machine_at_rest_does_not_vanish() -> None:
    calibration = some_scores(8, 1000)
    rule = Mad(calibration, 6.0, LEAST)
    first = thresholds_of(rule, np.full(20_000, 1.0))[0]
    assert rule.state.deviation[0] > 0.1 * (first / 12)
