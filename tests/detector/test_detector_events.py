"""Events say what happened: scores, times, and which channel, with values in raw units."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from sentinel.alert.episodes import EpisodeRules
from sentinel.detector import Detector
from sentinel.fitted import FittedModel
from sentinel.fitting import fit
from sentinel.fitting.settings import FitSettings
from sentinel.model.training import TrainingSettings
from sentinel.records import NS_PER_S, EpisodeEvent, FloatArray, Readings, Status
from tests.detector.collected import collect
from tests.detector.toy import START_NS, toy_model, toy_readings
from tests.model.fitted import plain_scorer

CHANNELS = ("pressure", "flow", "heat")
ROWS = 700


def machine_values(rows: int, first: int = 0) -> FloatArray:
    """Three channels of one machine that swing together, each with some noise."""
    t = np.arange(first, first + rows)
    noise = np.random.default_rng(first).normal(0.0, 0.05, (rows, 3))
    waves = np.sin(t[:, None] / 5 + [0.0, 1.0, 2.0])
    return (waves + noise) * [2.0, 30.0, 1.0] + [100.0, 0.0, -7.0]


def machine_readings(rows: int, first: int = 0) -> Readings:
    return Readings(
        np.zeros(rows, np.int32),
        START_NS + np.arange(first, first + rows) * NS_PER_S,
        np.zeros(rows, np.int32),
        np.arange(first, first + rows),
        machine_values(rows, first),
    )


@pytest.fixture(scope="module")
def trained() -> FittedModel:
    settings = FitSettings(
        "reconstruct",
        window_length=16,
        hidden=12,
        training=TrainingSettings(epochs_max=12, learning_rate=0.01),
    )
    return fit(machine_readings(ROWS), CHANNELS, settings)


@pytest.mark.parametrize("channel", range(3))
def test_an_offset_is_attributed_to_its_channel(trained: FittedModel, channel: int) -> None:
    live = machine_readings(200, ROWS)
    usual = live.values[:, channel].copy()
    live.values[100:, channel] += 5 * trained.scaling.spread[channel]
    rules = EpisodeRules(update_interval_ns=60 * NS_PER_S)
    opened, updated = collect(Detector(trained, rules), live).events
    assert (opened.state, updated.state) == ("opened", "updated")
    assert opened.start_ns >= live.time_ns[100]
    leading = updated.contributions[0]
    assert (leading.channel, leading.share > 0.5) == (CHANNELS[channel], True)
    [row] = np.flatnonzero(live.values[:, channel] == leading.observed)
    assert row >= 100
    assert abs(leading.expected - usual[row]) < abs(leading.expected - leading.observed)


def test_normal_readings_raise_nothing(trained: FittedModel) -> None:
    found = collect(Detector(trained, EpisodeRules()), machine_readings(400, ROWS))
    assert found.events == []
    assert not found.scores.is_anomaly.any()


@pytest.mark.parametrize("threshold", np.linspace(0.5, 0.9, 7).tolist())
def test_the_scores_of_an_event_are_those_of_its_reading_to_the_last_bit(threshold: float) -> None:
    readings = toy_readings(600, entities=2, seed=3)
    rules = EpisodeRules(update_interval_ns=20 * NS_PER_S)
    found = Detector(replace(toy_model(), threshold=threshold), rules).process(readings)
    assert len(found.events) > 2
    for event in found.events:
        assert event.anomaly_score == found.scores.anomaly_score[event.row]
        assert event.score_ratio == found.scores.score_ratio[event.row]


def all_events(rules: EpisodeRules, seed: int = 3) -> tuple[Readings, list[EpisodeEvent]]:
    readings = toy_readings(600, entities=2, seed=seed)
    events = collect(Detector(toy_model(), rules), readings).events
    assert {event.state for event in events} == {"opened", "updated", "resolved"}
    return readings, events


RULES = EpisodeRules(2, 3, close_ratio=0.9, close_count=3, update_interval_ns=4 * NS_PER_S)


def test_contributions_are_whole_sorted_and_name_each_channel_once() -> None:
    for event in all_events(RULES)[1]:
        shares = [part.share for part in event.contributions]
        assert sum(shares) == pytest.approx(1.0)
        assert shares == sorted(shares, reverse=True)
        assert sorted(part.channel for part in event.contributions) == ["channel-0", "channel-1"]


@pytest.mark.parametrize(("count", "polls"), [(1, 1), (4, 1), (4, 60)])
def test_contributions_are_those_of_the_worst_window_recomputed_by_hand(
    count: int, polls: int
) -> None:
    """N of N opens: the worst is one of the windows that count, in this poll or in one before."""
    model, readings = toy_model(channels=3), toy_readings(60, channels=3, seed=4, tidy=True)
    readings.values[30] += 100.0
    ratios = Detector(model, EpisodeRules()).process(readings).scores.score_ratio
    cuts = range(0, 60, 60 // polls)
    [opened, *_] = collect(Detector(model, EpisodeRules(count, count)), readings, cuts).events
    since = opened.row - count + 1
    worst = since + int(np.argmax(ratios[since : opened.row + 1]))
    assert (worst < opened.row) == (count > 1)
    rows = slice(worst - model.window_length + 1, worst + 1)
    window = model.scaling.apply(readings.values[rows]).astype(np.float32)
    found = plain_scorer(model).score_windows(window, np.array([0]), np.array([len(window)]))
    parts = found.channel_errors[0] / model.error_scale
    expected = model.scaling.invert(found.expected[0])
    assert opened.peak_ratio == ratios[worst] == found.anomaly_score[0] / model.threshold
    for part in opened.contributions:
        f = model.channels.index(part.channel)
        assert part.share == pytest.approx(parts[f] / parts.sum())
        assert part.observed == readings.values[worst, f]
        assert part.expected == pytest.approx(expected[f])
        usual = np.sqrt(model.error_scale[f]) * model.scaling.spread[f]
        assert part.deviation == pytest.approx(usual)


def test_a_channel_that_was_missing_is_observed_as_nan() -> None:
    readings = toy_readings(30, tidy=True)
    readings.values[:, 1] = np.nan
    readings.values[10:, 0] += 50.0
    [opened, *_] = collect(Detector(toy_model(), EpisodeRules(1, 1)), readings).events
    assert opened.contributions[0].channel == "channel-0"
    missing = opened.contributions[1]
    assert (missing.share, math.isnan(missing.observed)) == (0.0, True)
    assert math.isfinite(missing.expected)


def test_events_carry_their_readings_numbers() -> None:
    readings, events = all_events(RULES)
    scores = collect(Detector(toy_model(), RULES), readings).scores
    assert [event.row for event in events] == sorted(event.row for event in events)
    for event in events:
        assert event.entity == readings.entity[event.row]
        assert event.time_ns == readings.time_ns[event.row]
        assert event.score_ratio == pytest.approx(scores.score_ratio[event.row])
        assert event.anomaly_score == pytest.approx(event.score_ratio * event.threshold)
        assert event.peak_ratio >= event.score_ratio
        assert event.start_ns <= event.time_ns
        if not event.reason:
            assert scores.status[event.row] == Status.OK
        assert scores.is_anomaly[event.row] == (event.state != "resolved")


def test_an_episode_has_one_start_and_counts_its_updates() -> None:
    updates: dict[tuple[int, int], int] = {}
    for event in all_events(RULES)[1]:
        episode = (event.entity, event.start_ns)
        if event.state == "opened":
            assert episode not in updates
            updates[episode] = 0
        elif event.state == "updated":
            updates[episode] += 1
        assert event.update == updates[episode]


def test_a_gap_resolves_and_says_so() -> None:
    readings = toy_readings(20, tidy=True)
    readings.values[8:14] += 50.0
    readings.time_ns[14:] += toy_model().max_gap_ns
    opened, resolved = collect(Detector(toy_model(), EpisodeRules(1, 1)), readings).events
    assert (opened.state, opened.reason) == ("opened", "")
    assert (resolved.state, resolved.reason, resolved.row) == ("resolved", "gap", 14)
    assert resolved.contributions[0].observed > 40.0
