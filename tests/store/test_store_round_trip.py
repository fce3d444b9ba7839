"""What the store writes it reads back to the last bit; the same model makes the same bytes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sentinel import store
from sentinel.errors import ModelError
from sentinel.fitted import FittedModel
from sentinel.model.architecture import Architecture
from sentinel.score.reconstruction import WindowScores
from sentinel.window.scaling import ValueRange
from tests.detector.toy import toy_model
from tests.model.fitted import plain_scorer
from tests.store.damage import weights_of

ARCHITECTURES = [
    Architecture(2, 4),
    Architecture(3, 7, encoder_layers=2, decoder_layers=3, bidirectional=True, dropout=0.25),
]


def assert_same_model(found: FittedModel, expected: FittedModel) -> None:
    for name in ("channels", "window_length", "window_stride", "interval_ns", "max_gap_ns",
                 "threshold", "summary", "name", "version"):  # fmt: skip
        assert getattr(found, name) == getattr(expected, name)
    assert found.scaling.method == expected.scaling.method
    assert found.parameters.architecture == expected.parameters.architecture
    for one, other in (
        (found.scaling.centre, expected.scaling.centre),
        (found.scaling.spread, expected.scaling.spread),
        (found.history_range.lowest, expected.history_range.lowest),
        (found.history_range.highest, expected.history_range.highest),
        (found.error_scale, expected.error_scale),
        (found.parameters.flat, expected.parameters.flat),
    ):
        assert one.dtype == other.dtype
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("architecture", ARCHITECTURES, ids=["small", "deep"])
def test_a_model_comes_back_as_it_was(tmp_path: Path, architecture: Architecture) -> None:
    model = toy_model(architecture.channels, architecture=architecture, threshold=1 / 3)
    model.history_range.lowest[0] = model.history_range.highest[0] = np.nan  # never had a value
    saved = store.save(model, tmp_path / "pumps")
    assert saved.name == "pumps"
    assert_same_model(store.load(tmp_path / "pumps"), saved)
    rows = np.random.default_rng(0).normal(size=(15, architecture.channels)).astype(np.float32)

    def scores(model: FittedModel) -> WindowScores:
        places = np.array([0, 5, 10]), np.full(3, model.window_length)
        return plain_scorer(model).score_windows(rows, *places)

    loaded = scores(store.load(tmp_path / "pumps"))
    np.testing.assert_array_equal(loaded.anomaly_score, scores(model).anomaly_score)
    assert np.isfinite(loaded.anomaly_score).all()


@pytest.mark.parametrize("broken", ["weight", "threshold"])
def test_what_load_would_refuse_is_not_written(tmp_path: Path, broken: str) -> None:
    """Training may diverge; the older model there stays."""
    good = store.save(toy_model(2, threshold=1 / 3), tmp_path / "pumps")
    bad = toy_model(2, threshold=np.inf if broken == "threshold" else 1.0)
    if broken == "weight":
        bad.parameters.flat[3] = np.nan
    with pytest.raises(ModelError, match="diverged"):
        store.save(bad, tmp_path / "pumps")
    assert store.load(tmp_path / "pumps").version == good.version


def contents(directory: Path) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in directory.iterdir()}


def test_the_same_model_makes_the_same_bytes(tmp_path: Path) -> None:
    store.save(toy_model(), tmp_path / "a")
    store.save(toy_model(), tmp_path / "b")
    store.save(store.load(tmp_path / "a"), tmp_path / "c")
    store.save(toy_model(), tmp_path / "a")
    assert contents(tmp_path / "a") == contents(tmp_path / "b") == contents(tmp_path / "c")


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": 1.5},
        {"channels": ("x", "y")},
        {"max_gap_ns": 1},
        {"summary": {"rows": 101}},
        {"parameters": toy_model(seed=1).parameters},
        {"error_scale": np.array([1.0, 1.2])},
        {"history_range": ValueRange(np.zeros(2), np.ones(2))},
    ],
    ids=lambda change: next(iter(change)),
)
def test_any_change_is_another_version(tmp_path: Path, change: dict[str, object]) -> None:
    one = store.save(toy_model(), tmp_path / "a")
    other = store.save(replace(toy_model(), **change), tmp_path / "b")
    assert one.version != other.version


def test_a_manifest_can_be_read_by_people(tmp_path: Path) -> None:
    store.save(toy_model(), tmp_path)
    text = (tmp_path / "manifest.json").read_text()
    assert len(text.splitlines()) > 40
    manifest = json.loads(text)
    assert manifest["format_version"] == 5
    assert manifest["channels"] == ["channel-0", "channel-1"]
    assert manifest["interval_ns"] == 10**9
    assert manifest["scaling"] == {"method": "standard", "centre": [0, 10], "spread": [1, 2]}
    assert manifest["summary"]["rows"] == 100
    assert {"python", "numpy", "numba", "safetensors"} < manifest["libraries"].keys()
    assert len(manifest["payload"]["sha256"]) == 64


def test_saving_again_replaces_the_model_and_leaves_no_old_weights(tmp_path: Path) -> None:
    store.save(toy_model(), tmp_path / "m")
    old = weights_of(tmp_path / "m")
    saved = store.save(toy_model(seed=1), tmp_path / "m")
    assert not old.exists()
    assert_same_model(store.load(tmp_path / "m"), saved)
    assert len(contents(tmp_path / "m")) == 2


def test_folders_on_the_way_are_made(tmp_path: Path) -> None:
    store.save(toy_model(), tmp_path / "a" / "b" / "c")
    assert store.load(str(tmp_path / "a" / "b" / "c")).name == "c"


def test_a_relative_path_has_a_name_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "turbine").mkdir()
    monkeypatch.chdir(tmp_path / "turbine")
    assert store.save(toy_model(), ".").name == "turbine"
    assert store.load(".").name == "turbine"


def test_files_of_the_user_beside_a_model_are_never_removed(tmp_path: Path) -> None:
    store.save(toy_model(), tmp_path)
    for name in ("notes.txt", "manifest.json.bak", "weights-old.safetensors", "weights-x.tmp"):
        (tmp_path / name).write_text("mine")
    (tmp_path / "weights-0123456789ab.safetensors.d").mkdir()
    store.save(toy_model(seed=1), tmp_path)
    assert len(list(tmp_path.iterdir())) == 2 + 5


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ModelError, match="directory with other files in it") as caught:
        store.save(toy_model(), tmp_path)
    assert caught.value.where == str(tmp_path)
    assert contents(tmp_path) == {"thesis.txt": b"mine"}


def test_a_file_is_not_overwritten_by_a_model(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("mine")
    with pytest.raises(ModelError, match="is a file; a model is a directory") as caught:
        store.save(toy_model(), tmp_path / "model")
    assert caught.value.where == str(tmp_path / "model")
    assert (tmp_path / "model").read_text() == "mine"


def test_a_path_below_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ModelError, match="cannot write the model: Not a directory") as caught:
        store.save(toy_model(), tmp_path / "file" / "model")
    assert caught.value.where == str(tmp_path / "file" / "model")
