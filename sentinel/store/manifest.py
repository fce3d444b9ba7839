"""The manifest of a model: everything but the weights, readable, strict, and hashed."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

FORMAT_VERSION = 1

Positive = Annotated[float, Meta(gt=0)]


class ArchitectureEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """See `model.architecture.Architecture`."""

    channels: int
    hidden: int
    encoder_layers: int
    decoder_layers: int
    bidirectional: bool
    dropout: float


class ScalingEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """See `window.scaling.Scaling`; one number per channel."""

    method: Literal["standard", "min-max", "robust"]
    centre: list[float]
    spread: list[Positive]


class PayloadEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """The file of the weights, its size and its SHA-256."""

    file: str
    bytes: Annotated[int, Meta(ge=0)]
    sha256: str


class Manifest(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """See `fitted.FittedModel`. version is a hash of all the rest."""

    format: Literal["sentinel-model"] = "sentinel-model"
    format_version: int = FORMAT_VERSION
    version: str = ""
    channels: Annotated[list[str], Meta(min_length=1)]
    window_length: Annotated[int, Meta(ge=1)]
    window_stride: Annotated[int, Meta(ge=1)]
    interval_ns: Annotated[int, Meta(ge=0)]
    max_gap_ns: Annotated[int, Meta(ge=0)]
    scaling: ScalingEntry
    error_scale: list[Positive]
    threshold: Positive
    architecture: ArchitectureEntry
    summary: dict[str, Any]
    libraries: dict[str, str]
    payload: PayloadEntry

    def digest(self) -> str:
        """The version that belongs to this content: 12 hexadecimal digits of a SHA-256."""
        content = msgspec.json.encode(msgspec.structs.replace(self, version=""), order="sorted")
        return hashlib.sha256(content).hexdigest()[:12]
