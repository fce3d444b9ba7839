"""Entity names as indices, in the order in which they first appear."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa

from sentinel.errors import DataError
from sentinel.records import IndexArray
from sentinel.source.history_table import place, unfit


class NameIndex:
    """Names (of entities, of channels) and their indices. It only ever grows."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        """Begin with these names; one that is there twice counts once."""
        self.names = list(dict.fromkeys(names))
        self._index = {name: index for index, name in enumerate(self.names)}

    def add(self, name: str) -> int:
        """The index of `name`, new or known."""
        index = self._index.setdefault(name, len(self.names))
        if index == len(self.names):
            self.names.append(name)
        return index

    def find(self, name: str) -> int:
        """The index of `name`; -1 where it is not known."""
        return self._index.get(name, -1)


def encode(
    column: pa.Array, name: str, path: Path, first_row: int
) -> tuple[IndexArray, list[str | None]]:
    """A column of names as (N,) indices into its distinct values, as text.

    name       of the column, for messages; as are path and first_row, at which the batch begins
    Raises     DataError for the first row whose name is null or empty text, and where the column's
               type has no names
    """
    try:
        encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        names = encoded.dictionary.cast(pa.string()).to_pylist()
    except pa.ArrowException as error:
        raise unfit(path, name, column.type, "names", error) from None
    codes = encoded.indices.cast(pa.int32()).fill_null(-1).to_numpy(zero_copy_only=False)
    _refuse_empty(codes, names, name, path, first_row)
    return codes, names


def add_in_order(codes: IndexArray, names: list[str | None], index: NameIndex) -> IndexArray:
    """Codes of a batch, none of them -1, as indices of `index`, which grows by the order of rows.

    A Parquet file's dictionary may hold more names than the batch, and in another order.
    """
    used, first = np.unique(codes, return_index=True)
    known = np.zeros(len(names), np.int32)
    for code in used[np.argsort(first)]:
        known[code] = index.add(names[code] or "")
    return known[codes]


def _refuse_empty(
    codes: IndexArray, names: list[str | None], column: str, path: Path, first_row: int
) -> None:
    empty = np.array([not name for name in names] + [True])  # the last one stands for -1
    if empty[codes].any():
        row = first_row + int(np.argmax(empty[codes]))
        raise DataError(f"column {column!r}: the name is empty", where=place(path, row))
