"""The manifest of a model: everything but the weights, readable, strict, and hashed."""

from __future__ import annotations

import hashlib
import math
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from msgspec import Meta, Struct

from sentinel.errors import ModelError
from sentinel.fitted import Kind
from sentinel.plural import counted
from sentinel.store.recipe_file import RecipeEntry, demand_sound
from sentinel.window.scaling import ValueRange

FORMAT_VERSION = 5

Positive = Annotated[float, Meta(gt=0)]


class ArchitectureEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """See `model.architecture.Architecture`."""

    channels: int
    hidden: int
    encoder_layers: int
    decoder_layers: int
    bidirectional: bool
    dropout: float
    forecast: bool
    horizons: int = 1


class ScalingEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """See `window.scaling.Scaling`; one number per channel."""

    method: Literal["standard", "min-max", "robust"]
    centre: list[float]
    spread: list[Positive]


class RangeEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """See `window.scaling.ValueRange`; one number per channel, null where it has no value."""

    lowest: list[float | None]
    highest: list[float | None]

    @classmethod
    def of(cls, found: ValueRange) -> RangeEntry:
        """As the file has it: JSON has no NaN."""
        return cls(*([None if math.isnan(x) else x for x in each.tolist()] for each in found))

    def values(self) -> ValueRange:
        """As the model has it."""
        return ValueRange(*(np.array(each, np.float64) for each in (self.lowest, self.highest)))


class PayloadEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """The file of all tensors, beside the manifest, its size and its SHA-256."""

    file: Annotated[str, Meta(pattern=r"\Aweights-[0-9a-f]{12}\.safetensors\Z")]
    bytes: Annotated[int, Meta(ge=0)]
    sha256: Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]


class Manifest(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """See `fitted.FittedModel`. version is a hash of the text of all the rest.

    calibration_scores  how many there are
    """

    format: Literal["sentinel-model"] = "sentinel-model"
    format_version: int = FORMAT_VERSION
    version: Annotated[str, Meta(pattern=r"\A([0-9a-f]{12})?\Z")] = ""
    kind: Kind
    channels: Annotated[list[str], Meta(min_length=1)]
    window_length: Annotated[int, Meta(ge=1)]
    window_stride: Annotated[int, Meta(ge=1)]
    interval_ns: Annotated[int, Meta(ge=0)]
    max_gap_ns: Annotated[int, Meta(ge=0)]
    scaling: ScalingEntry
    history_range: RangeEntry
    error_scale: list[Positive] | None
    recipe: RecipeEntry | None
    threshold: Positive
    calibration_scores: Annotated[int, Meta(ge=0)]
    architecture: ArchitectureEntry
    summary: dict[str, Any]
    libraries: dict[str, str]
    payload: PayloadEntry


def demand_whole(manifest: Manifest) -> None:
    """Raise ModelError where the parts of a manifest do not belong together."""
    channels = len(manifest.channels)
    for name, numbers in (
        ("scaling.centre", manifest.scaling.centre),
        ("scaling.spread", manifest.scaling.spread),
        ("history_range.lowest", manifest.history_range.lowest),
        ("history_range.highest", manifest.history_range.highest),
        ("error_scale", manifest.error_scale),
        ("architecture.channels", range(manifest.architecture.channels)),
    ):
        if numbers is not None and len(numbers) != channels:
            entries = counted(len(numbers), "entry", "entries")
            raise ModelError(f"{name} has {entries} for {counted(channels, 'channel')}")
    for low, high in zip(
        manifest.history_range.lowest, manifest.history_range.highest, strict=True
    ):
        if (low is None) != (high is None) or (low is not None and high is not None and low > high):
            raise ModelError(f"history_range has a channel from {low} to {high}")
    plain = manifest.kind == "reconstruct"
    if (manifest.error_scale is not None) != plain or (manifest.recipe is None) != plain:
        raise ModelError(f"a {manifest.kind} model without what it scores by")
    if not plain and not manifest.architecture.forecast:
        raise ModelError(f"a {manifest.kind} model without a head that forecasts")
    if (manifest.kind == "light") != (manifest.architecture.decoder_layers == 0):
        raise ModelError(f"a {manifest.kind} model with the network of another kind")
    if manifest.recipe is not None:
        demand_sound(manifest.recipe, channels, manifest.window_length)


def sealed(manifest: Manifest) -> tuple[str, bytes]:
    """The version that belongs to a manifest, 12 hexadecimal digits, and the text that holds it."""
    unversioned = msgspec.structs.replace(manifest, version="")
    text = msgspec.json.format(msgspec.json.encode(unversioned), indent=2) + b"\n"
    version = _digest(text)
    return version, text.replace(_entry(""), _entry(version), 1)


def is_sealed(manifest: Manifest, text: bytes) -> bool:
    """Whether a manifest's text is, to the last bit, the one that its version belongs to.

    The text is hashed, not what it says: two ways to write a number are two texts, and a whole
    manifest stays whole for another release of the JSON library.
    """
    return manifest.version == _digest(text.replace(_entry(manifest.version), _entry(""), 1))


def _entry(version: str) -> bytes:
    return b'"version": "%s"' % version.encode()


def _digest(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:12]
