"""Readings per second through the daemon, and its memory, on a real Apache Kafka.

    python -m tests.bench.daemon [--records 1000000] [--daemon-records 100000]

Validates first (every reading arrives once, windows are counted), then prints, per CPU second and
per second: consume-decode-window without the model (one JSON reading per record, three channels,
400 entities), the detector alone with a (64, 8, 32) model, the whole daemon with that model (from
Kafka to commits and metrics), and the memory that 10,000 entities of it take. Only ratios and
orders of magnitude carry over to other machines.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import confluent_kafka
import numpy as np

from sentinel import store
from sentinel.alert.episodes import EpisodeRules
from sentinel.cli.wiring import running
from sentinel.config.schema import Config, MetricsConfig, SinkConfig, SourceConfig
from sentinel.detector import Detector
from sentinel.fitted import FittedModel
from sentinel.model.architecture import Architecture
from sentinel.model.parameters import Parameters
from sentinel.records import NS_PER_S, Readings
from sentinel.runtime.kernels import choose
from sentinel.source.kafka import KafkaSource
from sentinel.source.warm_up import warm_up
from sentinel.window.scaling import Scaling, ValueRange
from tests.kafka.cluster import KafkaCluster
from tests.kafka.handle import Kafka

PARTITIONS = 4
KEYS = 400
WINDOW_LENGTH = 64
CHANNELS = 8
DAEMON_RECORDS = 100_000


def produce(kafka: Kafka, topic: str, records: int, compression: str = "none") -> None:
    """One reading of three channels per record, 75 bytes."""
    kafka.create_topic(topic, PARTITIONS)
    producer = confluent_kafka.Producer({
        "bootstrap.servers": kafka.bootstrap_servers, "linger.ms": 20, "batch.size": 262_144,
        "queue.buffering.max.messages": 1_000_000, "compression.type": compression,
    })  # fmt: skip
    x = np.random.default_rng(0).normal(20, 3, (records, 3))
    for n in range(records):
        key = b"m%03d" % (n % KEYS)
        value = b'{"ts":%.3f,"entity":"%s","temp":%.4f,"vib":%.5f,"rpm":%d}' % (
            1.7e9 + n * 0.01, key, x[n, 0], x[n, 1] * 0.01, 1500 + int(x[n, 2]),
        )  # fmt: skip
        _send(producer, topic, key, value)
    producer.flush()


def produce_wide(kafka: Kafka, topic: str, records: int) -> None:
    """One reading of all the model's channels per record; the entities take turns, in one order."""
    kafka.create_topic(topic, 1)
    producer = confluent_kafka.Producer({
        "bootstrap.servers": kafka.bootstrap_servers, "linger.ms": 20,
    })  # fmt: skip
    x = np.random.default_rng(0).normal(0, 1, (records, CHANNELS))
    for n, values in enumerate(x.tolist()):
        fields = ",".join(f'"c{c}":{value:.4f}' for c, value in enumerate(values))
        reading = f'{{"ts":{1_700_000_000 + n // KEYS},{fields}}}'
        _send(producer, topic, b"m%03d" % (n % KEYS), reading.encode())
    producer.flush()


def _send(producer: confluent_kafka.Producer, topic: str, key: bytes, value: bytes) -> None:
    while True:
        try:
            producer.produce(topic, key=key, value=value)
            return
        except BufferError:
            producer.poll(0.05)


def model(channels: int) -> FittedModel:
    """A model of random weights: its arithmetic is that of any other of its shape."""
    return FittedModel(
        kind="reconstruct", recipe=None, calibration_scores=np.zeros(0),
        channels=tuple(f"c{n}" for n in range(channels)),
        window_length=WINDOW_LENGTH, window_stride=1, interval_ns=NS_PER_S,
        max_gap_ns=100 * NS_PER_S,
        scaling=Scaling("standard", np.zeros(channels), np.ones(channels)),
        history_range=ValueRange(np.full(channels, -10.0), np.full(channels, 10.0)),
        parameters=Parameters.initial(Architecture(channels, 32), np.random.default_rng(0)),
        error_scale=np.ones(channels),
        threshold=1e9,
    )  # fmt: skip


def consumed(kafka: Kafka, topic: str, records: int) -> Iterator[Readings]:
    """Everything in the topic, as the daemon's source hands it on."""
    config = SourceConfig(
        bootstrap_servers=kafka.bootstrap_servers, topic=topic, group_id=f"bench-{time.time_ns()}"
    )
    channels = ("temp", "vib", "rpm")
    warm_up(config, channels)
    source = KafkaSource(config, {"bootstrap_servers": kafka.bootstrap_servers}, channels)
    done = 0
    try:
        while done < records:
            readings = source.poll(1000).readings
            done += len(readings)
            if len(readings):
                yield readings
    finally:
        source.close()
    assert done == records, (done, records)


