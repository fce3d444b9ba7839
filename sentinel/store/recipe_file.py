"""A recipe as named tensors beside the weights, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from numpy.typing import NDArray

from sentinel.errors import ModelError
from sentinel.fitted import Companions, Recipe
from sentinel.score.dispersion import Dispersion
from sentinel.score.judging import Calibration, Usual, streams_of
from sentinel.score.kinds import BLOCKS, FORECAST, NEAREST, SCALES
from sentinel.score.nearest import Nearest
from sentinel.score.subspace import Subspace
from sentinel.score.tails import KNOTS, Tails

Tensors = Mapping[str, NDArray[Any]]


class SubspaceEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """See `score.subspace.Subspace`; components is how many there are."""

    numbers: int
    components: int
    block: int
    judged: int


class RecipeEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """See `fitted.Recipe`: what says how large its tensors are, and how they are read."""

    kinds: list[int]
    subspace: SubspaceEntry
    blocks: SubspaceEntry | None
    nearest_numbers: int
    nearest_windows: int
    dispersion_reach: int


def entry_of(recipe: Recipe) -> RecipeEntry:
    """The part of a recipe that the manifest holds."""
    companions = recipe.companions
    return RecipeEntry(
        list(recipe.calibration.kinds),
        _subspace_entry(companions.subspace),
        None if companions.blocks is None else _subspace_entry(companions.blocks),
        len(companions.nearest.across),
        len(companions.nearest.half),
        companions.dispersion.reach,
    )


def shapes_of(entry: RecipeEntry, channels: int) -> dict[str, tuple[tuple[int, ...], str]]:
    """Name to shape and type of every tensor of a recipe."""
    kinds = len(entry.kinds)
    streams = len(streams_of(tuple(entry.kinds)))
    f, d = "float32", "float64"
    found = {
        "recipe.subspace.mean": ((entry.subspace.numbers,), f),
        "recipe.subspace.components": ((entry.subspace.components, entry.subspace.numbers), f),
        "recipe.nearest.across": ((entry.nearest_numbers, entry.nearest_windows), f),
        "recipe.nearest.half": ((entry.nearest_windows,), f),
        "recipe.dispersion.median": ((channels,), d),
        "recipe.dispersion.width": ((channels,), d),
        "recipe.usual.size": ((kinds, channels), f),
        "recipe.usual.peak": ((channels,), f),
        "recipe.usual.level": ((kinds, channels), f),
        "recipe.amplitude": ((streams,), d),
        "recipe.surprise": ((KNOTS,), d),
        "recipe.signals.knots": ((streams * len(SCALES), KNOTS), d),
        "recipe.signals.scale": ((streams * len(SCALES),), d),
        "recipe.fused.knots": ((1, KNOTS), d),
        "recipe.fused.scale": ((1,), d),
    }
    if entry.blocks is not None:
        numbers, components = entry.blocks.numbers, entry.blocks.components
        found["recipe.blocks.mean"] = (numbers,), f
        found["recipe.blocks.components"] = (components, numbers), f
    return found


def tensors_of(recipe: Recipe) -> dict[str, NDArray[Any]]:
    """All tensors of a recipe, by name."""
    companions, calibration = recipe.companions, recipe.calibration
    found: dict[str, NDArray[Any]] = {
        "recipe.subspace.mean": companions.subspace.mean,
        "recipe.subspace.components": companions.subspace.components,
        "recipe.nearest.across": companions.nearest.across,
        "recipe.nearest.half": companions.nearest.half,
        "recipe.dispersion.median": companions.dispersion.median,
        "recipe.dispersion.width": companions.dispersion.width,
        "recipe.usual.size": calibration.usual.size,
        "recipe.usual.peak": calibration.usual.peak,
        "recipe.usual.level": calibration.usual.level,
        "recipe.amplitude": calibration.amplitude,
        "recipe.surprise": calibration.signals.surprise,
        "recipe.signals.knots": calibration.signals.knots,
        "recipe.signals.scale": calibration.signals.scale,
        "recipe.fused.knots": calibration.fused.knots,
        "recipe.fused.scale": calibration.fused.scale,
    }
    if companions.blocks is not None:
        found["recipe.blocks.mean"] = companions.blocks.mean
        found["recipe.blocks.components"] = companions.blocks.components
    return found


def recipe_of(entry: RecipeEntry, tensors: Tensors) -> Recipe:
    """The recipe of these tensors, which have the shapes that the entry asks for."""
    signals = _tails(tensors, "signals")
    companions = Companions(
        _subspace(entry.subspace, tensors, "subspace"),
        Nearest(tensors["recipe.nearest.across"], tensors["recipe.nearest.half"]),
        Dispersion(
            tensors["recipe.dispersion.median"],
            tensors["recipe.dispersion.width"],
            entry.dispersion_reach,
        ),
        None if entry.blocks is None else _subspace(entry.blocks, tensors, "blocks"),
    )
    usual = Usual(*(tensors[f"recipe.usual.{name}"] for name in ("size", "peak", "level")))
    return Recipe(
        companions,
        Calibration(
            tuple(entry.kinds), usual, tensors["recipe.amplitude"], signals,
            _tails(tensors, "fused"),
        ),
    )  # fmt: skip


def demand_sound(entry: RecipeEntry, channels: int, window_length: int) -> None:
    """Raise ModelError where an entry claims what no fit writes: a look beyond the window, say."""
    subspaces = [entry.subspace, *([entry.blocks] if entry.blocks is not None else [])]
    reaches = [one.numbers // channels * one.block for one in subspaces]
    reaches += [entry.nearest_numbers // channels, entry.dispersion_reach]
    sound = (
        entry.kinds == sorted(set(entry.kinds))
        and all(0 <= kind <= BLOCKS for kind in entry.kinds)
        and FORECAST in entry.kinds
        # A model that asks every companion asks this one, where there is one.
        and (BLOCKS in entry.kinds) == (entry.blocks is not None and NEAREST in entry.kinds)
        and all(1 <= reach <= window_length for reach in reaches)
        and all(one.numbers % channels == 0 and one.block >= 1 for one in subspaces)
        and all(1 <= one.judged <= one.numbers // channels for one in subspaces)
        and all(one.components >= 1 for one in subspaces)
        and entry.nearest_numbers % channels == 0
        and entry.nearest_windows >= 1
    )
    if not sound:
        raise ModelError("the recipe does not fit its model")


def _subspace_entry(subspace: Subspace) -> SubspaceEntry:
    return SubspaceEntry(
        len(subspace.mean), len(subspace.components), subspace.block, subspace.judged
    )


def _subspace(entry: SubspaceEntry, tensors: Tensors, name: str) -> Subspace:
    return Subspace(
        tensors[f"recipe.{name}.mean"], tensors[f"recipe.{name}.components"], entry.block,
        entry.judged,
    )  # fmt: skip


def _tails(tensors: Tensors, name: str) -> Tails:
    return Tails(
        tensors[f"recipe.{name}.knots"], tensors["recipe.surprise"], tensors[f"recipe.{name}.scale"]
    )
