"""A fit of what judges every reading: same bytes, any history, nothing judged by what it fitted."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sentinel import store
from sentinel.alert.rules import SMOOTHED_THRESHOLD, recommended_rules
from sentinel.detector import Detector
from sentinel.errors import DataError, ModelError
from sentinel.fitted import KINDS_OF, FittedModel
from sentinel.fitting import fit
from sentinel.model.prepared import Backend
from sentinel.model.training import Progress
from sentinel.records import NS_PER_S, FloatArray, Readings, Scores, Status
from sentinel.score.kinds import BLOCKS, KINDS
from tests.detector.joint import joint_settings
from tests.detector.toy import START_NS

EVERY_KIND = tuple(range(KINDS))


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    """What NumPy mutters of empty slices would stand in front of an operator."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        yield


def history_of(values: FloatArray, entities: int = 1) -> Readings:
    """Rows a second apart; several entities take turns."""
    rows = len(values)
    return Readings(
        (np.arange(rows) % entities).astype(np.int32),
        START_NS + np.arange(rows) // entities * NS_PER_S,
        np.zeros(rows, np.int32),
        np.arange(rows, dtype=np.int64),
        values,
    )


def waves(rows: int, channels: int = 3, seed: int = 0) -> FloatArray:
    noise = np.random.default_rng(seed).normal(0.0, 0.1, (rows, channels))
    return 50.0 + np.sin(np.arange(rows)[:, None] / 4 + np.arange(channels)) + noise


def fitted(history: Readings, **changes: Any) -> FittedModel:
    names = tuple(f"c{f}" for f in range(history.values.shape[1]))
    return fit(history, names, joint_settings(**changes))


def scores_of(model: FittedModel, readings: Readings) -> Scores:
    return Detector(model, recommended_rules(model.kind)).process(readings).scores


def assert_usable(model: FittedModel, readings: Readings, directory: Path) -> None:
    """Stored and loaded it scores the same bits, and every full window has a finite score."""
    saved = store.save(model, directory)
    loaded = store.load(directory)
    assert loaded.version == saved.version
    scores, again = scores_of(model, readings), scores_of(loaded, readings)
    assert again.anomaly_score.tobytes() == scores.anomaly_score.tobytes()
    full = (scores.filled == model.window_length) & (scores.status == 0)
    assert full.any()
    assert np.isfinite(scores.anomaly_score[full]).all()


def stored_bytes(model: FittedModel, directory: Path) -> dict[str, bytes]:
    store.save(model, directory)
    return {entry.name: entry.read_bytes() for entry in directory.iterdir()}


# Same seed, same bytes.


def test_the_same_seed_gives_the_same_bytes_whatever_the_threads(tmp_path: Path) -> None:
    history, names = history_of(waves(300)), ("a", "b", "c")
    one = fit(history, names, joint_settings())
    two = fit(history, names, joint_settings(), backend=Backend(threads=3))
    assert stored_bytes(one, tmp_path / "a") == stored_bytes(two, tmp_path / "b")
    seeded = replace(joint_settings().training, seed=1)
    other = fit(history, names, joint_settings(training=seeded))
    assert other.parameters.flat.tobytes() != one.parameters.flat.tobytes()


# What is fitted, and what calibrates.


def test_rows_that_calibrate_change_nothing_that_is_fitted() -> None:
    """But the scaling, which is of all rows: min and max are not, between these."""
    values = waves(300)
    values[10], values[11] = 40, 60
    model = fitted(history_of(values), scaling="min-max")
    other_values = values.copy()
    other_values[240:] = values[240:][::-1] + 3
    other = fitted(history_of(other_values), scaling="min-max")
    assert other.parameters.flat.tobytes() == model.parameters.flat.tobytes()
    one, two = model.recipe, other.recipe
    assert one
    assert two
    for name in ("subspace", "nearest", "dispersion"):
        mine, theirs = getattr(one.companions, name), getattr(two.companions, name)
        for field in mine.__dataclass_fields__:
            np.testing.assert_array_equal(getattr(mine, field), getattr(theirs, field))
    assert (one.calibration.usual.size != two.calibration.usual.size).any()