def without_model(kafka: Kafka, topic: str, records: int) -> dict[str, float]:
    """Consume, decode, fill the windows."""
    detector = Detector(model(3), EpisodeRules())
    detector.warm_up()
    detector.prime(Readings.empty(3))
    stream = consumed(kafka, topic, records)
    first = next(stream)  # joining the group is not reading
    detector.prime(first)
    wall, cpu = time.perf_counter(), time.process_time()
    for readings in stream:
        detector.prime(readings)
    seconds = time.perf_counter() - wall, time.process_time() - cpu
    assert int((detector.rings.state.filled == WINDOW_LENGTH).sum()) == KEYS
    rest = records - len(first)
    return {"readings_per_second": rest / seconds[0], "readings_per_cpu_second": rest / seconds[1]}


def readings_of(entities: int, rows: int, first: int, channels: int) -> Readings:
    """`rows` readings of every entity, interleaved."""
    count = entities * rows
    entity = np.tile(np.arange(entities, dtype=np.int32), rows)
    steps = np.repeat(np.arange(first, first + rows), entities).astype(np.int64)
    values = np.random.default_rng(first).normal(0, 1, (count, channels))
    zeros = np.zeros(count, np.int32)
    return Readings(entity, (steps + 1_700_000_000) * NS_PER_S, zeros, steps, values)


def whole_detector(entities: int) -> dict[str, float]:
    """Rings, model, decision: windows of (64, 8, 32), one per reading."""
    fitted = model(CHANNELS)
    backend = choose(fitted.parameters.architecture).backend
    detector = Detector(fitted, EpisodeRules(), backend=backend)
    detector.warm_up()
    detector.prime(readings_of(entities, WINDOW_LENGTH, 0, CHANNELS))
    readings = readings_of(entities, max(1, 8192 // entities), WINDOW_LENGTH, CHANNELS)
    wall, cpu = time.perf_counter(), time.process_time()
    windows = detector.process(readings).windows
    seconds = time.perf_counter() - wall, time.process_time() - cpu
    assert windows == len(readings)
    return {"readings_per_second": windows / seconds[0],
            "readings_per_cpu_second": windows / seconds[1]}  # fmt: skip


def whole_daemon(kafka: Kafka, records: int) -> dict[str, float]:
    """What `sentinel run` does in its loop: consume, decode, score, deliver, commit, report."""
    topics = [f"bench-{name}" for name in ("wide", "events", "dead-letter")]
    produce_wide(kafka, topics[0], records)
    for topic in topics[1:]:
        kafka.create_topic(topic, 1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        store.save(model(CHANNELS), path)
        config = Config(
            model=str(path),
            source=SourceConfig(
                bootstrap_servers=kafka.bootstrap_servers, topic=topics[0], group_id="bench"
            ),
            sink=SinkConfig(events_topic=topics[1], dead_letter_topic=topics[2]),
            metrics=MetricsConfig(listen_address="127.0.0.1:0"),
        )
        with running(config) as started:
            daemon = started.daemon
            while daemon.readings_total < KEYS * WINDOW_LENGTH:  # to join and to warm is no scoring
                daemon.turn()
            first = daemon.readings_total
            wall, cpu = time.perf_counter(), time.process_time()
            while daemon.readings_total < records:
                daemon.turn()
            seconds = time.perf_counter() - wall, time.process_time() - cpu
    rest = daemon.readings_total - first
    return {"readings_per_second": rest / seconds[0], "readings_per_cpu_second": rest / seconds[1]}


def memory(entities: int) -> dict[str, float]:
    """Resident bytes that the rings and states of so many entities add."""
    detector = Detector(model(CHANNELS), EpisodeRules())
    detector.warm_up()
    before = _resident()
    detector.prime(readings_of(entities, WINDOW_LENGTH, 0, CHANNELS))
    added = _resident() - before
    return {"megabytes_added": added / 1e6, "megabytes_peak":
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3}  # fmt: skip


def _resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def main() -> None:
    """Print one JSON line per measurement."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--daemon-records", type=int, default=DAEMON_RECORDS)
    parser.add_argument("--entities", type=int, default=10_000)
    options = parser.parse_args()
    print(json.dumps({f"memory of {options.entities} entities": memory(options.entities)}))
    for entities in (1, 400, options.entities):
        print(json.dumps({f"detector (64, 8, 32), {entities} entities": whole_detector(entities)}))
    with KafkaCluster() as cluster, Kafka("kafka", cluster.bootstrap_servers) as kafka:
        topic = "bench"
        produce(kafka, topic, options.records)
        for _ in range(3):
            found = without_model(kafka, topic, options.records)
            print(json.dumps({"consume-decode-window": found}), flush=True)
        found = whole_daemon(kafka, options.daemon_records)
        print(json.dumps({"whole daemon (64, 8, 32)": found}), flush=True)


if __name__ == "__main__":
    main()
