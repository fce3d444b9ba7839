"""What a record looks like, by the configuration: paths, roles and the model's channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sentinel.config.schema import SourceConfig, TimestampUnit
from sentinel.errors import ConfigError
from sentinel.source.field_tree import split_path

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RecordLayout:
    """Where a reading's parts stand in a record.

    channels  the model's channels, in the order of the columns
    values    wide: the path of each channel; long: its name in the record, as a path of one
    entity, readings  () where the record key names the entity, or the record is the reading

    A channel that the configuration does not rename stands under its own name, dots included. With
    `readings`, the time, the entity and the channel's name are looked for in the reading first and
    then in the object around the array.
    """

    layout: Literal["wide", "long"]
    channels: tuple[str, ...]
    timestamp: Path
    timestamp_unit: TimestampUnit
    entity: Path
    readings: Path
    channel: Path
    value: Path
    values: tuple[Path, ...]


def layout_of(config: SourceConfig, channels: Sequence[str]) -> RecordLayout:
    """The layout for the model's `channels`; ConfigError where the two do not fit together."""
    strangers = sorted(set(config.channels) - set(channels))
    if strangers:
        raise ConfigError(
            f"the model has no channel {strangers[0]!r}",
            where="source.channels",
            hint=f"its channels are {', '.join(map(repr, channels[:20]))}",
        )
    wide = config.layout == "wide"
    values = tuple(
        split_path(config.channels[name]) if wide and name in config.channels
        else (config.channels.get(name, name),)
        for name in channels
    )  # fmt: skip
    if len(set(values)) != len(values):
        raise ConfigError(
            "two channels are read from the same field",
            where="source.channels",
            hint="each channel of the model needs a field of its own",
        )
    return RecordLayout(
        layout=config.layout,
        channels=tuple(channels),
        timestamp=split_path(config.timestamp_field),
        timestamp_unit=config.timestamp_unit,
        entity=split_path(config.entity_field) if config.entity_field else (),
        readings=split_path(config.readings_field) if config.readings_field else (),
        channel=split_path(config.channel_field),
        value=split_path(config.value_field),
        values=values,
    )
