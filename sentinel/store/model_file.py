"""Write and read a model's directory."""

from __future__ import annotations

import hashlib
import math
import os
import platform
import re
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from sentinel.errors import ModelError
from sentinel.fitted import FittedModel
from sentinel.model.architecture import Architecture
from sentinel.model.parameters import Parameters
from sentinel.store.manifest import (
    FORMAT_VERSION,
    ArchitectureEntry,
    Manifest,
    PayloadEntry,
    RangeEntry,
    ScalingEntry,
    demand_whole,
    is_sealed,
    sealed,
)
from sentinel.store.recipe_file import entry_of, recipe_of, shapes_of, tensors_of
from sentinel.window.scaling import Scaling

Shapes: TypeAlias = dict[str, tuple[tuple[int, ...], str]]

MANIFEST = "manifest.json"
SCORES = "calibration_scores"
OURS = re.compile(r"(manifest\.json|weights-[0-9a-f]{12}\.safetensors)(\.\d+\.tmp)?")
MANIFEST_BYTES_MAX = 16 << 20
# The header of a safetensors file names and places every tensor.
HEADER_BYTES_MAX = 1 << 20
LIBRARIES = ("sentinel", "numba", "numpy", "safetensors")
IS_A_FILE = "is a file; a model is a directory"
NAME_A_DIRECTORY = "name what `sentinel fit --output` wrote"
REFIT = "fit the model again, or copy it again from where it is whole"


def prepare(path: str | Path) -> None:
    """Refuse now what `save` would refuse after hours of training. Leaves nothing behind.

    Raises ModelError where `path` holds something else, or cannot be written.
    """
    directory = Path(path).absolute()
    try:
        _demand_ours(directory)
        nearest = next(place for place in (directory, *directory.parents) if place.exists())
        tempfile.TemporaryFile(dir=nearest).close()
    except OSError as error:
        raise _unwritable(Path(path), error) from error


def save(model: FittedModel, path: str | Path) -> FittedModel:
    """Write a model atomically; the model with its name and version comes back.

    Raises ModelError where `path` holds something else, or cannot be written, and where `load`
    would refuse the model.
    """
    directory = Path(path)
    tensors = _tensors(model)
    if not math.isfinite(model.threshold) or not _all_finite(tensors):
        raise ModelError("a weight or the threshold is not finite: the training diverged",
                         where=str(directory), hint="a smaller --learning-rate")  # fmt: skip
    weights = safetensors.numpy.save(tensors)
    sha256 = hashlib.sha256(weights).hexdigest()
    payload = PayloadEntry(f"weights-{sha256[:12]}.safetensors", len(weights), sha256)
    version, text = sealed(_manifest(model, payload))
    try:
        _make_directory(directory)
        _write(directory / payload.file, weights)
        _write(directory / MANIFEST, text)
        _sweep(directory, payload.file)
    except OSError as error:
        raise _unwritable(directory, error) from error
    return replace(model, name=directory.resolve().name, version=version)


def load(path: str | Path) -> FittedModel:
    """Read a model that is exactly what `save` wrote.

    Raises ModelError where it is missing, truncated, changed in any bit, oversize, of another
    format version, or not of the shape it claims.
    """
    directory = Path(path)
    manifest = _read_manifest(directory)
    try:
        return _load(directory, manifest)
    except ModelError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
        # `save` may have replaced the model since its manifest was read, weights and all.
        newer = _read_manifest(directory)
        if newer.version == manifest.version:
            raise
        return _load(directory, newer)


def _load(directory: Path, manifest: Manifest) -> FittedModel:
    try:
        architecture = Architecture(
            **{
                name: getattr(manifest.architecture, name)
                for name in ArchitectureEntry.__struct_fields__
            }
        )
        demand_whole(manifest)
    except ModelError as error:
        raise ModelError(error.what, where=str(directory / MANIFEST), hint=REFIT) from error
    shapes = architecture.shapes()
    expected: Shapes = {name: (shape, "float32") for name, shape in shapes.items()}
    expected[SCORES] = (manifest.calibration_scores,), "float64"
    if manifest.recipe is not None:
        expected |= shapes_of(manifest.recipe, len(manifest.channels))
    tensors = _read_tensors(directory, manifest.payload, expected)
    weights = {name: tensors[name] for name in shapes}
    return FittedModel(
        kind=manifest.kind,
        channels=tuple(manifest.channels),
        window_length=manifest.window_length,
        window_stride=manifest.window_stride,
        interval_ns=manifest.interval_ns,
        max_gap_ns=manifest.max_gap_ns,
        scaling=Scaling(
            manifest.scaling.method,
            np.array(manifest.scaling.centre),
            np.array(manifest.scaling.spread),
        ),
        history_range=manifest.history_range.values(),
        parameters=Parameters.from_tensors(architecture, weights),
        error_scale=None if manifest.error_scale is None else np.array(manifest.error_scale),
        recipe=None if manifest.recipe is None else recipe_of(manifest.recipe, tensors),
        threshold=manifest.threshold,
        calibration_scores=tensors[SCORES],
        summary=manifest.summary,
        name=directory.resolve().name,
        version=manifest.version,
    )


def _tensors(model: FittedModel) -> dict[str, NDArray[Any]]:
    found: dict[str, NDArray[Any]] = dict(model.parameters.tensors)
    found[SCORES] = model.calibration_scores
    if model.recipe is not None:
        found |= tensors_of(model.recipe)
    return {name: np.ascontiguousarray(tensor) for name, tensor in found.items()}


