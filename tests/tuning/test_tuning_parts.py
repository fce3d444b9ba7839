"""The parts: nothing that chooses is reported, and no known anomaly is cut in two."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sentinel.backtest.episodes import Episode
from sentinel.backtest.labels import Labels
from sentinel.backtest.metrics import judge
from sentinel.backtest.tracks import Scored, tracks_of
from sentinel.records import Readings
from sentinel.tuning.parts import NEWEST, between, cut_by_labels, cut_by_time, earlier, set_aside

COUNT = 200
STRETCHES = st.lists(
    st.tuples(st.integers(0, COUNT - 1), st.integers(0, 30)), min_size=1, max_size=8
)


def readings_of(entities: int, count: int = COUNT, start: int = 0) -> Readings:
    """One reading of one entity at each time, in turn."""
    return Readings(
        np.arange(count, dtype=np.int32) % entities,
        np.arange(start, start + count),
        np.zeros(count, np.int32),
        np.arange(count),
        np.zeros((count, 1)),
    )


def labels_of(stretches: list[tuple[int, int]]) -> Labels:
    first = np.array([first for first, _ in stretches])
    return Labels(first, first + np.array([length for _, length in stretches]))


@given(STRETCHES)
def test_a_cut_is_in_no_stretch_and_leaves_some_on_both_sides(
    stretches: list[tuple[int, int]],
) -> None:
    labels = labels_of(stretches)
    cut = cut_by_labels(labels, readings_of(1), ["a"])
    possible = [
        at for at in range(COUNT + 1)
        if (labels.to_ns < at).any() and (labels.from_ns >= at).any()
        and not ((labels.from_ns < at) & (labels.to_ns >= at)).any()
    ]  # fmt: skip
    assert (cut is None) == (not possible)
    if cut is not None:
        assert cut in possible
        before = int((labels.to_ns < cut).sum())
        nearest = min(abs(2 * int((labels.to_ns < at).sum()) - len(labels)) for at in possible)
        assert abs(2 * before - len(labels)) == nearest


def test_stretches_without_a_reading_part_nothing() -> None:
    labels = labels_of([(10, 5), (COUNT + 50, 5), (COUNT + 90, 5)])
    assert cut_by_labels(labels, readings_of(1), ["a"]) is None


def test_one_known_anomaly_cannot_be_parted_and_of_three_two_choose() -> None:
    assert cut_by_labels(labels_of([(10, 5)]), readings_of(1), ["a"]) is None
    cut = cut_by_labels(labels_of([(10, 5), (50, 5), (90, 5)]), readings_of(1), ["a"])
    assert cut is not None
    assert 55 < cut <= 90


@given(st.integers(1, 4), st.integers(4, 90))
def test_the_newest_quarter_of_each_entity_is_set_aside(entities: int, count: int) -> None:
    readings = readings_of(entities, count)
    older, newer = set_aside(readings)
    assert sorted([*older.time_ns, *newer.time_ns]) == readings.time_ns.tolist()
    for e in range(entities):
        kept, aside = older.time_ns[older.entity == e], newer.time_ns[newer.entity == e]
        assert len(aside) == (len(kept) + len(aside)) // 4
        if len(aside):
            assert kept.max() < aside.min()


def test_what_came_before_is_of_the_same_entity() -> None:
    history = readings_of(2, 10)
    later = readings_of(2, 10, 6)
    one = replace(later, entity=np.zeros(10, np.int32))
    assert earlier(history, one).time_ns.tolist() == [0, 2, 4]
    assert len(earlier(history, readings_of(2, 4))) == 0


def test_a_half_has_half_of_the_readings() -> None:
    readings = readings_of(3)
    assert (readings.time_ns < cut_by_time(readings)).sum() == COUNT // 2


@given(
    st.lists(st.integers(0, COUNT - 1), min_size=2, max_size=8, unique=True).map(sorted),
    st.integers(0, COUNT),
)
def test_parts_share_no_reading_and_leave_none_out(edges: list[int], cut: int) -> None:
    """Of the readings in episodes, too: one that stands at the cut is cut there."""
    readings = readings_of(1)
    scored = Scored(
        readings.entity, readings.time_ns, np.ones(COUNT), np.ones(COUNT),
        np.zeros(COUNT, np.uint8),
    )  # fmt: skip
    episodes = [
        Episode(0, first, stop, stop, first, first, stop, 2.0, 2.0, ())
        for first, stop in zip(edges[::2], edges[1::2], strict=False)
    ]
    whole = list(tracks_of(scored, np.zeros(COUNT, np.bool_), episodes))
    parts = [between(whole, 0, cut), between(whole, cut, NEWEST)]
    rows = [row for part in parts for track in part for row in track.rows.tolist()]
    assert rows == list(range(COUNT))
    in_parts = [judge(part).metrics for part in parts if part]
    assert round(sum(one.open_share * one.readings for one in in_parts)) == round(
        judge(whole).metrics.open_share * COUNT
    )
