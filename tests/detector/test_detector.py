"""The detector's promises: causal, the same bits however its input is cut, nothing made up."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.alert.episodes import EpisodeRules
from sentinel.detector import Detector
from sentinel.model.architecture import Architecture
from sentinel.records import NS_PER_S, Readings, Status
from tests.detector.collected import Collected, assert_same_bits, collect
from tests.detector.toy import toy_model, toy_readings

RULES = EpisodeRules(
    open_count=2, open_window=3, close_ratio=0.9, close_count=3, update_interval_ns=4 * NS_PER_S
)
MODEL = toy_model()
SEEDS = st.integers(0, 2**32 - 1)


def detector_of(**changes: object) -> Detector:
    return Detector(replace(MODEL, **changes), RULES)


def head(collected: Collected, rows: int) -> Collected:
    """The first rows and the events they caused."""
    scores = collected.scores
    first = type(scores)(
        scores.anomaly_score[:rows], scores.score_ratio[:rows], scores.is_anomaly[:rows],
        scores.status[:rows], scores.filled[:rows],
    )  # fmt: skip
    return Collected(first, [event for event in collected.events if event.row < rows], -1)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.integers(0, 250), st.integers(1, 3))
def test_scores_and_events_of_a_prefix_are_the_prefix_of_all(
    seed: int, rows: int, stride: int
) -> None:
    readings = toy_readings(250, entities=3, seed=seed)
    whole = collect(detector_of(window_stride=stride), readings)
    prefix = collect(detector_of(window_stride=stride), readings.slice(0, rows))
    assert_same_bits(prefix, head(whole, rows))


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.lists(st.integers(0, 250), max_size=12), st.integers(1, 3))
def test_any_cut_into_poll_batches_gives_the_same_bits(
    seed: int, cuts: list[int], stride: int
) -> None:
    readings = toy_readings(250, entities=3, seed=seed)
    whole = collect(detector_of(window_stride=stride), readings)
    in_parts = collect(detector_of(window_stride=stride), readings, cuts)
    assert_same_bits(in_parts, whole)
    assert in_parts.windows == whole.windows


def test_a_reading_at_a_time_gives_the_same_bits_as_all_at_once() -> None:
    readings = toy_readings(400, entities=3, seed=5)
    whole = collect(detector_of(), readings)
    assert {event.state for event in whole.events} == {"opened", "updated", "resolved"}
    assert_same_bits(collect(detector_of(), readings, range(400)), whole)


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_any_interleaving_of_entities_gives_each_the_same_bits(seed: int) -> None:
    readings = toy_readings(250, entities=4, seed=seed)
    # Each entity's readings keep their order; the places in the stream are dealt out anew.
    dealt = np.random.default_rng(seed).permutation(readings.entity)
    order = np.empty(len(dealt), np.int64)
    for e in range(4):
        order[dealt == e] = np.flatnonzero(readings.entity == e)
    other = readings.take(order)
    one, two = collect(detector_of(), readings), collect(detector_of(), other)
    for e in range(4):
        assert_same_bits(two.of_entity(other, e), one.of_entity(readings, e))


@pytest.mark.parametrize(
    "architecture",
    [
        Architecture(2, 4),
        Architecture(2, 7, encoder_layers=2, decoder_layers=2, bidirectional=True, dropout=0.3),
    ],
    ids=["plain", "deep"],
)
def test_an_entity_scores_alone_as_among_many(architecture: Architecture) -> None:
    """Windows of many entities share a kernel call, whole SIMD lanes and rests of them."""
    model = toy_model(architecture=architecture)
    readings = toy_readings(150 * 12, entities=150, seed=1, tidy=True)
    among = collect(Detector(model, RULES), readings)
    for e in (0, 63, 64, 127, 128, 149):
        alone = readings.take(np.flatnonzero(readings.entity == e))
        found = collect(Detector(model, RULES), alone)
        assert_same_bits(found.of_entity(alone, e), among.of_entity(readings, e))


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.integers(1, 4))
def test_a_reading_without_a_window_repeats_its_entitys_last_score(seed: int, stride: int) -> None:
    readings = toy_readings(200, entities=3, seed=seed)
    scores = collect(detector_of(window_stride=stride), readings).scores
    last = dict.fromkeys(range(3), math.nan)
    for n, e in enumerate(readings.entity.tolist()):
        if scores.status[n] == Status.OK:
            assert math.isfinite(scores.anomaly_score[n])
            last[e] = scores.anomaly_score[n]
        np.testing.assert_equal(scores.anomaly_score[n], last[e])


def test_a_window_warms_up_and_says_how_far_it_is() -> None:
    scores = collect(detector_of(), toy_readings(8, tidy=True)).scores
    assert scores.status.tolist() == [Status.WARMING] * 4 + [Status.OK] * 4
    assert scores.filled.tolist() == [1, 2, 3, 4, 5, 5, 5, 5]
    assert np.isnan(scores.anomaly_score).tolist() == [True] * 4 + [False] * 4


def test_after_a_gap_the_window_warms_up_again_and_the_score_holds() -> None:
    readings = toy_readings(12, tidy=True)
    readings.time_ns[6:] += MODEL.max_gap_ns
    scores = collect(detector_of(), readings).scores
    assert scores.filled.tolist() == [1, 2, 3, 4, 5, 5, 1, 2, 3, 4, 5, 5]
    np.testing.assert_array_equal(scores.anomaly_score[6:10], scores.anomaly_score[5])


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_rows_without_any_value_are_rejected_and_change_nothing(seed: int) -> None:
    readings = toy_readings(200, entities=3, seed=seed)
    empty = np.isnan(readings.values).all(axis=1)
    whole = collect(detector_of(), readings)
    assert (whole.scores.status[empty] == Status.REJECTED).all()
    rest = readings.take(np.flatnonzero(~empty))
    without = collect(detector_of(), rest)
    np.testing.assert_array_equal(whole.scores.anomaly_score[~empty], without.scores.anomaly_score)
    assert [repr(e) for e in whole.events] == [repr(e) for e in without.events]


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(0, 200))
def test_a_forgotten_entity_begins_anew_and_no_other(seed: int, cut: int) -> None:
    readings = toy_readings(200, entities=3, seed=seed)
    before, after = readings.slice(0, cut), readings.slice(cut, 200)
    detector, untouched = detector_of(), detector_of()
    for both in (detector, untouched):
        collect(both, before)
    detector.forget([1, 7])
    found = collect(detector, after)
    for e, expected in ((0, untouched), (1, detector_of()), (2, untouched)):
        mine = after.take(np.flatnonzero(after.entity == e))
        assert_same_bits(found.of_entity(after, e), collect(expected, mine).of_entity(mine, e))


def test_forgetting_everything_leaves_no_state() -> None:
    readings = toy_readings(300, entities=3, seed=2)
    detector = detector_of()
    first = collect(detector, readings)
    detector.forget(range(3))
    assert detector.episodes_open() == 0
    assert detector.entity_states() == {"ok": 0, "warming": 0, "anomalous": 0}
    assert_same_bits(collect(detector, readings), first)


def test_score_ratio_is_one_at_the_threshold() -> None:
    readings = toy_readings(100, entities=2)
    plain = collect(detector_of(threshold=0.8), readings).scores
    np.testing.assert_array_equal(plain.score_ratio, plain.anomaly_score / 0.8)
    scaled = Detector(replace(MODEL, threshold=0.8), RULES, threshold_scale=2.0)
    np.testing.assert_array_equal(
        collect(scaled, readings).scores.score_ratio, plain.anomaly_score / 1.6
    )


def test_stride_and_gap_of_the_daemon_win_over_the_models() -> None:
    readings = toy_readings(30, tidy=True)
    readings.time_ns[15:] += 3 * NS_PER_S
    strided = Detector(MODEL, RULES, window_stride=4)
    assert collect(strided, readings).windows == len(range(5, 31, 4))
    restarted = Detector(MODEL, RULES, max_gap_ns=2 * NS_PER_S)
    assert collect(restarted, readings).scores.filled[15] == 1
    assert collect(Detector(MODEL, RULES), readings).scores.filled[15] == 5


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(0, 150), st.integers(1, 4))
def test_a_primed_detector_goes_on_as_if_it_had_scored_what_came_before(
    seed: int, cut: int, stride: int
) -> None:
    readings = toy_readings(200, entities=2, seed=seed)
    detector = detector_of(window_stride=stride)
    detector.prime(readings.slice(0, cut))
    after = readings.slice(cut, 200)
    found = collect(detector, after).scores
    whole = collect(detector_of(), readings).scores
    own = found.status == Status.OK
    np.testing.assert_array_equal(found.filled, whole.filled[cut:])
    np.testing.assert_array_equal(found.anomaly_score[own], whole.anomaly_score[cut:][own])
    fits = np.isin(found.status, (Status.OK, Status.BETWEEN))
    for e in range(2):
        first = np.flatnonzero(fits & (after.entity == e))[:1]
        assert own[first].all()


def test_entities_are_counted_by_state() -> None:
    detector = Detector(replace(MODEL, threshold=20.0), EpisodeRules(1, 1))
    full = toy_readings(14, entities=2, tidy=True)
    full.values[full.entity == 1] += 50.0
    detector.process(full)
    detector.process(replace(toy_readings(2, tidy=True), entity=np.array([2, 3], np.int32)))
    assert detector.entity_states() == {"ok": 1, "warming": 2, "anomalous": 1}
    assert detector.episodes_open() == 1


def test_no_readings_are_no_trouble() -> None:
    detection = detector_of().process(Readings.empty(2))
    assert len(detection.scores.anomaly_score) == 0
    assert detection.events == []
    assert detection.windows == 0


def test_entities_may_appear_in_any_order() -> None:
    """A high index first: room is made for all below it."""
    readings = toy_readings(40, entities=4, tidy=True)
    other = replace(readings, entity=(1000 - 333 * readings.entity).astype(np.int32))
    found, expected = collect(detector_of(), other), collect(detector_of(), readings)
    np.testing.assert_array_equal(found.scores.anomaly_score, expected.scores.anomaly_score)
