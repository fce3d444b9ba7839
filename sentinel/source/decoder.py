"""Records in, columns of readings out: the two lanes, the entities and the dead letters together.

Pure: it knows neither Kafka nor files. `decode` takes the records of one poll, `take` hands on what
they said. State lives across polls: the entities' names, the fields that were seen, and in layout
long the readings that are still being put together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sentinel.config.schema import SourceConfig
from sentinel.ports import ChannelReport, DeadLetter
from sentinel.records import Readings
from sentinel.source import fast_lane as lane
from sentinel.source import field_tree as ft
from sentinel.source import reasons
from sentinel.source.assembler import Assembler
from sentinel.source.batches import RecordBatch
from sentinel.source.channel_watch import ChannelWatch
from sentinel.source.fast_object import SLOTS
from sentinel.source.json_time import CLOCKS
from sentinel.source.key_table import FULL, Names
from sentinel.source.layout import RecordLayout, layout_of
from sentinel.source.rows import MISSING, READINGS, Rows, grown, new_rows
from sentinel.source.slow_lane import GoodReading, Rejection, SlowLane, at, parse

_FIRST_ROWS = 4096


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the records of one poll said; see `ports.PollBatch`."""

    records: int
    readings: Readings
    rejected: Mapping[str, int]
    masked: Mapping[str, int]
    dead_letters: Sequence[DeadLetter]


class Decoder:
    """Decodes the records of one source, for one model's channels."""

    def __init__(self, config: SourceConfig, channels: Sequence[str]) -> None:
        self._layout = layout_of(config, channels)
        self._long = config.layout == "long"
        self._slow = SlowLane(self._layout)
        self._fields = _fields(self._layout)
        self._watch = ChannelWatch(self._layout)
        self._names = Names(config.max_entities)
        self._assembler = Assembler(len(channels)) if self._long else None
        self._shape = np.array(
            [
                self._long,
                CLOCKS[config.timestamp_unit],
                bool(config.readings_field),
                not config.entity_field,
                len(channels),
            ],
            np.int64,
        )
        self._scratch = np.zeros((2, SLOTS), np.int64)
        self._rows = new_rows(_FIRST_ROWS, 1 if self._long else len(channels))
        self._begin()

    def _begin(self) -> None:
        self._rows.numbers[:] = 0  # the room stays: the next poll brings as much
        self._records = 0
        self._rejected: Counter[str] = Counter()
        self._masked: Counter[str] = Counter()
        self._letters: list[DeadLetter] = []

    @property
    def entities(self) -> Sequence[str]:
        """Names of the entities, by index; it only grows."""
        return self._names.texts

    def channels(self) -> ChannelReport:
        """The stream's channels so far, against the model's."""
        return self._watch.report(self._fields.unknown)

    def decode(self, batch: RecordBatch) -> None:
        """Take in the records of a batch; `take` hands on what they say."""
        self._records += len(batch)
        i = 0
        while i < len(batch):
            state: tuple[Any, ...] = (
                *self._fields.tree,
                self._shape,
                *self._names.table,
                *self._watch.names.table,
                *self._rows,
                *self._scratch,
            )
            i, why, unseen = lane.decode_records(
                batch.payload, batch.table, i, batch.partition, *state
            )
            if unseen >= 0:
                self._learn(parse(batch.value(unseen)))
            if why == lane.STOP_ROWS:
                self._rows = grown(self._rows)
            elif why == lane.STOP_NAMES:
                self._names.make_room()
                self._watch.names.make_room()
            elif why == lane.STOP_SLOW:
                self._read_slowly(batch, i)
                i += 1

    def take(self) -> Decoded:
        """What the records since the last call said, in their order."""
        rows = self._rows
        self._watch.look(rows, self._records)
        if self._assembler is not None:
            rows = self._assembler.take(rows, len(self._names))
        return self._handed_on(rows)

    def finish(self) -> Decoded:
        """The readings that were still being put together: the stream has ended."""
        if self._assembler is None:
            return self._handed_on(self._rows)
        return self._handed_on(self._assembler.finish())

    def forget(self, partitions: Collection[int]) -> None:
        """Drop the readings that these partitions have begun; the entities' names stay."""
        if self._assembler is not None:
            self._assembler.forget(partitions)

    def hold_back(self, partition: int, position: int) -> int:
        """From where a restart must read a partition that was read up to `position`."""
        if self._assembler is None:
            return position
        return self._assembler.hold_back(partition, position)

    def _handed_on(self, rows: Rows) -> Decoded:
        n = rows.used
        missing = int(rows.numbers[MISSING])
        if missing:
            self._masked[reasons.MISSING] += missing
        heads = rows.heads[:n]
        readings = Readings(
            heads["entity"].copy(),
            heads["time_ns"].copy(),
            heads["partition"].copy(),
            heads["offset"].copy(),
            rows.values[:n].copy(),
        )
        decoded = Decoded(
            self._records, readings, dict(self._rejected), dict(self._masked), self._letters
        )
        self._begin()
        return decoded

    def _learn(self, document: object) -> None:
        if self._layout.readings:
            self._fields.learn(document, ft.RECORD)
            document = at(document, self._layout.readings)
        for one in document if isinstance(document, list) else (document,):
            self._fields.learn(one)

    def _read_slowly(self, batch: RecordBatch, i: int) -> None:
        document = parse(batch.value(i))
        self._learn(document)
        rejections = []
        for result in self._slow.read(batch.key(i), document):
            if isinstance(result, GoodReading):
                rejection = self._keep(batch, i, result)
                if rejection is not None:
                    rejections.append(rejection)
            else:
                rejections.append(result)
        if rejections:
            self._rejected.update(rejection.reason for rejection in rejections)
            self._letters.append(_letter(batch, i, rejections))

    def _keep(self, batch: RecordBatch, i: int, reading: GoodReading) -> Rejection | None:
        entity = self._names.add(reading.entity)
        if entity == FULL:
            limit = len(self._names)
            return Rejection(
                reasons.TOO_MANY_ENTITIES, f"more than source.max_entities = {limit} entities"
            )
        row = self._rows.used
        if row == len(self._rows.heads):
            self._rows = grown(self._rows)
        self._rows.heads[row] = (
            reading.time_ns, batch.offset(i), entity, batch.partition, reading.channel
        )  # fmt: skip
        self._rows.values[row] = reading.values
        self._rows.numbers[READINGS] = row + 1
        self._masked.update(reading.masked)
        return None


