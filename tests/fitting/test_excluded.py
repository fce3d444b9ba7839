"""Readings that are left out of a fit: as if they had never come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sentinel import store
from sentinel.errors import DataError
from sentinel.fitted import FittedModel
from sentinel.fitting import fit
from sentinel.fitting.settings import FitSettings
from sentinel.model.training import TrainingSettings
from sentinel.records import NS_PER_S, BoolArray, FloatArray, Readings
from tests.detector.joint import joint_settings
from tests.detector.toy import START_NS

ROWS, FITTED = 400, 312  # of 390 rows that are left, the oldest 80%
PLAIN = FitSettings(
    "reconstruct", hidden=4, window_length=8, training=TrainingSettings(epochs_max=2)
)


def history_of(values: FloatArray) -> Readings:
    """A reading a second."""
    rows = np.arange(len(values))
    zeros = np.zeros(len(values), np.int32)
    return Readings(zeros, START_NS + rows * NS_PER_S, zeros, rows, values)


def waves(rows: int = ROWS) -> FloatArray:
    noise = np.random.default_rng(0).normal(0.0, 0.1, (rows, 2))
    return 50.0 + np.sin(np.arange(rows)[:, None] / 4 + np.arange(2)) + noise


def mask(*stretches: tuple[int, int], rows: int = ROWS) -> BoolArray:
    found = np.zeros(rows, np.bool_)
    for first, stop in stretches:
        found[first:stop] = True
    return found


def fitted(history: Readings, excluded: BoolArray | None, **changes: Any) -> FittedModel:
    settings = PLAIN if changes.get("kind") == "reconstruct" else joint_settings(**changes)
    return fit(history, ("a", "b"), settings, excluded=excluded)


def stored_bytes(model: FittedModel, directory: Path) -> dict[str, bytes]:
    store.save(model, directory)
    return {entry.name: entry.read_bytes() for entry in directory.iterdir()}


@pytest.mark.parametrize("kind", ["joint", "reconstruct"])
def test_what_excluded_readings_hold_changes_not_one_byte(tmp_path: Path, kind: str) -> None:
    excluded = mask((50, 60), (350, 352))
    wild = waves()
    wild[excluded] = 1e6
    models = [fitted(history_of(values), excluded, kind=kind) for values in (waves(), wild)]
    one, two = (stored_bytes(model, tmp_path / str(n)) for n, model in enumerate(models))
    assert one == two
    assert models[0].summary["rows_excluded"] == 12
    assert models[0].summary["rows_used"] == ROWS - 12
    assert fitted(history_of(wild), None, kind=kind).scaling.spread[0] > 1000


def test_a_fit_without_a_mask_is_that_of_an_empty_one(tmp_path: Path) -> None:
    one, two = fitted(history_of(waves()), None), fitted(history_of(waves()), mask())
    assert stored_bytes(one, tmp_path / "a") == stored_bytes(two, tmp_path / "b")


@pytest.mark.parametrize(("first", "stop", "gap"), [
    (100, 105, False), (100, 112, True), (340, 345, False), (340, 352, True),
])  # fmt: skip
def test_excluded_readings_never_came_to_what_trains_and_what_calibrates(
    first: int, stop: int, gap: bool
) -> None:
    """So a stretch of them that is longer than the longest gap is one, and a shorter one is not."""
    whole, some = history_of(waves()), mask((first, stop))
    without, excluded = fitted(whole.take(np.flatnonzero(~some)), None), fitted(whole, some)
    assert excluded.summary["segments"] == without.summary["segments"] == 1 + gap
    assert excluded.summary["windows_train"] == without.summary["windows_train"]
    assert excluded.parameters.flat.tobytes() == without.parameters.flat.tobytes()
    scores = [model.calibration_scores.tobytes() for model in (excluded, without)]
    assert scores[0] == scores[1]


def test_a_history_of_which_too_little_is_left_is_too_short() -> None:
    with pytest.raises(DataError, match="the history is too short: 40 usable rows"):
        fitted(history_of(waves()), mask((0, 360)))
