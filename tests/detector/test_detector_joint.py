"""The detector's promises once more, of models that judge every reading and carry states."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.detector import Detector
from sentinel.model.prepared import Backend
from sentinel.records import EpisodeEvent, Readings, Status
from tests.detector.collected import Collected, assert_same_bits, collect
from tests.detector.joint import CHANNELS, NAMES, RULES, WINDOW_LENGTH, joint_model, scaled
from tests.detector.toy import toy_readings
from tests.model.plain_forecasts import plain_forecasts

SEEDS = st.integers(0, 2**32 - 1)
ROWS = 300
KINDS = pytest.mark.parametrize("kind", ["joint", "light", "forecast"])


def detector(kind: str = "joint", **options: object) -> Detector:
    return Detector(joint_model(kind), RULES, **options)


def stream(seed: int, count: int = ROWS, entities: int = 3, *, tidy: bool = False) -> Readings:
    """With holes, empty rows, duplicates, late ones and gaps, unless tidy."""
    return toy_readings(count, entities=entities, channels=CHANNELS, seed=seed, tidy=tidy)


def head(collected: Collected, rows: int) -> Collected:
    """The first rows and the events they caused."""
    scores = collected.scores
    first = type(scores)(
        scores.anomaly_score[:rows], scores.score_ratio[:rows], scores.is_anomaly[:rows],
        scores.status[:rows], scores.filled[:rows],
    )  # fmt: skip
    return Collected(first, [event for event in collected.events if event.row < rows], -1)


def only(readings: Readings, entity: int) -> Readings:
    return readings.take(np.flatnonzero(readings.entity == entity))


# The same bits.


@KINDS
@settings(max_examples=15, deadline=None)
@given(SEEDS, st.lists(st.integers(0, ROWS), max_size=12), st.integers(0, 3))
def test_any_cut_into_poll_batches_gives_the_same_bits(
    kind: str, seed: int, cuts: list[int], stride: int
) -> None:
    """Scores, statuses, and events with their shares and expected values. Stride 0: the model's."""
    readings = stream(seed)
    whole = collect(detector(kind, window_stride=stride), readings)
    in_parts = collect(detector(kind, window_stride=stride), readings, cuts)
    assert_same_bits(in_parts, whole)
    assert in_parts.windows == whole.windows


@pytest.mark.parametrize("seed", [5, 6])
def test_a_reading_at_a_time_gives_the_same_bits_as_all_at_once(seed: int) -> None:
    readings = stream(seed, 500)
    whole = collect(detector(), readings)
    assert {event.state for event in whole.events} == {"opened", "updated", "resolved"}
    assert set(whole.scores.status.tolist()) >= {
        Status.OK, Status.WARMING, Status.DUPLICATE, Status.LATE, Status.REJECTED
    }  # fmt: skip
    assert_same_bits(collect(detector(), readings, range(500)), whole)


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.integers(0, ROWS))
def test_scores_and_events_of_a_prefix_are_the_prefix_of_all(seed: int, rows: int) -> None:
    readings = stream(seed)
    whole, prefix = collect(detector(), readings), collect(detector(), readings.slice(0, rows))
    assert_same_bits(prefix, head(whole, rows))


def test_an_entity_scores_alone_as_among_many() -> None:
    """States of many entities share a kernel call, whole SIMD lanes and rests of them."""
    readings = stream(1, 150 * 24, 150, tidy=True)
    among = collect(detector(), readings, [1000, 1001])
    for e in (0, 63, 64, 127, 128, 149):
        alone = only(readings, e)
        found = collect(detector(), alone, [3, 20])
        assert_same_bits(found.of_entity(alone, e), among.of_entity(readings, e))


def test_threads_change_no_bit() -> None:
    readings = stream(2, 150 * 20, 150, tidy=True)
    whole = collect(detector(), readings)
    assert_same_bits(collect(detector(backend=Backend(threads=3)), readings), whole)


