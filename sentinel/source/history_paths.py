"""Which files make up a history."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from sentinel.errors import DataError
from sentinel.source.history_csv import CsvTable
from sentinel.source.history_parquet import ParquetTable
from sentinel.source.history_table import HistoryTable, unreadable

CSV_SUFFIXES = (".csv", ".csv.gz")
PARQUET_SUFFIXES = (".parquet", ".pq")
SUFFIXES = CSV_SUFFIXES + PARQUET_SUFFIXES


def find_files(paths: Sequence[str | Path]) -> list[Path]:
    """Files as given, directories by what lies in them and below, by name (9 before 10).

    Hidden files are passed over. A file that is named twice is there twice: it may be the context
    of a run and its input.
    Raises DataError where a path does not exist or may not be looked at, is no CSV or Parquet, or
    nothing is found.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        try:
            found.extend(_files_in(path) if path.is_dir() else [_existing(path)])
        except OSError as error:
            raise unreadable(path, error) from None
    if not found:
        raise DataError("no history was named", hint="name files or directories")
    return found


def open_table(path: Path) -> HistoryTable:
    """The table in a file that `find_files` found. Raises DataError where it cannot be read."""
    return CsvTable.open(path) if _is(path, CSV_SUFFIXES) else ParquetTable.open(path)


def stem(path: Path) -> str:
    """The file's name without directory and suffix."""
    suffix = next(suffix for suffix in SUFFIXES if _is(path, (suffix,)))
    return path.name[: -len(suffix)]


def _files_in(directory: Path) -> Iterable[Path]:
    inside = ((file, file.relative_to(directory).parts) for file in directory.rglob("*"))
    files = [
        (parts, file)
        for file, parts in inside
        if _is(file, SUFFIXES) and file.is_file() and not any(p.startswith(".") for p in parts)
    ]
    if not files:
        what = f"no file ending in {', '.join(SUFFIXES)} in this directory or below"
        raise DataError(what, where=str(directory))
    return [file for _, file in sorted(files, key=lambda pair: [_by_number(p) for p in pair[0]])]


def _existing(path: Path) -> Path:
    if not path.exists():
        raise DataError("no such file or directory", where=str(path))
    if not _is(path, SUFFIXES):
        hint = f"names end in {', '.join(SUFFIXES)}"
        raise DataError("neither CSV nor Parquet by its name", where=str(path), hint=hint)
    return path


def _is(path: Path, suffixes: tuple[str, ...]) -> bool:
    return path.name.lower().endswith(suffixes)


def _by_number(name: str) -> list[tuple[int, int, str]]:
    """A sort key in which `day-9` comes before `day-10`."""
    parts = re.findall(r"\d+|\D+", name)
    return [(0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts]
