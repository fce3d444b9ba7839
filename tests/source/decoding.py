"""Decoding without Kafka: records as (key, value) pairs, and a decoder that knows one lane only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from sentinel.config.schema import SourceConfig
from sentinel.source.batches import PlainRecord, RecordBatch, pack
from sentinel.source.decoder import Decoded, Decoder

TIME_S = 1_700_000_000
TIME_NS = TIME_S * 10**9


def source_config(**keys: Any) -> SourceConfig:
    """A source configuration; `keys` beside what it needs anyway."""
    needed = {"bootstrap_servers": "127.0.0.1:1", "topic": "readings", "group_id": "sentinel"}
    return SourceConfig(**{**needed, **keys})


class SlowDecoder(Decoder):
    """Every record through the slow lane."""

    def decode(self, batch: RecordBatch) -> None:
        self._records += len(batch)
        for i in range(len(batch)):
            self._read_slowly(batch, i)


def batch_of(
    values: Sequence[Any], key: bytes | None = b"pump", partition: int = 0, first_offset: int = 0
) -> RecordBatch:
    """One record per value (bytes and None as they are, everything else as JSON)."""
    return pack(
        "readings",
        partition,
        [
            PlainRecord(first_offset + i, 123, key, as_bytes(value))
            for i, value in enumerate(values)
        ],
    )


def as_bytes(value: Any) -> bytes | None:
    """A record's value."""
    return value if value is None or isinstance(value, bytes) else json.dumps(value).encode()


def decode(
    values: Sequence[Any],
    model_channels: Sequence[str] = ("temp", "vib"),
    key: bytes | None = b"pump",
    **keys: Any,
) -> tuple[Decoded, Decoder]:
    """What the records hold."""
    decoder = Decoder(source_config(**keys), model_channels)
    decoder.decode(batch_of(values, key))
    return decoder.take(), decoder


def seen(decoded: Decoded, entities: Sequence[str]) -> dict[str, Any]:
    """Everything that was decoded, comparable bit for bit."""
    readings = decoded.readings
    return {
        "records": decoded.records,
        "entity": [entities[i] for i in readings.entity],
        "time_ns": readings.time_ns.tolist(),
        "partition": readings.partition.tolist(),
        "offset": readings.offset.tolist(),
        "values": np.ascontiguousarray(readings.values).view(np.int64).tolist(),
        "rejected": dict(decoded.rejected),
        "masked": dict(decoded.masked),
        "letters": list(decoded.dead_letters),
    }
