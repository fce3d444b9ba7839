"""Model artefacts on disk: atomic to write, impossible to load damaged. Never pickle.

A model is a directory: `manifest.json`, for people and programs, and `weights-HASH.safetensors`,
its payload. The manifest is replaced last, in one rename, so a reader sees the old model or the
new one, never a mixture.
"""

from sentinel.store.model_file import load, prepare, save

__all__ = ["load", "prepare", "save"]
