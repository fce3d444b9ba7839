r"""The fields that are looked for, as a tree of arrays that kernels walk.

A path ``machine.id`` leads into nested objects; ``\.`` is a dot inside a name. There are two
roots: READING for the object of one reading, RECORD for the object around an array of readings
(`readings_field`), whose time, entity and channel hold for readings that lack their own.

Fields that nobody asked for are learned as they come (a bounded number), because a field that is
known by name is skipped faster, and because an operator wants to hear of unknown channels: the
numbers of a reading, not those around an array, where no channel is looked for.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sentinel.errors import ConfigError

READING, RECORD = 0, 1  # the two roots

# What a node is.
INNER, TIME, ENTITY, CHANNEL, VALUE, ARRAY = 0, 1, 2, 3, 4, 5
UNWANTED, UNWANTED_NUMBER = 6, 7  # learned: never seen with a number in it, or already reported

LEARNED_FIELDS_MAX = 2048
MAX_NAME_CHARACTERS = 200  # of a field that is learned
NEVER_MATCHES = -1  # in place of a name's length

# One node; its index is its identity.
#   column       of a VALUE
#   start        its name, quotes and colon included, is names[start:start + length]; length
#                NEVER_MATCHES: it is never found as it is
#   follow       the node that came after this one last time: a guess that is mostly right
#   follow_end   the same, after the end of this inner object
#   seen         serial number of the object in which it was met last; the root READING counts them
NODE = np.dtype(
    [
        ("parent", np.int32),
        ("kind", np.int32),
        ("column", np.int32),
        ("length", np.int32),
        ("start", np.int64),
        ("follow", np.int32),
        ("follow_end", np.int32),
        ("seen", np.int64),
    ]
)

_DOT = re.compile(r"(?<!\\)\.")


class FieldTree(NamedTuple):
    """nodes (N,) NODE; names (M,) uint8. Kernels take them one by one."""

    nodes: NDArray[np.void]
    names: NDArray[np.uint8]


def split_path(path: str) -> tuple[str, ...]:
    r"""The names on the way: "a.b" -> ("a", "b"); a dot inside a name is written \."""
    return tuple(part.replace("\\.", ".") for part in _DOT.split(path))


class Fields:
    """Builds the tree, and learns what else the records carry."""

    def __init__(self) -> None:
        self._names: list[str] = ["", ""]
        self._parents: list[int] = [-1, -1]
        self._kinds: list[int] = [INNER, INNER]
        self._columns: list[int] = [-1, -1]
        self._children: dict[tuple[int, str], int] = {}
        self._learned = 0
        self._numbers: tuple[list[str], list[str]] = ([], [])  # learned, of each root
        self.tree = self._build()

    @property
    def unknown(self) -> Sequence[str]:
        """Paths of the numbers in readings that nobody asked for, in the order of their coming."""
        return self._numbers[READING]

    def want(self, root: int, path: Sequence[str], kind: int, column: int = -1) -> None:
        """Look for the field at `path`; call `ready` after the last one.

        Raises ConfigError where two settings want the same field, or one a field inside another's.
        """
        node = root
        for name in path[:-1]:
            node = self._children.get((node, name)) or self._add(node, name, INNER, -1)
            if self._kinds[node] != INNER:
                raise _conflict(path)
        if (node, path[-1]) in self._children:
            raise _conflict(path)
        self._add(node, path[-1], kind, column)

    def ready(self) -> None:
        """Lay out the arrays anew. What `tree` was before is not to be used any more."""
        self.tree = self._build()

    def learn(self, document: object, root: int = READING) -> None:
        """Take in the names that stand in an object; in a reading, numbers are unknown channels."""
        numbers = self._numbers[root]
        before = self._learned, len(numbers)
        self._learn(document, root, "", numbers)
        if before != (self._learned, len(numbers)):
            self.ready()

    def _learn(self, document: object, node: int, path: str, numbers: list[str]) -> None:
        if not isinstance(document, dict):
            return
        for name, value in document.items():
            child = self._children.get((node, name))
            if child is None:
                if len(name) > MAX_NAME_CHARACTERS or self._learned >= LEARNED_FIELDS_MAX:
                    continue
                self._learned += 1
                child = self._add(node, name, UNWANTED, -1)
            if self._kinds[child] == INNER:
                self._learn(value, child, f"{path}{name}.", numbers)
            elif self._kinds[child] == UNWANTED and is_number(value):
                self._kinds[child] = UNWANTED_NUMBER
                numbers.append((path + name).encode(errors="backslashreplace").decode())

    def _add(self, parent: int, name: str, kind: int, column: int) -> int:
        self._names.append(name)
        self._parents.append(parent)
        self._kinds.append(kind)
        self._columns.append(column)
        self._children[parent, name] = len(self._names) - 1
        return len(self._names) - 1

    def _build(self) -> FieldTree:
        # A name can be spelled with escapes that are no character at all ("\\ud800").
        names = [f'"{name}":'.encode(errors="surrogatepass") for name in self._names]
        nodes = np.zeros(len(names), NODE)
        nodes["parent"], nodes["kind"] = self._parents, self._kinds
        nodes["column"] = self._columns
        nodes["length"] = [len(name) if _is_plain(name) else NEVER_MATCHES for name in names]
        nodes["start"] = np.cumsum([0, *map(len, names[:-1])])
        return FieldTree(nodes, np.frombuffer(b"".join(names) or b"\0", np.uint8).copy())


class Number(str):
    """A JSON number as it was written, so that nobody rounds it before its time."""

    __slots__ = ()


def is_number(value: object) -> bool:
    """Whether the slow lane read a number here."""
    return isinstance(value, Number)


def _is_plain(name: bytes) -> bool:
    """Whether the name between the quotes holds nothing that JSON would have to escape."""
    return not any(byte < 32 or byte in b'"\\' for byte in name[1:-2])


def _conflict(path: Sequence[str]) -> ConfigError:
    return ConfigError(
        f"the field {'.'.join(path)!r} is wanted twice",
        where="source",
        hint="timestamp_field, entity_field, channel_field, value_field, readings_field and the "
        "paths of [source.channels] must differ, and none may lead into another",
    )
