"""Compile everything that turns records into readings, before the group is joined."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from kafka.record.default_records import DefaultRecordBatchBuilder

from sentinel.config.schema import SourceConfig
from sentinel.source.batches import PackedBatch, unpack
from sentinel.source.decoder import Decoder
from sentinel.source.key_table import Names

HEADER_BYTES = 61
NAMES = 100  # beyond the first room of a table


def warm_up(config: SourceConfig, channels: Sequence[str]) -> None:
    """Decode one record batch, as Kafka would hand it over, with a decoder of its own."""
    builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, 1 << 20)
    value = b'{"ts": 1700000000, "value": 1.5}'
    builder.append(0, timestamp=1_700_000_000_000, key=b"warm-up", value=value, headers=[])
    payload = np.frombuffer(bytes(builder.build()), np.uint8)[HEADER_BYTES:]
    packed = PackedBatch(payload, 1, 0, 0, 1_700_000_000_000, -1)
    decoder = Decoder(config, channels)
    decoder.decode(unpack(config.topic, 0, packed))
    decoder.take()
    decoder.finish()
    # What the fast lane does not call itself: names from the slow lane, and room for more of them.
    names = Names(NAMES)
    for number in range(NAMES):
        names.add(b"%d" % number)