def test_the_newest_fifth_calibrates() -> None:
    model = fitted(history_of(waves(400)))
    assert model.summary["rows_calibration"] == len(model.calibration_scores) == 80
    assert model.threshold == SMOOTHED_THRESHOLD
    assert np.mean(model.calibration_scores >= 2.2) == pytest.approx(0.1, abs=0.05)


def test_what_is_usual_is_learnt_as_the_stream_scores_it() -> None:
    """Whole machines calibrate here, each in four turns, by four numbers.

    The stream of the first of them scores the same bits from its beginning.
    """
    history = history_of(waves(1200), entities=40)
    model = fitted(history)
    recipe = model.recipe
    assert recipe
    usual = replace(recipe.calibration.usual, level=recipe.calibration.usual.size)
    calibration = replace(recipe.calibration, usual=usual)
    model_then = replace(model, recipe=replace(recipe, calibration=calibration))
    readings = history.take(np.flatnonzero(history.entity >= 32))
    readings = replace(readings, entity=4 * (readings.entity - np.int32(32)))
    scores = scores_of(model_then, readings)
    streamed = [
        scores.anomaly_score[(readings.entity == 4 * e) & (scores.status == Status.OK)]
        for e in range(8)
    ]
    assert np.concatenate(streamed).tobytes() == model.calibration_scores.tobytes()


# Histories as they come.


@pytest.mark.parametrize("kind", ["joint", "light", "forecast"])
@pytest.mark.parametrize("channels", [1, 2])
def test_one_channel_and_two_fit(tmp_path: Path, kind: str, channels: int) -> None:
    history = history_of(waves(300, channels))
    model = fitted(history, kind=kind)
    assert model.recipe
    assert model.recipe.companions.blocks is None
    kinds = {"joint": EVERY_KIND[:BLOCKS]}.get(kind, KINDS_OF[kind])
    assert model.recipe.calibration.kinds == kinds
    assert_usable(model, history, tmp_path)


@pytest.mark.parametrize(("channels", "rows", "blocks"), [(2, 950, 64), (2, 600, 0), (1, 950, 0)])
def test_block_means_need_long_windows_two_channels_and_many_rows(
    tmp_path: Path, channels: int, rows: int, blocks: int
) -> None:
    history = history_of(waves(rows, channels))
    model = fitted(history, window_length=64)
    assert model.recipe
    found = model.recipe.companions.blocks
    assert (found.reach(channels) if found else 0) == blocks
    assert (BLOCKS in model.recipe.calibration.kinds) == bool(blocks)
    assert_usable(model, history, tmp_path)


def test_the_window_is_a_fifth_of_the_longest_entity_unless_it_is_given() -> None:
    assert fitted(history_of(waves(150)), window_length=0).window_length == 30


def test_a_constant_channel_fits_and_is_seen_when_it_moves(tmp_path: Path) -> None:
    values = waves(400)
    values[:, 1] = 7.0
    history = history_of(values)
    model = fitted(history)
    assert model.summary["channels_constant"] == ["c1"]
    assert_usable(model, history, tmp_path)
    calm = scores_of(model, history).score_ratio
    assert np.nanmax(calm[:200]) < 1
    values[350:, 1] = 9.0
    [opened] = Detector(model, recommended_rules("joint")).process(history).events[:1]
    assert 350 <= opened.row <= 352
    assert opened.contributions[0].channel == "c1"
    assert opened.contributions[0].observed == 9.0
    assert (opened.contributions[0].lowest, opened.contributions[0].highest) == (7.0, 7.0)
    assert opened.contributions[0].expected == pytest.approx(7.0, abs=1)


@pytest.mark.parametrize("channels", [1, 2])
def test_a_history_of_constant_channels_fits_and_rounding_is_no_movement(
    tmp_path: Path, channels: int
) -> None:
    values = np.tile([3.0, 0.0][:channels], (300, 1))
    model = fitted(history_of(values))
    assert_usable(model, history_of(values), tmp_path)
    for moved, alarm in ((0.0, False), (1e-6, False), (1.0, True)):
        values[250:, 0] = 3.0 + moved
        ratio = scores_of(model, history_of(values)).score_ratio
        assert (np.nanmax(ratio) >= 1) == alarm


