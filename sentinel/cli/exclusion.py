"""Stretches of a history that are known to be wrong, taken out of it by a file of labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from sentinel.backtest.labels import Labels
from sentinel.cli.labelling import SAME_CLOCK, refuse_strangers
from sentinel.errors import DataError
from sentinel.fitting.history import Allocate
from sentinel.records import BoolArray, Readings
from sentinel.report.wording import iso
from sentinel.source.history_table import place

CHUNK_ROWS = 1 << 20


def exclude_times_option(text: str) -> Callable[[Any], Any]:
    """The option that names such a file, with this help."""
    path = click.Path(path_type=Path)
    return click.option("--exclude-times", "left_out_path", type=path, metavar="LABELS", help=text)


def labelled_rows(
    labels: Labels, history: Readings, entities: Sequence[str], allocate: Allocate
) -> BoolArray:
    """Which rows of a history (N,) lie in one of the labels' stretches.

    Raises DataError where a stretch holds no reading, as one of another year or machine would, or
    where all of them together leave none.
    """
    refuse_strangers(labels, entities, "history")
    mask = allocate((len(history),), np.bool_)
    unmet = set(range(len(labels)))
    for start in range(0, len(history), CHUNK_ROWS):
        some = history.slice(start, start + CHUNK_ROWS)
        mask[start : start + len(some)] = labels.mask(some.entity, some.time_ns, entities)
        unmet.intersection_update(labels.without_reading(some.entity, some.time_ns, entities))
    if unmet:
        row = min(unmet)
        raise DataError(
            f"no reading lies from {iso(int(labels.from_ns[row]))} to "
            f"{iso(int(labels.to_ns[row]))}; the history is from "
            f"{iso(int(history.time_ns.min()))} to {iso(int(history.time_ns.max()))}",
            where=place(Path(labels.where), row),
            hint=SAME_CLOCK,
        )
    if mask.all():
        raise DataError(
            "every reading of the history lies in a stretch to leave out", where=labels.where
        )
    return mask
