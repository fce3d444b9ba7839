"""What judging every reading costs: every window rebuilt, every 16th, and none by a light model.

    python -m tests.bench.schedule

Validates first that the scores do not depend on the batches, then times the detector on 1,000
machines in turns, on one thread, in CPU seconds; prints readings per second, and the ratio to the
first.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np

from sentinel.runtime import jit_cache

jit_cache.prepare()

from sentinel.alert.rules import recommended_rules  # noqa: E402
from sentinel.detector import Detector  # noqa: E402
from sentinel.fitted import FittedModel, Kind  # noqa: E402
from sentinel.fitting import fit  # noqa: E402
from sentinel.fitting.settings import (  # noqa: E402
    FitSettings,
    architecture_of,
    recommended_training,
)
from sentinel.model.prepared import Backend  # noqa: E402
from sentinel.records import NS_PER_S, Readings  # noqa: E402
from sentinel.runtime.kernels import choose, cpu_name  # noqa: E402
from tests.bench.interleave import clock_for, seconds_per_call  # noqa: E402

CHANNELS, ENTITIES, BLOCK, BUDGET_S = 8, 1_000, 16, 20.0
HISTORY_ROWS = 3_000
NAMES = [f"machine-{n}" for n in range(ENTITIES)]


class Fleet:
    """Machines that report together, a little noise around waves."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)
        self.newest = 0

    def block(self, readings: int, entities: int = ENTITIES) -> Readings:
        """The next readings of every machine."""
        t = self.newest + 1 + np.arange(readings)
        self.newest += readings
        wave = np.sin(t[:, None] / 7 + np.arange(CHANNELS))
        noise = self.rng.normal(0, 0.1, (readings, entities, CHANNELS))
        count = readings * entities
        return Readings(
            np.tile(np.arange(entities, dtype=np.int32), readings),
            np.repeat(t * NS_PER_S, entities),
            np.zeros(count, np.int32),
            np.arange(count),
            (wave[:, None] + noise).reshape(count, CHANNELS),
        )


def detector_of(model: FittedModel, backend: Backend, reconstruct_every: int) -> Detector:
    """One that rebuilds so often."""
    return Detector(
        model, recommended_rules(model.kind), backend=backend, window_stride=reconstruct_every
    )


def cuts_matter(model: FittedModel, backend: Backend) -> bool:
    """Whether the same readings, cut otherwise, have other scores."""
    readings = Fleet().block(120, 7)
    whole = detector_of(model, backend, BLOCK).process(readings).scores.anomaly_score
    cut = detector_of(model, backend, BLOCK)
    parts = [
        cut.process(readings.slice(n, n + 23)).scores.anomaly_score
        for n in range(0, len(readings), 23)
    ]
    return np.concatenate(parts).tobytes() != whole.tobytes()


def process(detector: Detector, fleet: Fleet, blocks: int) -> None:
    """So many blocks, one after another."""
    for _ in range(blocks):
        detector.process(fleet.block(BLOCK), NAMES)


def fitted(kind: Kind) -> tuple[FittedModel, Backend]:
    """A model of some kind, little trained: that changes no time."""
    channels = tuple(f"c{f}" for f in range(CHANNELS))
    settings = FitSettings(kind, training=replace(recommended_training(kind, CHANNELS), steps=50))
    backend = choose(architecture_of(settings, channels), training=True).backend
    return fit(Fleet().block(HISTORY_ROWS, 1), channels, settings, backend=backend), backend


def main() -> int:
    """Validate, time, print."""
    joint, backend = fitted("joint")
    light, _ = fitted("light")
    if cuts_matter(joint, backend) or cuts_matter(light, backend):
        print("wrong: scores depend on how the stream is cut", file=sys.stderr)
        return 1
    idle = Fleet()
    calls = {"idle": lambda: idle.block(BLOCK)}  # what making the readings takes
    # As many blocks in a row as take about as long: a stream's states are in the caches.
    cases = {
        "joint, every window rebuilt": (joint, 1, 1),
        f"joint, every {BLOCK}th window rebuilt": (joint, BLOCK, 8),
        "light": (light, BLOCK, 24),
    }
    for name, (model, every, blocks) in cases.items():
        detector, fleet = detector_of(model, backend, every), Fleet()
        detector.process(fleet.block(model.window_length + BLOCK), NAMES)
        calls[name] = lambda d=detector, f=fleet, b=blocks: process(d, f, b)
    seconds = seconds_per_call(calls, clock_for(1), BUDGET_S)
    each = {
        name: (seconds[name] / blocks - seconds["idle"]) / (ENTITIES * BLOCK)
        for name, (_, _, blocks) in cases.items()
    }
    shape = f"({joint.window_length}, {CHANNELS}, {joint.parameters.architecture.hidden})"
    print(f"{shape}, {ENTITIES:,} machines, one thread, {cpu_name()}, {backend.variant.name}")
    plain = next(iter(each.values()))
    for name, found in each.items():
        print(f"{name:<32}{1 / found:>10,.0f} readings/s{plain / found:>8.1f} x")
    return 0


if __name__ == "__main__":
    sys.exit(main())