def test_holes_gaps_and_late_rows_fit(tmp_path: Path) -> None:
    values = waves(700)
    rng = np.random.default_rng(0)
    values[rng.random(values.shape) < 0.1] = np.nan
    values[rng.random(700) < 0.02] = np.nan
    history = history_of(values, entities=2)
    history.time_ns[300:] += 100 * NS_PER_S
    history.time_ns[650:] += 100 * NS_PER_S
    history.time_ns[40] -= 9 * NS_PER_S
    model = fitted(history)
    assert model.summary["segments"] == 6
    assert model.summary["rows_late"] == 1
    assert_usable(model, history, tmp_path)


@pytest.mark.parametrize("part", [slice(0, 240), slice(240, 300), slice(0, 300)])
def test_a_channel_without_a_value_in_a_part_of_the_history_fits(
    tmp_path: Path, part: slice
) -> None:
    values = waves(300)
    values[part, 1] = np.nan
    model = fitted(history_of(values))
    assert_usable(model, history_of(waves(300)), tmp_path)
    assert_usable(model, history_of(values), tmp_path)


def test_many_short_entities_fit(tmp_path: Path) -> None:
    """Thirty readings each: whole ones are fitted, others calibrate."""
    history = history_of(waves(1200), entities=40)
    model = fitted(history)
    assert model.summary["rows_calibration"] == 8 * (30 - 16 + 1)
    assert model.summary["windows_train"] == 32 * (30 - 16 + 1)
    assert_usable(model, history, tmp_path)


@pytest.mark.parametrize("rows", [0, 1, 40, 70])
def test_a_history_that_is_too_short_is_refused_with_the_minimum(rows: int) -> None:
    """71: a window and 31 readings to fit, a window and 8 readings to calibrate."""
    with pytest.raises(DataError, match=rf"{rows} usable rows? .*; 71 rows .* are enough"):
        fitted(history_of(waves(rows)))


def test_the_minimum_is_enough(tmp_path: Path) -> None:
    assert_usable(fitted(history_of(waves(71))), history_of(waves(71)), tmp_path)


def test_machines_that_never_fill_a_window_are_refused_before_anything_trains() -> None:
    told: list[Progress] = []
    with pytest.raises(DataError, match="0 windows of 16 readings"):
        fit(
            history_of(waves(600), entities=60), ("a", "b", "c"), joint_settings(),
            on_step=told.append,
        )  # fmt: skip
    assert told == []


def test_a_bidirectional_encoder_is_refused_for_it_has_seen_the_answer() -> None:
    with pytest.raises(ModelError, match="has seen the answer"):
        fitted(history_of(waves(300)), bidirectional=True)


# What it tells.


def test_the_summary_is_whole_and_the_manifest_holds_it(tmp_path: Path) -> None:
    told: list[Progress] = []
    history = history_of(waves(300))
    model = fit(history, ("a", "b", "c"), joint_settings(), on_step=told.append)
    assert [p.step for p in told] == list(range(1, 31))
    summary = dict(model.summary)
    assert {name: summary.pop(name) for name in (
        "rows", "windows_train", "rows_calibration", "steps", "interrupted", "threshold",
    )} == {
        "rows": 300, "windows_train": 240 - 16 + 1, "rows_calibration": 60, "steps": 30,
        "interrupted": False, "threshold": SMOOTHED_THRESHOLD,
    }  # fmt: skip
    for name in ("loss_train", "gradient_norm", "clipped_share", "threshold_reached_calibration"):
        assert math.isfinite(summary[name])
    store.save(model, tmp_path)
    assert json.loads((tmp_path / "manifest.json").read_text())["summary"]["rows"] == 300


@pytest.mark.parametrize("steps", [0, 7])
def test_an_interrupted_fit_is_a_model_that_says_so(tmp_path: Path, steps: int) -> None:
    told: list[Progress] = []
    history = history_of(waves(300))
    model = fit(
        history, ("a", "b", "c"), joint_settings(),
        on_step=told.append, should_stop=lambda: len(told) >= steps,
    )  # fmt: skip
    assert (model.summary["steps"], model.summary["interrupted"]) == (steps, True)
    assert_usable(model, history, tmp_path)
