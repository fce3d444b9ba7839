"""How long a device takes for the work that a command has for it: what "auto" decides by."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import numpy as np

from sentinel.model.architecture import Architecture
from sentinel.model.backends import carried_states, window_scorer, window_trainer
from sentinel.model.carrying import zero_states
from sentinel.model.device import CudaBackend, Device
from sentinel.model.parameters import Parameters
from sentinel.model.ring_windows import RingWindows
from sentinel.model.trainer import Minibatches
from sentinel.model.waves import STEPS
from sentinel.records import Float32Array, TimeArray

# Of a measurement, after the first round, which compiles and makes room.
ROUNDS, BUDGET_S = 3, 0.15
# With more readings than that, a CPU takes longer in proportion: they need not all be measured.
CPU_READINGS = 1024
# Of slabs; a batch of wide readings is measured with fewer machines.
SLAB_FLOATS_MAX = 1 << 24


class Batch(NamedTuple):
    """A poll batch: so many machines, so many readings of each."""

    entities: int
    readings: int

    def __str__(self) -> str:
        return f"{self.entities * self.readings} readings of {self.entities}"


# Of a daemon: between two polls of a quiet topic, and as many as a poll brings, after a pause or of
# a large fleet. Of a file: of one machine, and of some dozens.
STREAM, FILE = (Batch(256, 1), Batch(4096, 8)), (Batch(1, 256), Batch(64, 64))


@dataclass(frozen=True, slots=True)
class Workload:
    """What a command has to compute.

    steps      T
    stride     readings of a machine from one scored, or rebuilt, window to the next; 0: no window
    batches    that readings come in
    minibatch  windows of a step of training; 0: nothing is trained
    """

    steps: int
    stride: int = 1
    batches: tuple[Batch, ...] = STREAM
    minibatch: int = 0


def seconds_of_batches(device: Device, architecture: Architecture, work: Workload) -> list[float]:
    """Least seconds of each of the batches: windows in rings, and states that are carried on."""
    parameters = Parameters.initial(replace(architecture, dropout=0.0), np.random.default_rng(0))
    run = _runner(device, parameters, work)
    found = []
    for batch in work.batches:
        entities = batch.entities
        if not isinstance(device, CudaBackend):
            entities = max(1, min(entities, CPU_READINGS // batch.readings))
        rounds = _Rounds(architecture.channels, work, Batch(entities, batch.readings))
        least = _least([partial(run, windows) for windows in rounds.windows()])
        found.append(least * batch.entities / rounds.entities)
    return found


def seconds_of_step(device: Device, architecture: Architecture, work: Workload) -> float:
    """Least seconds of a step of training."""
    rng = np.random.default_rng(0)
    parameters = Parameters.initial(architecture, rng)
    rows = rng.standard_normal((work.minibatch + work.steps, architecture.channels), np.float32)
    starts, lengths = np.arange(work.minibatch), np.full(work.minibatch, work.steps)
    with window_trainer(parameters, Minibatches(work.steps, work.minibatch), device) as trainer:
        return _least([lambda: trainer.step(rows, starts, lengths, rng, 1e-3)] * (1 + ROUNDS))


def _least(rounds: list[Callable[[], object]]) -> float:
    """Of the rounds after the first one, as many as there is time for."""
    rounds[0]()
    least, ends = float("inf"), time.perf_counter() + BUDGET_S
    for number, run in enumerate(rounds[1:]):
        begun = time.perf_counter()
        if number and begun > ends:
            break
        run()
        least = min(least, time.perf_counter() - begun)
    return least


class _Rounds:
    """A batch's readings in full rings, and those that follow them.

    entities  fewer where their slabs would take too much
    """

    def __init__(self, channels: int, work: Workload, batch: Batch) -> None:
        self.work, self.readings = work, batch.readings
        capacity = work.steps + (1 + ROUNDS) * batch.readings
        self.entities = max(1, min(batch.entities, SLAB_FLOATS_MAX // (capacity * channels)))
        some = np.random.default_rng(0).standard_normal(1 << 16).astype(np.float32)
        self.slabs: Float32Array = np.resize(some, (self.entities, capacity, channels))

    def windows(self) -> Iterator[RingWindows]:
        """Of each round: all machines take a reading, then all of them the next one."""
        entity = np.tile(np.arange(self.entities), self.readings)
        turn = np.repeat(np.arange(self.readings), self.entities)
        # Machines that report together complete their windows in turn.
        stride = self.work.stride
        newest = np.flatnonzero((entity + turn) % stride == 0) if stride else np.zeros(0, np.int64)
        for number in range(1 + ROUNDS):
            before = self.work.steps + number * self.readings
            place = entity * self.slabs.shape[1] + before + turn
            ends = np.full(self.entities, before + self.readings, np.int32)
            starts = place[newest] - self.work.steps + 1
            yield RingWindows(self.slabs, ends, number + 1, place, newest, starts)


def _runner(
    device: Device, parameters: Parameters, work: Workload
) -> Callable[[RingWindows], None]:
    """What a scorer asks of a device for a batch."""
    architecture = parameters.architecture
    # A network that rebuilds windows forecasts by two states in turn.
    each = 2 if architecture.decoder_layers else 1
    scorer, carried = None, None
    if architecture.decoder_layers and work.stride:
        scorer = window_scorer(parameters, work.steps, device)
    if architecture.forecast:
        carried = carried_states(parameters, zero_states(architecture, each)[None], device)
        carried.grow(max(batch.entities for batch in work.batches))

    def run(windows: RingWindows) -> None:
        if scorer is not None:
            scorer.score_rings(windows)
        if carried is None:
            return
        entities = len(windows.ends)
        places: TimeArray = windows.place.reshape(-1, entities)
        slots, begins = np.arange(each * entities), np.zeros(each * entities, np.bool_)
        done = 0
        while done < len(places):
            steps = next(count for count in STEPS if count <= len(places) - done)
            carried.advance(windows.rows, np.repeat(places[done], each), slots, begins, steps)
            done += steps

    return run
