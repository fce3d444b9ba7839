"""One record at a time, explained: what `sentinel check --sample` tells of a topic's records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sentinel.config.schema import SourceConfig
from sentinel.ports import DeadLetter
from sentinel.source.batches import PlainRecord, pack
from sentinel.source.decoder import Decoder


@dataclass(frozen=True, slots=True)
class Explained:
    """What became of one record.

    readings  how many readings (layout long: values) it holds that can be used
    channels  the model's channels that have a value in them
    rejected  readings that cannot be used, by reason
    masked    values missing from the good readings, by reason; layout long: none
    letter    the dead letter that the daemon would send, with the message; None = all is well
    """

    readings: int
    channels: Sequence[str]
    rejected: Mapping[str, int]
    masked: Mapping[str, int]
    letter: DeadLetter | None


def explain(
    config: SourceConfig, channels: Sequence[str], partition: int, records: Sequence[PlainRecord]
) -> list[Explained]:
    """What the daemon would make of each record, read with `config` for the model's `channels`."""
    return [_one(Decoder(config, channels), config, channels, partition, r) for r in records]


def _one(
    decoder: Decoder,
    config: SourceConfig,
    channels: Sequence[str],
    partition: int,
    record: PlainRecord,
) -> Explained:
    decoder.decode(pack(config.topic, partition, [record]))
    decoded = decoder.take()
    long = config.layout == "long"
    rest = decoder.finish()
    values = np.concatenate([decoded.readings.values, rest.readings.values])
    present = np.isfinite(values)
    return Explained(
        readings=int(present.sum()) if long else len(values),
        channels=[name for name, there in zip(channels, present.any(axis=0), strict=True) if there],
        rejected=decoded.rejected,
        masked={} if long else decoded.masked,
        letter=decoded.dead_letters[0] if decoded.dead_letters else None,
    )
