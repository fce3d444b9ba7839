"""A joint model comes back to the last bit, and a recipe that lies is refused before it is used."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sentinel import store
from sentinel.errors import ModelError
from tests.detector.joint import CHANNELS, WINDOW_LENGTH, joint_model
from tests.store.damage import edit_manifest, edit_tensors, weights_of

Tensors = dict[str, np.ndarray[Any, Any]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that no test changes."""
    directory = tmp_path_factory.mktemp("whole") / "model"
    store.save(joint_model(), directory)
    return directory


@pytest.fixture
def model(whole: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(whole, tmp_path / "model"))


def refusal(directory: Path, file: str) -> str:
    """What is wrong, of an error that names the file and tells what to do."""
    with pytest.raises(ModelError) as caught:
        store.load(directory)
    assert caught.value.where == str(directory / file)
    assert caught.value.hint
    return caught.value.what


def assert_same(found: object, expected: object) -> None:
    """Dataclasses, field by field; arrays by their bytes."""
    assert type(found) is type(expected)
    if is_dataclass(expected):
        for field in fields(expected):
            assert_same(getattr(found, field.name), getattr(expected, field.name))
    elif isinstance(expected, np.ndarray):
        assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
        assert found.tobytes() == expected.tobytes()
    else:
        assert found == expected


@pytest.mark.parametrize("kind", ["joint", "light", "forecast"])
def test_a_recipe_comes_back_as_it_was(tmp_path: Path, kind: str) -> None:
    fitted = joint_model(kind)
    store.save(fitted, tmp_path / "a")
    loaded = store.load(tmp_path / "a")
    assert_same(loaded.recipe, fitted.recipe)
    assert (loaded.kind, loaded.error_scale) == (kind, None)
    store.save(loaded, tmp_path / "b")
    for one in (tmp_path / "a").iterdir():
        assert (tmp_path / "b" / one.name).read_bytes() == one.read_bytes()


def recipe_with(**changes: Any) -> Callable[[dict[str, Any]], None]:
    """An edit of the recipe's entry; `a__b` is b of a."""

    def edit(manifest: dict[str, Any]) -> None:
        for name, value in changes.items():
            entry, *tables, key = manifest["recipe"], *name.split("__")
            for table in tables:
                entry = entry[table]
            entry[key] = value

    return edit


BLOCKS_ENTRY = {"numbers": 2 * CHANNELS, "components": 1, "block": 4, "judged": 1}


@pytest.mark.parametrize(
    "changes",
    [
        {"kinds": [0, 1, 2, 3, 4, 7]},
        {"kinds": [-1, 0]},
        {"kinds": [1, 0]},
        {"kinds": [0, 0]},
        {"kinds": []},
        {"kinds": [0, 6]},
        {"blocks": BLOCKS_ENTRY},
        {"subspace__numbers": CHANNELS * (WINDOW_LENGTH + 1)},
        {"subspace__numbers": CHANNELS * 2 + 1},
        {"subspace__numbers": 0},
        {"subspace__block": 2},
        {"subspace__block": 0},
        {"subspace__judged": 0},
        {"subspace__judged": WINDOW_LENGTH + 1},
        {"subspace__components": 0},
        {"subspace__components": -1},
        {"nearest_numbers": CHANNELS * (WINDOW_LENGTH + 1)},
        {"nearest_numbers": CHANNELS * 2 + 1},
        {"nearest_windows": 0},
        {"nearest_windows": -1},
        {"dispersion_reach": 0},
        {"dispersion_reach": WINDOW_LENGTH + 1},
    ],
    ids=repr,
)
def test_a_recipe_that_makes_no_sense_is_refused_by_its_manifest(
    model: Path, changes: dict[str, Any]
) -> None:
    """A reach beyond the window would read another entity's readings."""
    edit_manifest(model, recipe_with(**changes))
    assert refusal(model, "manifest.json") == "the recipe does not fit its model"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kinds": ["forecast"]}, "Expected `int`"),
        ({"surprise": 1}, "unknown field `surprise`"),
        ({"subspace__surprise": 1}, "unknown field `surprise`"),
        ({"subspace": None}, "Expected `object`"),
        ({"nearest_windows": 1.5}, "Expected `int`"),
    ],
)
def test_an_entry_of_another_form_is_refused(
    model: Path, changes: dict[str, Any], message: str
) -> None:
    edit_manifest(model, recipe_with(**changes))
    assert message in refusal(model, "manifest.json")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"recipe": None}, "a joint model without what it scores by"),
        ({"error_scale": [1, 1, 1]}, "a joint model without what it scores by"),
        ({"kind": "reconstruct"}, "a reconstruct model without what it scores by"),
        ({"kind": "magic"}, "Invalid enum value 'magic'"),
        ({"window_length": 1}, "the recipe does not fit its model"),
    ],
    ids=repr,
)
def test_a_kind_that_does_not_go_with_the_rest_is_refused(
    model: Path, entry: dict[str, Any], message: str
) -> None:
    edit_manifest(model, lambda manifest: manifest.update(entry))
    assert message in refusal(model, "manifest.json")


def test_a_network_that_cannot_forecast_is_refused(model: Path) -> None:
    """Even where the tensors go with it."""

    def edit(tensors: Tensors) -> None:
        del tensors["forecast.w"], tensors["forecast.bias"]

    edit_tensors(model, edit)
    edit_manifest(model, lambda manifest: manifest["architecture"].update(forecast=False))
    assert refusal(model, "manifest.json") == "a joint model without a head that forecasts"


NAMES = [
    "recipe.subspace.mean", "recipe.subspace.components", "recipe.nearest.across",
    "recipe.nearest.half", "recipe.dispersion.width", "recipe.usual.size", "recipe.usual.level",
    "recipe.amplitude", "recipe.surprise", "recipe.signals.knots", "recipe.fused.scale",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_tensor_of_another_shape_is_refused_by_its_name(model: Path, name: str) -> None:
    def edit(tensors: Tensors) -> None:
        tensors[name] = np.concatenate([tensors[name], tensors[name]])

    edit_tensors(model, edit)
    assert refusal(model, weights_of(model).name) == f"wrong tensors: {name}"


@pytest.mark.parametrize(
    "changes", [{"nearest_windows": 7}, {"subspace__components": 1}, {"nearest_numbers": CHANNELS}]
)
def test_an_entry_that_lies_about_its_tensors_is_refused(
    model: Path, changes: dict[str, Any]
) -> None:
    edit_manifest(model, recipe_with(**changes))
    what = refusal(model, weights_of(model).name)
    assert what.startswith("wrong tensors: recipe.")


def test_a_tensor_that_is_missing_or_not_finite_is_refused(model: Path) -> None:
    edit_tensors(model, lambda tensors: tensors["recipe.usual.size"].fill(np.nan))
    assert refusal(model, weights_of(model).name) == "a weight is not finite"
    edit_tensors(model, lambda tensors: tensors.pop("recipe.amplitude"))
    assert refusal(model, weights_of(model).name) == "wrong tensors: recipe.amplitude"
