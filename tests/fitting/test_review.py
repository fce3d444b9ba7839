"""A history looked through by the model that was fitted to it."""

from __future__ import annotations

import numpy as np
import pytest

from sentinel.fitting import fit
from sentinel.fitting.review import Review, review
from sentinel.records import NS_PER_S, BoolArray, FloatArray, Readings
from tests.detector.joint import NAMES, WINDOW_LENGTH, joint_settings
from tests.detector.toy import START_NS

ROWS = 1500  # of each entity; 1200 fit, 300 calibrate
SETTINGS = joint_settings()


def history_of(values: FloatArray, entities: int = 1) -> Readings:
    """Rows a second apart; several entities take turns."""
    rows = np.arange(len(values))
    return Readings(
        (rows % entities).astype(np.int32),
        START_NS + rows // entities * NS_PER_S,
        np.zeros(len(rows), np.int32),
        rows,
        values,
    )


def waves(rows: int = ROWS) -> FloatArray:
    noise = np.random.default_rng(0).normal(0.0, 0.1, (rows, 3))
    return 50.0 + np.sin(np.arange(rows)[:, None] / 4 + np.arange(3)) + noise


def looked_through(history: Readings, excluded: BoolArray | None = None) -> Review:
    model = fit(history, NAMES, SETTINGS, excluded=excluded)
    return review(history, model, SETTINGS, excluded=excluded)


def test_a_clean_history_has_nothing_suspicious() -> None:
    found = looked_through(history_of(waves()))
    assert found.suspicious == ()
    assert found.looked_at == ROWS - WINDOW_LENGTH + 1


def test_faults_of_either_part_are_found_worst_first_with_time_and_channel() -> None:
    """One among the readings that fitted, a smaller one among those that calibrated."""
    values = waves()
    values[400:410, 1] += 30
    values[1350:1360, 2] -= 20
    history = history_of(values)
    found = looked_through(history).suspicious
    assert len(found) == 2
    by_time = sorted(found, key=lambda one: one.first)
    for one, (first, stop, channel) in zip(by_time, ((400, 410, 1), (1350, 1360, 2)), strict=True):
        assert first - 1 <= one.first <= first + 1
        assert stop <= one.stop <= stop + 2 * WINDOW_LENGTH
        assert one.shares[0][0] == channel
        assert one.peak_ratio > 1
        assert one.from_ns == history.time_ns[one.first]
        assert one.to_ns == history.time_ns[one.stop - 1]
    assert [one.peak_ratio for one in found] == sorted(
        (one.peak_ratio for one in found), reverse=True
    )


def test_two_faults_are_one_stretch_where_no_window_fits_between_them() -> None:
    values = waves()
    for first in (400, 400 + WINDOW_LENGTH, 700, 700 + 6 * WINDOW_LENGTH):
        values[first : first + 3, 0] += 30
    found = sorted((one.first, one.stop) for one in looked_through(history_of(values)).suspicious)
    assert len(found) == 3
    assert found[0][0] <= 400 + 1
    assert found[0][1] >= 400 + WINDOW_LENGTH + 3


def test_stretches_of_several_entities_name_theirs_and_are_never_one() -> None:
    values = waves(2 * ROWS)
    values[::2][-5:, 0] += 30
    values[1::2][700:705, 0] += 30
    found = looked_through(history_of(values, entities=2)).suspicious
    assert sorted(one.entity for one in found) == [0, 1]


def test_the_end_of_one_entity_and_the_held_out_beginning_of_the_next_are_two_stretches() -> None:
    """They are neighbours among the readings that are judged, not in the history."""
    values = waves(2 * ROWS)
    values[::2][-12:] += 6
    values[1::2][1197:1210] += 6
    found = looked_through(history_of(values, entities=2)).suspicious
    assert sum(one.readings for one in found) < 60
    assert {0, 1} == {one.entity for one in found}
    assert all(one.from_ns <= one.to_ns for one in found)


def test_what_is_excluded_already_is_not_looked_at() -> None:
    values = waves()
    values[400:410, 1] += 30
    excluded = np.zeros(ROWS, np.bool_)
    excluded[400:410] = True
    assert looked_through(history_of(values), excluded).suspicious == ()


def test_a_long_history_is_looked_at_in_blocks_all_over_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The blocks together are what a bounded memory holds; a block's first reading is judged."""
    history = history_of(waves())
    model = fit(history, NAMES, SETTINGS)
    whole = review(history, model, SETTINGS)
    monkeypatch.setattr("sentinel.fitting.review.BLOCK_ROWS", 100)
    assert review(history, model, SETTINGS).looked_at == whole.looked_at
    monkeypatch.setattr("sentinel.fitting.review.ROWS_MAX", 400)
    assert 600 <= review(history, model, SETTINGS).looked_at <= 800


def test_the_worst_stretches_are_left_out_as_far_as_the_share_goes() -> None:
    values = waves()
    for first, size in ((300, 60), (600, 40), (900, 20)):
        values[first : first + 12, 0] += size
    found = looked_through(history_of(values))
    assert len(found.suspicious) == 3
    first, second, third = (one.readings for one in found.suspicious)
    for share, count in ((1.0, 3), ((first + second) / ROWS, 2), (0.001, 0)):
        rows = np.zeros(ROWS, np.bool_)
        gone = found.leave_out(share, rows)
        assert gone == found.suspicious[:count]
        assert rows.sum() == sum((first, second, third)[:count])


def test_a_fit_without_a_faults_readings_sees_its_like_again() -> None:
    """What the faults cost: calibrated with them, the model takes them for usual."""
    values = waves()
    for first in (1300, 1420):
        values[first : first + 6, 1] += 4
    history = history_of(values)
    spoilt = fit(history, NAMES, SETTINGS)
    excluded = np.zeros(ROWS, np.bool_)
    gone = review(history, spoilt, SETTINGS).leave_out(0.2, excluded)
    assert len(gone) == 2
    cleaned = fit(history, NAMES, SETTINGS, excluded=excluded)
    assert spoilt.recipe
    assert cleaned.recipe
    one, two = (model.recipe.calibration.fused.scale[0] for model in (spoilt, cleaned))
    assert two < 0.75 * one