@settings(max_examples=8, deadline=None)
@given(SEEDS, st.integers(0, ROWS))
def test_more_entities_change_nothing_of_the_others(seed: int, begin: int) -> None:
    """Two hundred new machines from some reading on: room for them is made as they come."""
    few, many = stream(seed), stream(seed + 1, 400, 200, tidy=True)
    many = replace(many, entity=many.entity + np.int32(3))
    order = np.argsort(np.r_[np.arange(ROWS), begin + np.linspace(0, 20, 400)], kind="stable")
    both = Readings(*(
        np.concatenate([getattr(few, name), getattr(many, name)])[order]
        for name in ("entity", "time_ns", "partition", "offset", "values")
    ))  # fmt: skip
    found, expected = collect(detector(), both, [begin, begin + 200]), collect(detector(), few)
    for e in range(3):
        assert_same_bits(found.of_entity(both, e), expected.of_entity(few, e))


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.integers(0, ROWS))
def test_a_forgotten_entity_begins_anew_and_no_other(seed: int, cut: int) -> None:
    readings = stream(seed)
    before, after = readings.slice(0, cut), readings.slice(cut, ROWS)
    one, untouched = detector(), detector()
    for both in (one, untouched):
        collect(both, before)
    one.forget([1, 7])
    found = collect(one, after)
    for e, expected in ((0, untouched), (1, detector()), (2, untouched)):
        mine = only(after, e)
        assert_same_bits(found.of_entity(after, e), collect(expected, mine).of_entity(mine, e))


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.integers(0, ROWS))
def test_a_primed_detector_goes_on_as_if_it_had_scored_what_came_before(
    seed: int, cut: int
) -> None:
    readings = stream(seed)
    primed, scored = detector(), detector()
    primed.prime(readings.slice(0, cut))
    collect(scored, readings.slice(0, cut))
    after = readings.slice(cut, ROWS)
    found, expected = collect(primed, after).scores, collect(scored, after).scores
    assert found.anomaly_score.tobytes() == expected.anomaly_score.tobytes()
    assert found.status.tobytes() == expected.status.tobytes()


# What a score is of.


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_every_reading_with_a_full_window_has_a_score_of_its_own(seed: int) -> None:
    readings = stream(seed)
    scores = collect(detector(), readings).scores
    taken = ~np.isin(scores.status, (Status.DUPLICATE, Status.LATE, Status.REJECTED))
    full = taken & (scores.filled == WINDOW_LENGTH)
    assert (scores.status[full] == Status.OK).all()
    assert (scores.status[taken & ~full] == Status.WARMING).all()
    assert np.isfinite(scores.anomaly_score[full]).all()
    last = dict.fromkeys(range(3), math.nan)
    for n, e in enumerate(readings.entity.tolist()):
        if full[n]:
            last[e] = scores.anomaly_score[n]
        np.testing.assert_equal(scores.anomaly_score[n], last[e])


def test_every_window_is_rebuilt_when_asked_and_calm_readings_stay_calm_either_way() -> None:
    readings = stream(9, 400, 1, tidy=True)
    held, every = (collect(detector(window_stride=n), readings).scores for n in (0, 1))
    assert (held.anomaly_score[15:] != every.anomaly_score[15:]).any()
    for scores in (held, every):
        assert np.median(scores.anomaly_score[15:]) < 2.3
        assert scores.score_ratio[15:].max() < 1


def off(channel: int, size: float, at: int = 150) -> tuple[Readings, list[EpisodeEvent]]:
    """Readings with one channel off from some row on, by so many standard deviations."""
    readings = stream(11, 200, 1, tidy=True)
    readings.values[at:, channel] += size * (channel + 1)
    return readings, collect(detector(), readings).events


@pytest.mark.parametrize("channel", range(CHANNELS))
@pytest.mark.parametrize("size", [8.0, -8.0])
def test_an_offset_opens_an_episode_that_names_its_channel_first(channel: int, size: float) -> None:
    _, events = off(channel, size)
    opened = next(event for event in events if event.state == "opened")
    assert 150 <= opened.row <= 152
    assert opened.score_ratio >= 1
    assert opened.contributions[0].channel == NAMES[channel]
    assert opened.contributions[0].share > 0.5
    assert sum(c.share for c in opened.contributions) == pytest.approx(1, abs=1e-3)
    assert sorted(c.channel for c in opened.contributions) == list(NAMES)


def test_an_event_tells_what_was_observed_and_what_was_forecast_in_raw_units() -> None:
    readings, events = off(1, 8.0)
    opened, model = events[0], joint_model()
    forecasts = plain_forecasts(model.parameters, WINDOW_LENGTH, scaled(model, readings.values))
    expected = model.scaling.invert(forecasts[opened.row].astype(np.float32))
    for contribution in opened.contributions:
        f = NAMES.index(contribution.channel)
        assert contribution.observed == readings.values[opened.row, f]
        assert contribution.expected == pytest.approx(expected[f], abs=1e-4)
    # Channel f is about 10 f, give or take f + 1.
    assert opened.contributions[0].expected < 16


def test_a_single_value_far_off_is_an_episode_at_once() -> None:
    readings = stream(12, 120, 1, tidy=True)
    readings.values[100, 2] += 60
    events = collect(detector(), readings).events
    assert events[0].row == 100
    assert events[0].contributions[0].channel == NAMES[2]
