"""A snapshot: all that a detector remembers, as a value that does not change with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from sentinel.entities import Arrays
from sentinel.errors import ModelError


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Names and arrays, as a file of safetensors holds them.

    settings  what the arrays have a meaning with: the model, and how it was run
    entities  entities that they are of: the first so many
    arrays    by name; of the shape (entities, ...), but for a fleet's budget
    """

    settings: Mapping[str, str]
    entities: int
    arrays: Arrays

    def check(self, settings: Mapping[str, str], empty: Mapping[str, NDArray[Any]]) -> None:
        """Refuse it (ModelError) where it does not fit.

        settings  those of the detector that is to go on from it
        empty     arrays of that detector, of no entity
        """
        hint = "go on with the model and the settings that it was taken with, or begin anew"
        for name in sorted(settings.keys() | self.settings.keys()):
            taken, here = self.settings.get(name), settings.get(name)
            if taken != here:
                what = f"of another {name}: {taken}, not {here}"
                raise ModelError(what, where="snapshot", hint=hint)
        if empty.keys() != self.arrays.keys():
            odd = ", ".join(sorted(empty.keys() ^ self.arrays.keys())[:3])
            raise ModelError(f"damaged: {odd} missing or unknown", where="snapshot", hint=hint)
        for name, like in empty.items():
            array = self.arrays[name]
            shape = (len(like) or self.entities, *like.shape[1:])
            if (array.shape, array.dtype) != (shape, like.dtype):
                what = f"damaged: {name} is {array.dtype} {array.shape}, "
                what += f"not {like.dtype} {shape}"
                raise ModelError(what, where="snapshot", hint=hint)
