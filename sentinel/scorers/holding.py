"""Errors that stand until the next look: what is dear is not measured at every reading."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sentinel.entities import EntityArrays
from sentinel.kernels.jit import jit
from sentinel.records import BoolArray, Float32Array, IndexArray


class HeldState(NamedTuple):
    """errors  (E, slots, F) of the newest look."""

    errors: Float32Array


class Held(EntityArrays[HeldState]):
    """The newest errors of each entity, in so many slots."""

    def __init__(self, slots: int, channels: int) -> None:
        super().__init__(HeldState(np.zeros((1, slots, channels), np.float32)))

    def hold(
        self,
        entity: IndexArray,
        looks: BoolArray,
        found: Float32Array,
        slot: int,
        kind: int,
        errors: Float32Array,
    ) -> None:
        """Errors of each reading's entity as of its newest look.

        looks   (M,) whether the reading is looked at; found (sum of looks, F) what was found then
        errors  (M, K, F) filled in for the position `kind`
        """
        _hold(entity, looks, found, slot, kind, self.state.errors, errors)


@jit
def _hold(
    entity: IndexArray,
    looks: BoolArray,
    found: Float32Array,
    slot: int,
    kind: int,
    held: Float32Array,
    errors: Float32Array,
) -> None:
    look = 0
    for n in range(len(entity)):
        e = entity[n]
        if looks[n]:
            for f in range(found.shape[1]):
                held[e, slot, f] = found[look, f]
            look += 1
        for f in range(found.shape[1]):
            errors[n, kind, f] = held[e, slot, f]
