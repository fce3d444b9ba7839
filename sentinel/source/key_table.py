"""Names as bytes -> their index, without a Python object per look-up.

Open addressing with linear probing over an arena of the names' bytes. Kernels look up and insert
(`find_or_add`); Python is asked to grow the arrays, and to name what is new, once per batch.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sentinel.kernels.jit import lean_root
from sentinel.source.arrays import Bytes, Indices, Ints, Records
from sentinel.source.reasons import MAX_NAME_BYTES

FULL = -1  # the limit of names is reached
GROW = -2  # call `Names.grow`, then look up again

COUNT, LIMIT = 0, 1  # in `KeyTable.numbers`

# What a byte that is no UTF-8 looks like in a text.
_BYTE_SHOWN = re.compile(r"\\x[89a-f][0-9a-f]")

ENTRY = np.dtype([("hash", np.uint64), ("start", np.int64)])


class KeyTable(NamedTuple):
    """The arrays behind `Names`. Kernels take them one by one: a tuple of arrays costs them dear.

    slots    (S,) int32, S a power of two >= 2 * capacity: an index, or -1
    entries  (capacity + 1,) ENTRY: name i is arena[entries[i].start:entries[i + 1].start]
    arena    (A,) uint8
    numbers  (2,) int64: names so far, and how many there may be
    """

    slots: NDArray[np.int32]
    entries: NDArray[np.void]
    arena: NDArray[np.uint8]
    numbers: NDArray[np.int64]


@lean_root
def _hash(b: Bytes, start: int, length: int) -> np.uint64:
    """FNV-1a, finished by MurmurHash3's mixer so that the low bits depend on every byte."""
    h = np.uint64(0xCBF29CE484222325)
    for i in range(start, start + length):
        h = (h ^ np.uint64(b[i])) * np.uint64(0x100000001B3)
    h ^= h >> np.uint64(33)
    h *= np.uint64(0xFF51AFD7ED558CCD)
    return h ^ (h >> np.uint64(33))


@lean_root
def _is_name(entries: Records, arena: Bytes, index: int, b: Bytes, start: int, length: int) -> bool:
    first = entries[index].start
    if entries[index + 1].start - first != length:
        return False
    for i in range(length):  # noqa: SIM110 - Numba knows no generators
        if arena[first + i] != b[start + i]:
            return False
    return True


@lean_root
def find_or_add(
    slots: Indices, entries: Records, arena: Bytes, numbers: Ints, b: Bytes, start: int, length: int
) -> int:
    """The index of the name b[start:start + length], a new one if need be; or FULL, or GROW."""
    h = _hash(b, start, length)
    mask = np.int64(len(slots) - 1)
    slot = np.int64(h & np.uint64(mask))
    while slots[slot] >= 0:
        index: int = slots[slot]
        if entries[index].hash == h and _is_name(entries, arena, index, b, start, length):
            return index
        slot = (slot + 1) & mask
    count: int = numbers[COUNT]
    if count >= numbers[LIMIT]:
        return FULL
    used = entries[count].start
    if count + 1 >= len(entries) or used + length > len(arena):
        return GROW
    for i in range(length):
        arena[used + i] = b[start + i]
    entries[count].hash = h
    entries[count + 1].start = used + length
    slots[slot] = count
    numbers[COUNT] = count + 1
    return count


@lean_root
def _rehash(entries: Records, count: int, slots: Indices) -> None:
    mask = np.int64(len(slots) - 1)
    for index in range(count):
        slot = np.int64(entries[index].hash & np.uint64(mask))
        while slots[slot] >= 0:
            slot = (slot + 1) & mask
        slots[slot] = index


class Names:
    """A `KeyTable` and the names in it as text, in the order of their indices."""

    def __init__(self, limit: int) -> None:
        capacity = 64
        self.table = KeyTable(
            np.full(2 * capacity, -1, np.int32),
            np.zeros(capacity + 1, ENTRY),
            np.empty(16 * capacity, np.uint8),
            np.array([0, limit], np.int64),
        )
        self._texts: list[str] = []

    def __len__(self) -> int:
        return int(self.table.numbers[COUNT])

    @property
    def texts(self) -> Sequence[str]:
        """Every name so far; the same list each time, it only grows."""
        starts = self.table.entries["start"]
        for index in range(len(self._texts), len(self)):
            name = self.table.arena[starts[index] : starts[index + 1]].tobytes()
            self._texts.append(readable(name))
        return self._texts

    def add(self, name: bytes) -> int:
        """The index of `name`, a new one if need be; FULL where there may be no more."""
        if not name:
            raise ValueError("a name has at least one byte")
        text = np.frombuffer(name, np.uint8)
        while True:
            index = int(find_or_add(*self.table, text, 0, len(text)))
            if index != GROW:
                return index
            self.grow()

    def make_room(self) -> None:
        """Room for one name more, of at most MAX_NAME_BYTES."""
        while self._is_short_of_names() or self._used() + MAX_NAME_BYTES > len(self.table.arena):
            self.grow()

    def grow(self) -> None:
        """Twice the room, of whichever array is short; indices stay what they are."""
        slots, entries, arena, numbers = self.table
        if self._is_short_of_names():
            entries = np.concatenate([entries, np.zeros(len(entries) - 1, ENTRY)])
            slots = np.full(2 * len(slots), -1, np.int32)
            _rehash(entries, len(self), slots)
        else:
            arena = np.concatenate([arena, np.empty_like(arena)])
        self.table = KeyTable(slots, entries, arena, numbers)

    def _is_short_of_names(self) -> bool:
        return len(self) + 1 >= len(self.table.entries)

    def _used(self) -> int:
        return int(self.table.entries[len(self)]["start"])


def readable(name: bytes) -> str:
    r"""UTF-8 as it is, other bytes as \xNN; no two names have the same text.

    Where there is such a byte, or what looks like one as shown here, each backslash is doubled.
    """
    text = name.decode(errors="backslashreplace")
    if not _BYTE_SHOWN.search(text):
        return text
    return name.replace(b"\\", b"\\\\").decode(errors="backslashreplace")
