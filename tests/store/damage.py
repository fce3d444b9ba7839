"""Ways to damage a stored model, and to lie in its manifest with all hashes right."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy


def weights_of(directory: Path) -> Path:
    """The one payload file of a model."""
    [found] = directory.glob("weights-*")
    return found


def edit_manifest(directory: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    """Change the manifest and give it the version that belongs to the change."""
    path = directory / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["version"] = ""
    edit(manifest)
    seal(path, json.dumps(manifest, indent=2) + "\n")


def seal(path: Path, text: str) -> None:
    """Write a manifest's text, whose version is still empty, with the version that belongs to it.

    Written apart from the store's own code: sha-256 of the text with an empty version.
    """
    version = hashlib.sha256(text.encode()).hexdigest()[:12]
    path.write_text(text.replace('"version": ""', f'"version": "{version}"', 1))


def replace_weights(directory: Path, content: bytes) -> None:
    """Another payload, which the manifest names with its true size and hash."""
    weights_of(directory).unlink()
    sha256 = hashlib.sha256(content).hexdigest()
    name = f"weights-{sha256[:12]}.safetensors"
    (directory / name).write_bytes(content)
    payload = {"file": name, "bytes": len(content), "sha256": sha256}
    edit_manifest(directory, lambda manifest: manifest.update(payload=payload))


def edit_tensors(directory: Path, edit: Callable[[dict[str, np.ndarray[Any, Any]]], None]) -> None:
    """Change the tensors and keep every hash right."""
    tensors = safetensors.numpy.load(weights_of(directory).read_bytes())
    edit(tensors)
    replace_weights(directory, safetensors.numpy.save(tensors))
