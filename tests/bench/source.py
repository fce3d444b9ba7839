"""Records per second from a topic into columns, beside the clients that people use otherwise.

    python -m tests.kafka.cluster            # prints host:port
    python -m tests.bench.source host:port [--records 1000000] [--rounds 3] [--compression lz4]

One JSON reading of three channels per record (75 bytes, 4 partitions, 400 keys), read by one
process from a real Kafka. Validates first: every way that decodes must find the same sum. Then
prints records per second, by the wall clock and by the CPU (all threads of the process), the best
of the rounds. The window behind the decoder is measured by tests/bench/daemon.py.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import confluent_kafka
import msgspec
import numpy as np
from kafka import KafkaConsumer, TopicPartition

from sentinel.config.schema import SourceConfig
from sentinel.source.kafka_range import KafkaRangeSource
from tests.bench.daemon import PARTITIONS, produce
from tests.kafka.handle import Kafka

FETCH_BYTES = 32 << 20
PARTITION_FETCH_BYTES = 4 << 20

Result = tuple[int, float]  # records, and the sum of their temperatures; NaN = not decoded
Read = Callable[[int], Result]  # reads so many records to the end


class Reading(msgspec.Struct):
    """What the per-record way decodes into."""

    ts: float
    temp: float
    vib: float
    rpm: float


@contextmanager
def kafka_python(servers: str, topic: str) -> Iterator[Read]:
    """One ConsumerRecord and one struct per record."""
    consumer = KafkaConsumer(
        bootstrap_servers=servers, group_id=None, auto_offset_reset="earliest",
        max_poll_records=20_000, fetch_max_bytes=FETCH_BYTES,
        max_partition_fetch_bytes=PARTITION_FETCH_BYTES,
    )  # fmt: skip
    consumer.assign([TopicPartition(topic, number) for number in range(PARTITIONS)])
    decode = msgspec.json.Decoder(Reading).decode

    def read(records: int) -> Result:
        count, total = 0, 0.0
        while count < records:
            for some in consumer.poll(1000).values():
                count += len(some)
                for record in some:
                    total += decode(record.value).temp
        return count, total

    yield read
    consumer.close()


@contextmanager
def confluent(servers: str, topic: str) -> Iterator[Read]:
    """One message object per record, from librdkafka; the values are not looked at."""
    consumer = confluent_kafka.Consumer({
        "bootstrap.servers": servers, "group.id": "bench", "enable.auto.commit": False,
        "auto.offset.reset": "earliest", "fetch.max.bytes": FETCH_BYTES,
        "max.partition.fetch.bytes": PARTITION_FETCH_BYTES, "queued.min.messages": 1_000_000,
    })  # fmt: skip

    def read(records: int) -> Result:
        # It fetches in the background from here on: assigned earlier, it would get a start.
        consumer.assign([confluent_kafka.TopicPartition(topic, n, 0) for n in range(PARTITIONS)])
        count = 0
        while count < records:
            count += len(consumer.consume(20_000, 1.0))
        return count, math.nan

    yield read
    consumer.close()


@contextmanager
def sentinel(servers: str, topic: str) -> Iterator[Read]:
    """Whole record batches, decoded into columns."""
    config = SourceConfig(
        bootstrap_servers=servers, topic=topic, group_id="bench", entity_field="entity"
    )
    source = KafkaRangeSource(config, {"bootstrap_servers": servers})
    column = source.channel_names.index("temp")

    def read(records: int) -> Result:
        count, total = 0, 0.0
        while (batch := source.poll(1000)) is not None:
            count += len(batch.readings)
            total += float(batch.readings.values[:, column].sum())
        assert count == records, (count, records)
        return count, total

    yield read
    source.close()


WAYS: dict[str, Callable[[str, str], AbstractContextManager[Read]]] = {
    "kafka-python + msgspec": kafka_python,
    "confluent-kafka, not decoded": confluent,
    "sentinel": sentinel,
}


def validate(servers: str, topic: str, records: int) -> None:
    """Every way that decodes finds the same readings."""
    sums = {}
    for name, way in WAYS.items():
        with way(servers, topic) as read:
            count, total = read(records)
        assert count == records, (name, count)
        sums[name] = total
    decoded = [total for total in sums.values() if not math.isnan(total)]
    assert np.allclose(decoded, decoded[0], rtol=1e-12), sums
    print(f"{records} records, the same sum every way: {decoded[0]:.3f}", flush=True)


def measure(servers: str, topic: str, records: int, rounds: int) -> None:
    """Print the best round of each way. Connecting is not reading: it is not counted."""
    best = dict.fromkeys(WAYS, (0.0, 0.0))
    for _ in range(rounds):
        for name, way in WAYS.items():
            with way(servers, topic) as read:
                wall, cpu = time.perf_counter(), time.process_time()
                read(records)
                wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            best[name] = max(best[name][0], records / wall), max(best[name][1], records / cpu)
    reference = best["kafka-python + msgspec"][1]
    for name, (per_second, per_cpu_second) in best.items():
        print(
            f"{name:30} {per_second / 1e6:6.2f} M/s  {per_cpu_second / 1e6:6.2f} M per CPU second"
            f"  {per_cpu_second / reference:5.1f} x"
        )


def main() -> None:
    """Produce, validate, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bootstrap_servers")
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--compression", default="none")
    options = parser.parse_args()
    topic = f"bench-source-{options.records}-{options.compression}"
    servers = options.bootstrap_servers
    with Kafka("kafka", servers) as kafka:
        if topic not in kafka.admin.list_topics():
            produce(kafka, topic, options.records, options.compression)
    validate(servers, topic, options.records)
    measure(servers, topic, options.records, options.rounds)


if __name__ == "__main__":
    main()