def _fields(layout: RecordLayout) -> ft.Fields:
    """The fields that the fast lane looks for."""
    fields = ft.Fields()
    roots = (ft.READING, ft.RECORD) if layout.readings else (ft.READING,)
    for root in roots:
        fields.want(root, layout.timestamp, ft.TIME)
        if layout.entity:
            fields.want(root, layout.entity, ft.ENTITY)
        if layout.layout == "long":
            fields.want(root, layout.channel, ft.CHANNEL)
    if layout.readings:
        fields.want(ft.RECORD, layout.readings, ft.ARRAY)
    values = layout.values if layout.layout == "wide" else (layout.value,)
    for column, path in enumerate(values):
        fields.want(ft.READING, path, ft.VALUE, column)
    fields.ready()
    return fields


def _letter(batch: RecordBatch, i: int, rejections: Sequence[Rejection]) -> DeadLetter:
    first = rejections[0]
    more = f" (and {len(rejections) - 1} more readings of this record)" * (len(rejections) > 1)
    where = f"{batch.topic}/{batch.partition}@{batch.offset(i)}"
    return DeadLetter(
        topic=batch.topic,
        partition=batch.partition,
        offset=batch.offset(i),
        timestamp_ms=batch.timestamp_ms(i),
        key=batch.key(i),
        value=batch.value(i),
        headers=batch.record_headers(i),
        stage=reasons.stage_of(first.reason),
        reason=first.reason,
        message=f"{where}{first}{more}",
    )
