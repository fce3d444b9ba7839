"""Which column of a file is the time, which the entity, which are the channels."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc

from sentinel.config.problems import did_you_mean
from sentinel.config.schema import TimestampUnit
from sentinel.errors import DataError
from sentinel.plural import listed
from sentinel.source.history_table import MISSING, HistoryTable, no_column, not_a_number, shortened

TIMESTAMP_COLUMN = "timestamp"
TIMESTAMP_NAMES = ("timestamp", "ts", "time", "datetime", "date")
ENTITY_COLUMN = "entity"
NUMERIC_SHARE_MIN = 0.5  # text of which so much are numbers is a channel with bad values in it
NUMBER_TEXT = r"^[-+]?(\d+[.,]?\d*|[.,]\d+)([eE][-+]?\d+)?$"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FileLayout:
    """How the columns of a history are to be read.

    layout                 wide: a channel per column; long: a row holds one value of one channel
    timestamp_column       the default stands for any usual name, if exactly one column has one
    timestamp_unit         auto: the first row of each file decides
    entity_column          None: the column `entity` where there is one, else no column
    entity_from_file_name  without an entity column: each file is an entity, called as its file;
                           else all files together are one
    channel_column         layout long: the channel's name
    value_column           layout long: its value
    exclude                columns that are not there for us
    """

    layout: Literal["wide", "long"] = "wide"
    timestamp_column: str = TIMESTAMP_COLUMN
    timestamp_unit: TimestampUnit = "auto"
    entity_column: str | None = None
    entity_from_file_name: bool = False
    channel_column: str = "channel"
    value_column: str = "value"
    exclude: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Roles:
    """The columns of one file by what they mean.

    numbers  every column that can be a channel, in the order of the file; layout long: the value
    channel  layout long: the column with the channels' names
    """

    timestamp: str
    entity: str | None
    numbers: tuple[str, ...]
    channel: str | None = None


def roles_in(
    table: HistoryTable,
    sample: pa.RecordBatch,
    layout: FileLayout,
    channels: Sequence[str] | None,
) -> Roles:
    """Tell the columns of a file apart.

    channels  the names that must be numbers here, where they are there at all: the model's, or
              the first file's; None: every number is a channel
    Raises    DataError where a column is missing, ambiguous, or text where numbers are due
    """
    kinds = {name: kind for name, kind in table.kinds.items() if name not in layout.exclude}
    timestamp = _timestamp_column(table, kinds, layout)
    entity = layout.entity_column
    if entity is None:
        entity = ENTITY_COLUMN if ENTITY_COLUMN in kinds else None
    else:
        _demand(table, kinds, entity, "entity")
    rest = {name: kind for name, kind in kinds.items() if name not in (timestamp, entity)}
    if layout.layout == "long":
        _demand(table, rest, layout.channel_column, "channel")
        _demand(table, rest, layout.value_column, "value")
        if rest[layout.value_column] not in ("number", "empty"):
            _refuse_text(table, sample, layout.value_column, share_min=0.0)
        return Roles(timestamp, entity, (layout.value_column,), layout.channel_column)
    known = set(channels) if channels is not None else None
    numbers = []
    ignored = []
    for name, kind in rest.items():
        is_channel = known is not None and name in known
        if kind == "number" or (kind == "empty" and (known is None or is_channel)):
            numbers.append(name)
        elif is_channel or (known is None and kind == "text"):
            _refuse_text(table, sample, name, share_min=0.0 if is_channel else NUMERIC_SHARE_MIN)
            ignored.append(name)
        elif kind != "empty":
            ignored.append(name)
    if ignored:
        log.info("%s: columns that are not numbers are ignored: %s", table.path, listed(ignored))
    _refuse_long(table, numbers, ignored, layout)
    return Roles(timestamp, entity, tuple(numbers))


def _timestamp_column(table: HistoryTable, columns: Iterable[str], layout: FileLayout) -> str:
    names = list(columns)
    if layout.timestamp_column in names:
        return layout.timestamp_column
    hint = did_you_mean(layout.timestamp_column, names) or "--timestamp-column takes one of these"
    if layout.timestamp_column == TIMESTAMP_COLUMN:
        hint = "name the column that holds the time with --timestamp-column"
        usual = [name for name in names if name.casefold() in TIMESTAMP_NAMES]
        if len(usual) == 1:
            return usual[0]
        if usual:
            what = f"which column is the time: {listed(usual)}?"
            raise DataError(what, where=str(table.path), hint=hint)
        if any(_is_number(name) for name in names):
            hint = "the first line must be a header with the columns' names"
    raise no_column(table.path, [layout.timestamp_column], names, hint)


def _demand(table: HistoryTable, columns: Iterable[str], name: str, role: str) -> None:
    names = list(columns)
    if name not in names:
        hint = did_you_mean(name, names) or f"--{role}-column takes one of these"
        raise no_column(table.path, [name], names, hint)


def _refuse_text(
    table: HistoryTable, sample: pa.RecordBatch, name: str, *, share_min: float
) -> None:
    """Raise where at least `share_min` of a column's texts are numbers: it is a broken channel."""
    column = sample.column(name)
    try:
        texts = column.cast(pa.string())
    except pa.ArrowException:
        what = f"column {name!r} holds {column.type}, not numbers"
        raise DataError(
            what, where=str(table.path), hint="leave the column out with --exclude"
        ) from None
    trimmed = pc.utf8_trim_whitespace(texts.fill_null(""))
    filled = pc.invert(pc.is_in(trimmed, pa.array(MISSING)))
    is_number = pc.and_(filled, pc.match_substring_regex(trimmed, NUMBER_TEXT))
    count, numbers = pc.sum(filled).as_py() or 0, pc.sum(is_number).as_py() or 0
    if count == 0 or numbers < share_min * count:
        return
    bad = pc.index(pc.and_not(filled, is_number), True).as_py()
    if bad >= 0:
        raise not_a_number(table.path, bad, name, texts[bad].as_py())
    what = f"column {name!r} holds numbers as text, such as {shortened(texts[0].as_py())}"
    raise DataError(
        what,
        where=str(table.path),
        hint="store it as numbers, or leave the column out with --exclude",
    )


def _refuse_long(
    table: HistoryTable, numbers: Sequence[str], ignored: Sequence[str], layout: FileLayout
) -> None:
    if list(numbers) == [layout.value_column] and layout.channel_column in ignored:
        what = (
            f"columns {layout.channel_column!r} and {layout.value_column!r} look like layout long"
        )
        raise DataError(what, where=str(table.path), hint="choose --layout long")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
