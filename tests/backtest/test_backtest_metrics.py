"""Events, episodes and several entities: what is counted, and once only."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.backtest.intervals import meeting, runs
from sentinel.backtest.labels import NEVER
from sentinel.backtest.metrics import judge
from sentinel.backtest.ranking import average_precision
from sentinel.backtest.tracks import Scored, tracks_of
from sentinel.backtest.vus import vus_pr
from sentinel.records import NS_PER_S, Status
from tests.backtest.made_up import INTERVAL_NS, T0_NS, episode, episodes_where, scored

pairs = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)).map(sorted), max_size=8)


@given(pairs, pairs)
def test_meeting_counts_what_comparing_all_pairs_counts(ours, others) -> None:
    mine, theirs = (np.array(p, np.int64).reshape(-1, 2) for p in (ours, others))
    slow = [sum(c <= b and d >= a for c, d in others) for a, b in ours]
    assert meeting(mine[:, 0], mine[:, 1], theirs[:, 0], theirs[:, 1]).tolist() == slow


@given(st.lists(st.booleans(), max_size=30))
def test_runs_are_where_a_mask_holds(mask) -> None:
    again = np.zeros(len(mask), np.bool_)
    first, stop = runs(np.array(mask, np.bool_))
    for a, b in zip(first, stop, strict=True):
        assert not again[a:b].any()
        assert a == 0 or not mask[a - 1]
        again[a:b] = True
    assert again.tolist() == mask


@pytest.mark.parametrize("every", [True, False])
def test_a_ranking_of_one_class_is_nothing(every: bool) -> None:
    labelled = np.full(9, every)
    assert math.isnan(vus_pr(labelled, np.arange(9.0)))
    assert math.isnan(average_precision(labelled, np.arange(9.0)))


def labelled_at(count: int, *stretches: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(count, np.bool_)
    for first, stop in stretches:
        mask[first:stop] = True
    return mask


def test_the_lead_is_from_an_open_episode_to_the_failure_and_no_longer_than_the_event() -> None:
    label = labelled_at(100, (10, 20), (40, 50), (60, 70), (90, 100))
    failed_ns = np.full(100, NEVER)
    for place, failed in ((10, 20), (40, 44), (60, 75), (90, 99)):
        failed_ns[place] = T0_NS + failed * INTERVAL_NS
    episodes = [episode(14, 17), episode(45, 65)]
    judged = judge(tracks_of(scored(np.zeros(100)), label, episodes, failed_ns))
    # Ahead; after it; open before the event, of which it counts from the beginning; missed.
    leads = [None if e.lead_ns is None else e.lead_ns // INTERVAL_NS for e in judged.events]
    assert leads == [6, -1, 15, None]
    assert judged.metrics.lead_s == 6 * INTERVAL_NS / NS_PER_S
    assert math.isnan(judge(tracks_of(scored(np.zeros(100)), label, episodes)).metrics.lead_s)


def test_each_event_knows_its_first_episode_and_its_delay() -> None:
    label = labelled_at(100, (10, 20), (40, 50), (60, 70), (90, 100))
    episodes = [episode(14, 17), episode(18, 30), episode(45, 65), episode(75, 80)]
    judged = judge(tracks_of(scored(np.zeros(100)), label, episodes))
    assert [(e.episode, e.delay) for e in judged.events] == [(0, 4), (2, 5), (2, 0), (None, -1)]
    assert [e.delay_ns for e in judged.events[:2]] == [4 * INTERVAL_NS, 5 * INTERVAL_NS]
    assert judged.events[0].from_ns == T0_NS + 10 * INTERVAL_NS
    assert judged.events[0].to_ns == T0_NS + 19 * INTERVAL_NS
    assert judged.hits == {0, 1, 2}
    found = judged.metrics
    assert (found.events, found.events_found, found.false_episodes) == (4, 3, 1)
    assert (found.episode_precision, found.event_recall) == (0.75, 0.75)
    assert found.delay_readings == 4
    assert found.delay_s == 4 * INTERVAL_NS / NS_PER_S
    assert found.false_per_10_000 == 100
    assert found.open_share == pytest.approx(0.40)
    assert found.normal_open_share == pytest.approx(25 / 60)


def test_an_episode_that_touches_an_event_without_sharing_a_reading_is_false() -> None:
    label = labelled_at(50, (20, 30))
    for first, stop, is_hit in ((10, 20, False), (10, 21, True), (29, 35, True), (30, 35, False)):
        judged = judge(tracks_of(scored(np.zeros(50)), label, [episode(first, stop)]))
        assert bool(judged.hits) is is_hit
        assert (judged.events[0].episode is not None) is is_hit


def test_an_open_episode_lasts_to_the_end() -> None:
    judged = judge(tracks_of(scored(np.zeros(50)), labelled_at(50, (45, 50)), [episode(30, None)]))
    assert judged.metrics.open_share == pytest.approx(0.4)
    assert judged.hits == {0}


def test_without_labels_episodes_are_counted_and_nothing_else() -> None:
    judged = judge(tracks_of(scored(np.zeros(50)), labelled_at(50), [episode(5, 10)]))
    found = judged.metrics
    assert (found.readings, found.episodes, found.episodes_per_10_000) == (50, 1, 200)
    assert found.open_share == pytest.approx(0.1)
    assert math.isnan(found.vus_pr)
    assert math.isnan(found.episode_f1)


def test_entities_interleaved_are_judged_as_each_by_itself() -> None:
    rng = np.random.default_rng(0)
    label = [labelled_at(200, (50, 60)), labelled_at(200, (100, 130), (150, 155)), labelled_at(200)]
    score = [rng.normal(size=200) + mask for mask in label]
    is_open = [one > 1.5 for one in score]
    alone = [
        judge(tracks_of(scored(s), m, episodes_where(o)))
        for s, m, o in zip(score, label, is_open, strict=True)
    ]
    entity = np.tile([0, 1, 2], 200)
    episodes = [
        episode(e.opened_row * 3 + k, None if e.stop_row is None else e.stop_row * 3 + k, k)
        for k in range(3)
        for e in episodes_where(is_open[k])
    ]
    mixed = scored(np.column_stack(score).ravel(), entity)
    together = judge(tracks_of(mixed, np.column_stack(label).ravel(), episodes))
    metrics = [one.metrics for one in alone]
    found = together.metrics
    # The third entity has no event, so no ranking; its episodes are all false.
    assert found.vus_pr == pytest.approx(np.mean([metrics[0].vus_pr, metrics[1].vus_pr]))
    assert found.auc_pr == pytest.approx(np.mean([metrics[0].auc_pr, metrics[1].auc_pr]))
    assert found.episodes == sum(one.episodes for one in metrics)
    assert found.events_found == sum(one.events_found for one in metrics)
    assert (
        found.false_episodes == sum(one.false_episodes for one in metrics[:2]) + metrics[2].episodes
    )
    assert [e.delay for e in together.events] == [e.delay for one in alone for e in one.events]


def test_readings_without_a_score_and_dropped_ones_are_not_judged() -> None:
    whole = scored(np.concatenate([[np.nan] * 10, np.zeros(40)]))
    status = whole.status.copy()
    status[20:22] = Status.LATE
    with_late = Scored(whole.entity, whole.time_ns, whole.anomaly_score, whole.score_ratio, status)
    label = labelled_at(50, (0, 5), (24, 30))
    judged = judge(tracks_of(with_late, label, [episode(15, 26)]))
    assert judged.metrics.readings == 38
    assert judged.metrics.events == 1
    assert judged.events[0].delay == 0
    assert judged.metrics.open_share == pytest.approx(9 / 38)