def _manifest(model: FittedModel, payload: PayloadEntry) -> Manifest:
    architecture = model.parameters.architecture
    return Manifest(
        kind=model.kind,
        channels=list(model.channels),
        window_length=model.window_length,
        window_stride=model.window_stride,
        interval_ns=model.interval_ns,
        max_gap_ns=model.max_gap_ns,
        scaling=ScalingEntry(
            model.scaling.method, model.scaling.centre.tolist(), model.scaling.spread.tolist()
        ),
        history_range=RangeEntry.of(model.history_range),
        error_scale=None if model.error_scale is None else model.error_scale.tolist(),
        recipe=None if model.recipe is None else entry_of(model.recipe),
        threshold=model.threshold,
        calibration_scores=len(model.calibration_scores),
        architecture=ArchitectureEntry(
            *(getattr(architecture, name) for name in ArchitectureEntry.__struct_fields__)
        ),
        summary=dict(model.summary),
        libraries={
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in LIBRARIES},
        },
        payload=payload,
    )


def _read_manifest(directory: Path) -> Manifest:
    where = directory / MANIFEST
    try:
        with where.open("rb") as file:
            content = file.read(MANIFEST_BYTES_MAX + 1)
    except FileNotFoundError:
        raise ModelError(
            "no model here", where=str(directory), hint="`sentinel fit --output` writes one"
        ) from None
    except NotADirectoryError:
        raise ModelError(IS_A_FILE, where=str(directory), hint=NAME_A_DIRECTORY) from None
    except OSError as error:
        raise ModelError(
            f"cannot read: {error.strerror}", where=str(where), hint="this user must be able to"
        ) from error
    if len(content) > MANIFEST_BYTES_MAX:
        raise ModelError(f"larger than {MANIFEST_BYTES_MAX} bytes", where=str(where), hint=REFIT)
    try:
        found = msgspec.json.decode(content)
        if isinstance(found, dict) and found.get("format_version", FORMAT_VERSION) != (
            FORMAT_VERSION
        ):
            raise ModelError(
                f"format version {found['format_version']!r}, this sentinel reads {FORMAT_VERSION}",
                where=str(where),
                hint="fit the model again with this version",
            )
        manifest = msgspec.convert(found, Manifest)
    # ValueError: msgspec lets a string that is not UTF-8 through as Python's own complaint.
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ModelError(f"damaged: {error}", where=str(where), hint=REFIT) from error
    if not is_sealed(manifest, content):
        raise ModelError("damaged: its content does not match its version", where=str(where),
                         hint=REFIT)  # fmt: skip
    return manifest


def _read_tensors(
    directory: Path, payload: PayloadEntry, expected: Shapes
) -> dict[str, NDArray[Any]]:
    where = directory / payload.file
    needed = sum(math.prod(shape) * np.dtype(kind).itemsize for shape, kind in expected.values())
    try:
        size = where.stat().st_size
        if size != payload.bytes:
            raise ModelError(f"{size} bytes, expected {payload.bytes}", where=str(where),
                             hint=REFIT)  # fmt: skip
        if not needed <= size <= needed + HEADER_BYTES_MAX:
            raise ModelError(f"{size} bytes for {needed} bytes of tensors", where=str(where),
                             hint=REFIT)  # fmt: skip
        content = where.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read: {error.strerror}", where=str(where), hint=REFIT) from error
    if hashlib.sha256(content).hexdigest() != payload.sha256:
        raise ModelError("damaged: the SHA-256 does not match", where=str(where), hint=REFIT)
    try:
        tensors: dict[str, NDArray[Any]] = safetensors.numpy.load(content)
    except (SafetensorError, ValueError, KeyError) as error:
        raise ModelError(f"damaged: {error}", where=str(where), hint=REFIT) from error
    found = {name: (tensor.shape, tensor.dtype.name) for name, tensor in tensors.items()}
    if found != expected:
        odd = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
        raise ModelError(f"wrong tensors: {', '.join(odd[:5])}", where=str(where), hint=REFIT)
    if not _all_finite(tensors):
        raise ModelError("a weight is not finite", where=str(where), hint=REFIT)
    return tensors


def _all_finite(tensors: Mapping[str, NDArray[Any]]) -> bool:
    return all(np.isfinite(tensor).all() for tensor in tensors.values())


def _unwritable(directory: Path, error: OSError) -> ModelError:
    return ModelError(
        f"cannot write the model: {error.strerror or error}",
        where=str(directory),
        hint="name a directory that can be written to and has room",
    )


def _make_directory(directory: Path) -> None:
    _demand_ours(directory)
    directory.mkdir(parents=True, exist_ok=True)


def _demand_ours(directory: Path) -> None:
    if not directory.exists():
        return
    if not directory.is_dir():
        raise ModelError(IS_A_FILE, where=str(directory), hint="name a new directory")
    if not (directory / MANIFEST).exists() and any(
        not _ours(entry) for entry in directory.iterdir()
    ):
        raise ModelError(
            "is a directory with other files in it", where=str(directory), hint="name a new one"
        )


def _ours(entry: Path) -> bool:
    """Whether `save` wrote it, whole or not; anything else of the user's is never removed."""
    return OURS.fullmatch(entry.name) is not None and not entry.is_dir()


def _write(path: Path, content: bytes) -> None:
    """Write, sync and rename into place, so that a crash leaves the old file or the new one."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sweep(directory: Path, keep: str) -> None:
    """Remove the weights of earlier models and what a crash left behind."""
    for entry in directory.iterdir():
        if _ours(entry) and entry.name not in (MANIFEST, keep):
            entry.unlink(missing_ok=True)
