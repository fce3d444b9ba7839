"""A fit: the same bytes from the same seed, whatever the history is like, and a whole summary."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import DTypeLike, NDArray

from sentinel import store
from sentinel.alert.episodes import EpisodeRules
from sentinel.detector import Detector
from sentinel.errors import DataError
from sentinel.fitted import FittedModel
from sentinel.fitting import fit
from sentinel.fitting.history import GAP_INTERVALS
from sentinel.fitting.plain import THRESHOLD_MIN
from sentinel.fitting.settings import FitSettings
from sentinel.model.prepared import Backend
from sentinel.model.training import Progress, TrainingSettings
from sentinel.records import NS_PER_S, FloatArray, Readings
from tests.detector.toy import START_NS

SETTINGS = FitSettings(
    "reconstruct",
    hidden=4,
    training=TrainingSettings(epochs_max=3, batch_size=16, learning_rate=0.01),
)
INTERVAL_NS = 60 * NS_PER_S


def history_of(values: FloatArray, entities: int = 1) -> Readings:
    """Rows a minute apart; several entities take turns."""
    rows = len(values)
    return Readings(
        (np.arange(rows) % entities).astype(np.int32),
        START_NS + np.arange(rows) // entities * INTERVAL_NS,
        np.zeros(rows, np.int32),
        np.arange(rows, dtype=np.int64),
        values,
    )


def waves(rows: int, channels: int = 2, seed: int = 0) -> FloatArray:
    phase = np.arange(channels)
    noise = np.random.default_rng(seed).normal(0.0, 0.1, (rows, channels))
    return 50.0 + np.sin(np.arange(rows)[:, None] / 4 + phase) + noise


def fit_waves(rows: int = 300, **settings: Any) -> FittedModel:
    return fit(history_of(waves(rows)), ("a", "b"), replace(SETTINGS, **settings))


def stored_bytes(model: FittedModel, directory: Path) -> dict[str, bytes]:
    store.save(model, directory)
    return {entry.name: entry.read_bytes() for entry in directory.iterdir()}


def assert_usable(model: FittedModel, readings: Readings, directory: Path) -> None:
    """It can be stored and loaded, and every full window has a finite score."""
    store.save(model, directory)
    scores = Detector(store.load(directory), EpisodeRules()).process(readings).scores
    full = scores.filled == model.window_length
    assert full.any()
    assert np.isfinite(scores.score_ratio[full & (scores.status == 0)]).all()


# Same seed, same bytes.


@pytest.mark.parametrize("threads", [1, 3])
def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, threads: int) -> None:
    changes = {"dropout": 0.2, "decoder_layers": 2}
    one = fit_waves(**changes)
    other = fit(
        history_of(waves(300)), ("a", "b"), replace(SETTINGS, **changes),
        backend=Backend(threads=threads),
    )  # fmt: skip
    assert stored_bytes(one, tmp_path / "a") == stored_bytes(other, tmp_path / "b")


def test_another_seed_gives_another_model() -> None:
    other = fit_waves(training=replace(SETTINGS.training, seed=1))
    assert other.parameters.flat.tobytes() != fit_waves().parameters.flat.tobytes()


def test_memory_maps_give_the_same_bytes_as_memory(tmp_path: Path) -> None:
    history = history_of(waves(300))
    mapped = {}
    for name in ("entity", "time_ns", "partition", "offset", "values"):
        np.save(tmp_path / f"{name}.npy", getattr(history, name))
        mapped[name] = np.load(tmp_path / f"{name}.npy", mmap_mode="r")
    allocated = []

    def allocate(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        allocated.append(np.memmap(tmp_path / f"{len(allocated)}", dtype, "w+", shape=shape))
        return allocated[-1]

    found = fit(Readings(**mapped), ("a", "b"), SETTINGS, allocate=allocate)
    expected = fit(history, ("a", "b"), SETTINGS)
    assert [rows.shape for rows in allocated] == [(300,), (300 - 2 * 52 - 2 * 36,), (300, 2)]
    assert stored_bytes(found, tmp_path / "a") == stored_bytes(expected, tmp_path / "b")


# Histories as they come.


@pytest.mark.parametrize("rows", [79, 90, 186])
def test_a_short_history_fits(tmp_path: Path, rows: int) -> None:
    model = fit_waves(rows)
    assert 4 <= model.window_length <= rows // 8
    assert min(model.summary[f"windows_{part}"] for part in ("train", "validation", "test")) > 0
    assert_usable(model, history_of(waves(rows)), tmp_path)


def test_a_history_that_is_too_short_is_refused_with_the_minimum() -> None:
    with pytest.raises(DataError, match=r"78 usable rows .*; 79 rows .* are enough"):
        fit_waves(78)


def test_no_rows_at_all_are_refused() -> None:
    with pytest.raises(DataError, match=r"0 usable rows .*; 79 rows .* are enough"):
        fit(Readings.empty(2), ("a", "b"), SETTINGS)


def test_a_history_without_channels_is_refused() -> None:
    with pytest.raises(DataError, match="the history has no numeric channel"):
        fit(history_of(np.empty((100, 0))), (), SETTINGS)


def test_a_history_of_constant_channels_fits_and_sees_them_move(tmp_path: Path) -> None:
    values = np.tile([3.0, 0.0], (200, 1))
    model = fit(history_of(values), ("a", "b"), SETTINGS)
    assert model.threshold == THRESHOLD_MIN
    assert model.summary["channels_constant"] == ["a", "b"]
    assert_usable(model, history_of(values), tmp_path)
    still = Detector(model, EpisodeRules()).process(history_of(values))
    assert (still.events, still.scores.is_anomaly.any()) == ([], False)
    values[150:, 1] = 1.0
    [event] = Detector(model, EpisodeRules()).process(history_of(values)).events
    assert event.start_ns == START_NS + 150 * INTERVAL_NS
    assert event.contributions[0].channel == "b"


def test_holes_and_a_channel_that_is_never_there_are_no_trouble(tmp_path: Path) -> None:
    values = waves(400, channels=3)
    values[np.random.default_rng(1).random(values.shape) < 0.3] = np.nan
    values[:, 1] = np.nan
    model = fit(history_of(values), ("a", "b", "c"), SETTINGS)
    assert model.summary["channels_constant"] == ["b"]
    assert model.summary["rows_empty"] == np.isnan(values).all(axis=1).sum() > 0
    assert_usable(model, history_of(values), tmp_path)


def test_a_channel_that_appears_only_after_training_is_no_trouble(tmp_path: Path) -> None:
    values = waves(300)
    values[:240, 1] = np.nan
    model = fit(history_of(values), ("a", "b"), SETTINGS)
    assert_usable(model, history_of(values), tmp_path)


def test_several_entities_of_any_length_fit(tmp_path: Path) -> None:
    history = history_of(waves(900), entities=3)
    # The last one has only a few rows left.
    few = np.flatnonzero((history.entity < 2) | (np.arange(900) < 60))
    history = Readings(*(getattr(history, name)[few] for name in Readings.__slots__))
    model = fit(history, ("a", "b"), SETTINGS)
    assert model.summary["entities"] == 3
    assert model.summary["rows_used"] == 620
    assert model.window_length == 37
    assert_usable(model, history, tmp_path)


def test_many_entities_too_short_for_parts_of_their_own_fit(tmp_path: Path) -> None:
    history = history_of(waves(20 * 15), entities=20)
    model = fit(history, ("a", "b"), SETTINGS)
    assert min(model.summary[f"windows_{part}"] for part in ("train", "validation", "test")) > 0
    assert_usable(model, history, tmp_path)


# Settings.


def test_a_gap_is_ten_intervals_unless_it_is_given() -> None:
    assert fit_waves().max_gap_ns == GAP_INTERVALS * INTERVAL_NS
    assert fit_waves(max_gap_ns=90 * NS_PER_S).max_gap_ns == 90 * NS_PER_S


def test_gaps_cut_the_history() -> None:
    history = history_of(waves(300))
    history.time_ns[150:] += GAP_INTERVALS * INTERVAL_NS
    assert fit(history, ("a", "b"), SETTINGS).summary["segments"] == 2
    wider = replace(SETTINGS, max_gap_ns=GAP_INTERVALS * INTERVAL_NS + INTERVAL_NS)
    assert fit(history, ("a", "b"), wider).summary["segments"] == 1


def test_window_and_scaling_are_as_asked() -> None:
    model = fit_waves(window_length=9, window_stride=3, scaling="robust")
    assert (model.window_length, model.window_stride) == (9, 3)
    assert model.scaling.method == "robust"
    assert model.summary["windows_train"] == (300 - 2 * (9 + 15 * 3) - 2 * 8 - 9) // 3 + 1


def test_a_rarer_exceedance_has_a_higher_threshold() -> None:
    assert fit_waves(exceed_probability=1e-8).threshold > fit_waves().threshold


def test_the_newest_rows_change_neither_scaling_nor_weights() -> None:
    """The last 15 percent test; they set the threshold, and nothing else."""
    values = waves(300)
    model = fit(history_of(values), ("a", "b"), SETTINGS)
    values[255:] += 40.0
    other = fit(history_of(values), ("a", "b"), SETTINGS)
    assert other.scaling.centre.tobytes() == model.scaling.centre.tobytes()
    assert other.scaling.spread.tobytes() == model.scaling.spread.tobytes()
    assert other.parameters.flat.tobytes() == model.parameters.flat.tobytes()
    assert other.summary["loss_validation"] == model.summary["loss_validation"]
    assert other.summary["loss_test"] > model.summary["loss_test"]


# What it tells.


def test_the_summary_says_everything() -> None:
    history = history_of(waves(300))
    history.time_ns[10] = history.time_ns[9]
    history.time_ns[20] -= 2 * INTERVAL_NS
    history.values[30] = np.nan
    model = fit(history, ("a", "b"), SETTINGS)
    found = dict(model.summary)
    assert {name: found.pop(name) for name in (
        "rows", "rows_used", "rows_duplicate", "rows_late", "rows_empty", "rows_excluded",
        "entities", "segments", "channels", "channels_constant", "interval_s", "epochs",
        "interrupted", "threshold",
    )} == {
        "rows": 300, "rows_used": 297, "rows_duplicate": 1, "rows_late": 1, "rows_empty": 1,
        "rows_excluded": 0, "entities": 1, "segments": 1, "channels": 2, "channels_constant": [],
        "interval_s": 60.0, "epochs": 3, "interrupted": False, "threshold": model.threshold,
    }  # fmt: skip
    windows = [found.pop(f"windows_{part}") for part in ("train", "validation", "test")]
    parts = [297 - 2 * 52 - 2 * 36, 52, 52]
    assert model.window_length == 37
    assert windows == [rows - 37 + 1 for rows in parts]
    assert found.pop("steps") == 3 * math.ceil(windows[0] / 16)
    assert found.pop("best_epoch") in range(4)
    assert {name for name, value in found.items() if math.isfinite(value)} == {
        "loss_train", "loss_validation", "loss_test", "gradient_norm", "clipped_share",
        "threshold_reached_validation", "threshold_reached_test",
    }  # fmt: skip


def test_progress_is_told_after_every_step() -> None:
    told: list[Progress] = []
    model = fit(history_of(waves(300)), ("a", "b"), SETTINGS, on_step=told.append)
    assert len(told) == model.summary["steps"]
    assert [p.epoch for p in told] == sorted(p.epoch for p in told)
    assert {(p.step, p.steps) for p in told if p.step == p.steps} == {(told[0].steps,) * 2}


def test_an_interrupted_fit_gives_the_best_model_so_far(tmp_path: Path) -> None:
    told: list[Progress] = []
    settings = replace(SETTINGS, training=replace(SETTINGS.training, epochs_max=50))
    model = fit(
        history_of(waves(300)), ("a", "b"), settings,
        on_step=told.append, should_stop=lambda: len(told) >= 14,
    )  # fmt: skip
    assert len(told) == model.summary["steps"] == 14
    assert model.summary["interrupted"] is True
    assert_usable(model, history_of(waves(300)), tmp_path)


def test_a_fit_interrupted_at_once_is_still_a_model(tmp_path: Path) -> None:
    model = fit(history_of(waves(300)), ("a", "b"), SETTINGS, should_stop=lambda: True)
    assert (model.summary["steps"], model.summary["best_epoch"]) == (0, 0)
    assert_usable(model, history_of(waves(300)), tmp_path)
