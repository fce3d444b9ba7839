"""What "auto" measures: the calls that a command makes of a device, not too many of them."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sentinel.model.architecture import Architecture
from sentinel.model.device import CudaBackend, Device
from sentinel.model.prepared import Backend
from sentinel.model.ring_windows import RingWindows
from sentinel.runtime import workload
from sentinel.runtime.workload import (
    FILE,
    STREAM,
    Batch,
    Workload,
    seconds_of_batches,
    seconds_of_step,
)
from sentinel.source.poll_size import READINGS_MAX

CPU = Backend()
GPU = CudaBackend(CPU, 99 * 1024, 2)
BOTH, LIGHT = Architecture(2, 3, forecast=True), Architecture(2, 3, 1, 0, forecast=True, horizons=2)
T = 6


class Recorder:
    """Stands for a device; remembers what it is asked for."""

    def __init__(self) -> None:
        self.windows: list[RingWindows] = []
        self.steps: list[tuple[int, int]] = []
        self.rows: list[int] = []

    def grow(self, entities: int) -> None:
        self.entities = entities

    def score_rings(self, windows: RingWindows) -> None:
        self.windows.append(windows)

    def advance(
        self, rows: Any, starts: np.ndarray, slots: np.ndarray, begins: np.ndarray, steps: int
    ) -> None:
        assert len(starts) == len(slots) == len(begins) == len(set(slots.tolist()))
        assert not begins.any()
        self.steps.append((len(slots), steps))
        self.rows += (starts[:, None] + np.arange(steps)).reshape(-1).tolist()


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    made = Recorder()
    monkeypatch.setattr(workload, "window_scorer", lambda *_: made)
    monkeypatch.setattr(workload, "carried_states", lambda *_: made)
    return made


def only_first_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    def least(rounds: list[Any]) -> float:
        rounds[0]()
        return 1.0

    monkeypatch.setattr(workload, "_least", least)


def test_a_busy_topic_s_batch_is_what_a_poll_brings() -> None:
    assert STREAM[1].entities * STREAM[1].readings == READINGS_MAX


@pytest.mark.parametrize(
    ("architecture", "stride", "windows", "states"),
    [(Architecture(2, 3), 1, 60, 0), (BOTH, 4, 15, 2), (BOTH, 0, 0, 2), (LIGHT, 0, 0, 1)],
    ids=["reconstruct", "joint", "forecast", "light"],
)
def test_windows_and_states_are_those_of_the_kind_of_model(
    recorder: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    architecture: Architecture,
    stride: int,
    windows: int,
    states: int,
) -> None:
    only_first_rounds(monkeypatch)
    seconds_of_batches(GPU, architecture, Workload(T, stride, (Batch(6, 10),)))
    assert [len(call.starts) for call in recorder.windows] == [windows] * (windows > 0)
    assert recorder.steps == [(6 * states, 8), *[(6 * states, 1)] * 2] * (states > 0)
    assert len(recorder.rows) == 60 * states


@pytest.mark.parametrize("batch", [Batch(1, 20), Batch(7, 3)], ids=str)
def test_each_round_goes_on_in_the_rings_where_the_one_before_ended(
    recorder: Recorder, batch: Batch
) -> None:
    seconds_of_batches(GPU, BOTH, Workload(T, 3, (batch,)))
    ends = np.full(batch.entities, T)
    assert len(recorder.windows) >= 2
    for number, call in enumerate(recorder.windows, 1):
        assert call.call == number
        capacity = call.slabs.shape[1]
        place = call.place.reshape(batch.readings, batch.entities)
        for e in range(batch.entities):
            right = e * capacity + ends[e] + np.arange(batch.readings)
            assert place[:, e].tolist() == right.tolist()
        ends += batch.readings
        assert call.ends.tolist() == ends.tolist()
        assert ends.max() <= capacity
        assert (call.starts + T - 1 == call.place[call.newest]).all()
        assert abs(len(call.starts) - len(call.place) / 3) < 1


def test_a_cpu_is_measured_with_few_machines_and_told_in_proportion(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_first_rounds(monkeypatch)
    monkeypatch.setattr(workload, "CPU_READINGS", 16)
    work = Workload(T, 1, (Batch(4, 1), Batch(32, 8)))
    assert seconds_of_batches(CPU, BOTH, work) == [1.0, 16.0]
    assert [len(call.place) for call in recorder.windows] == [4, 16]
    recorder.windows.clear()
    assert seconds_of_batches(GPU, BOTH, work) == [1.0, 1.0]
    assert [len(call.place) for call in recorder.windows] == [4, 256]


def test_wide_readings_fill_no_memory(recorder: Recorder) -> None:
    seconds_of_batches(GPU, Architecture(4096, 3), Workload(64, 1, STREAM))
    assert all(call.slabs.size <= workload.SLAB_FLOATS_MAX for call in recorder.windows)


def test_a_slow_device_is_measured_once_and_a_fast_one_thrice(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ticking(seconds: float) -> Iterator[float]:
        now = 0.0
        while True:
            now += seconds
            yield now

    for seconds, calls in ((10.0, 2), (0.01, 4)):
        clock = ticking(seconds)
        monkeypatch.setattr(
            workload, "time", SimpleNamespace(perf_counter=lambda clock=clock: next(clock))
        )
        recorder.windows.clear()
        seconds_of_batches(GPU, BOTH, Workload(T, 1, (Batch(2, 1),)))
        assert len(recorder.windows) == calls


@pytest.mark.parametrize("architecture", [BOTH, LIGHT], ids=["joint", "light"])
def test_the_cpu_s_own_calls_are_measured(architecture: Architecture) -> None:
    device: Device = CPU
    work = Workload(T, 2, (Batch(3, 1), *FILE[:1]), minibatch=4)
    assert all(0 < seconds < 60 for seconds in seconds_of_batches(device, architecture, work))
    assert 0 < seconds_of_step(device, architecture, work) < 60
