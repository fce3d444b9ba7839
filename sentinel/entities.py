"""What is remembered of each entity: arrays whose first axis counts entities, all begun alike.

To grow, to forget, to be copied and to be restored is written here once, for every part that
remembers something. A part is `EntityArrays`, or is made of `Parts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from sentinel.records import IndexArray

Arrays: TypeAlias = dict[str, NDArray[Any]]
State = TypeVar("State", bound=NamedTuple)


class Part(Protocol):
    """Something that remembers entities."""

    def grow(self, entities: int) -> None:
        """Make room for so many entities, not fewer than there are."""
        ...

    def forget(self, entities: IndexArray) -> None:
        """Back to the beginning for these entities."""
        ...

    def arrays(self, entities: int) -> Arrays:
        """A copy, by name, of all that is remembered of the first so many entities."""
        ...

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Remember a copy of these, as `arrays` gave them, and nothing else."""
        ...


class EntityArrays(Generic[State]):
    """A named tuple of arrays over E entities, as kernels take it.

    start  what an entity begins with, (1, ...) arrays
    state  (E, ...) arrays
    """

    def __init__(self, start: State) -> None:
        self.start = start
        self.state = self._state(array[:0].copy() for array in start)

    def grow(self, entities: int) -> None:
        """Make room for so many entities, not fewer than there are."""
        grown = [_room(start, entities) for start in self.start]
        for new, old in zip(grown, self.state, strict=True):
            new[: len(old)] = old
        self.state = self._state(grown)

    def forget(self, entities: IndexArray) -> None:
        """Back to the beginning for these entities."""
        for array, start in zip(self.state, self.start, strict=True):
            array[entities] = start[0]

    def arrays(self, entities: int) -> Arrays:
        """A copy, by name, of all that is remembered of the first so many entities."""
        return {name: array[:entities].copy() for name, array in self.state._asdict().items()}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Remember a copy of these, as `arrays` gave them, and nothing else."""
        self.state = self._state(arrays[name].copy() for name in self.start._fields)

    def _state(self, arrays: Iterable[NDArray[Any]]) -> State:
        made: State = self.start._make(arrays)
        return made


class Parts:
    """A part made of others, each by its name; of none, it remembers nothing."""

    def __init__(self, **parts: Part) -> None:
        self._parts = parts

    def grow(self, entities: int) -> None:
        """Make room for so many entities, not fewer than there are."""
        for part in self._parts.values():
            part.grow(entities)

    def forget(self, entities: IndexArray) -> None:
        """Back to the beginning for these entities."""
        for part in self._parts.values():
            part.forget(entities)

    def arrays(self, entities: int) -> Arrays:
        """A copy of all that is remembered of the first so many entities, as part.name."""
        return {
            f"{part_name}.{name}": array
            for part_name, part in self._parts.items()
            for name, array in part.arrays(entities).items()
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Remember a copy of these, as `arrays` gave them, and nothing else."""
        for part_name, part in self._parts.items():
            start = f"{part_name}."
            part.restore(
                {
                    name.removeprefix(start): array
                    for name, array in arrays.items()
                    if name.startswith(start)
                }
            )


def _room(start: NDArray[Any], entities: int) -> NDArray[Any]:
    # Fresh pages of np.zeros cost nothing until an entity writes to them.
    room = np.zeros((entities, *start.shape[1:]), start.dtype)
    if start.any():
        room[:] = start
    return room
