"""Look at every file of a history before the first one is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sentinel.config.problems import did_you_mean
from sentinel.errors import DataError
from sentinel.plural import listed, noun
from sentinel.source.history_file import HistoryFile
from sentinel.source.history_layout import FileLayout, roles_in
from sentinel.source.history_paths import open_table, stem
from sentinel.source.history_table import no_column
from sentinel.source.history_times import unit_of_first

DEFAULT_ENTITY = "default"  # of files without an entity column: one machine, cut into files


def look_at(
    paths: Sequence[Path], layout: FileLayout, channels: Sequence[str] | None
) -> list[HistoryFile]:
    """What each file holds.

    channels  the model's; None (layout wide): all files must have the channels of the first
    Raises    DataError where a file cannot be read, is empty, or has columns that do not fit
    """
    files: list[HistoryFile] = []
    columns: set[str] = set()
    for path in paths:
        table = open_table(path)
        sample = table.sample()
        known = channels
        if known is None and files and layout.layout == "wide":
            known = files[0].roles.numbers
        roles = roles_in(table, sample, layout, known)
        if known is not None and known is not channels:
            _demand_same(path, roles.numbers, files[0].table.path, known)
        time = sample.column(roles.timestamp)
        unit = unit_of_first(time, layout.timestamp_unit, roles.timestamp, path)
        entity = stem(path) if layout.entity_from_file_name else DEFAULT_ENTITY
        files.append(HistoryFile(len(files), table, roles, unit, entity))
        columns.update(table.kinds)
    if unknown := [name for name in layout.exclude if name not in columns]:
        hint = did_you_mean(unknown[0], columns) or "--exclude takes those of these"
        raise no_column(paths[0], unknown, sorted(columns), hint)
    return files


def _demand_same(path: Path, here: Sequence[str], first: Path, there: Sequence[str]) -> None:
    lacking = [name for name in there if name not in set(here)]
    added = [name for name in here if name not in set(there)]
    if lacking or added:
        parts = [f"lacks the {noun(len(lacking), 'channel')} {listed(lacking)}"] if lacking else []
        parts += [f"has the {noun(len(added), 'channel')} {listed(added)} besides"] if added else []
        what = f"compared with {first}, this file {' and '.join(parts)}"
        hint = (
            "the files of one history need the same channels: leave those that some lack out "
            "with --exclude"
        )
        raise DataError(what, where=str(path), hint=hint)
