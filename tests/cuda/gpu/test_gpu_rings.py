"""Rings on the device: only new rows are copied, and the bits are those of the host's rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from sentinel.model.architecture import Architecture
from sentinel.model.device import CudaBackend
from sentinel.model.scoring import WindowScorer
from sentinel.records import Readings
from sentinel.scorers.run import Run
from sentinel.window import rings as host_rings
from sentinel.window.rings import Outcome, Rings
from sentinel.window.scaling import Scaling
from tests.cuda.close import assert_twins
from tests.cuda.gpu_here import SIMULATED
from tests.detector.toy import START_NS, toy_readings
from tests.kernels.samples import random_parameters

pytest.importorskip("numba_cuda", reason="numba-cuda is not installed")

from sentinel.model.cuda import rings as device_rings
from sentinel.model.cuda.rings import DeviceRings
from sentinel.model.cuda.scoring import CudaWindowScorer, Slot

T, F, ENTITIES = 4, 2, 3
MODEL = random_parameters(Architecture(F, 2), seed=1)
SCALING = Scaling("standard", np.zeros(F), np.ones(F))


@pytest.fixture(autouse=True)
def small_slabs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rings that begin at the front again after a few readings."""
    monkeypatch.setattr(host_rings, "SLACK_MIN", 3)
    monkeypatch.setattr(host_rings, "SLACK_MAX", 3)
    monkeypatch.setattr(device_rings, "THREADS", 2 if SIMULATED else 32)


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of each launch that puts rows to their places; -M: M stretches moved on the device."""
    found: list[int] = []
    launch = DeviceRings._launch

    def counted(self: DeviceRings, kernel: Any, slot: Any, size: int, *arguments: Any) -> None:
        of_rows = kernel is device_rings.place_rows
        found.append(len(arguments[-1]) if of_rows else -(len(arguments[-1]) // device_rings.MOVE))
        launch(self, kernel, slot, size, *arguments)

    monkeypatch.setattr(DeviceRings, "_launch", counted)
    return found


class Stream:
    """Rings that fill, and two scorers: of the device's rows, and of the host's."""

    def __init__(self, gpu: CudaBackend, stride: int = 1) -> None:
        self.rings = Rings(SCALING, T, stride, 10**10, windows_max=64)
        self.rings.grow(ENTITIES)
        self.there, self.here = (CudaWindowScorer(MODEL, T, gpu) for _ in range(2))

    def runs(self, readings: Readings) -> Iterator[Run]:
        outcome, start = Outcome.of(len(readings)), 0
        while start < len(readings):
            taken = self.rings.fill(readings, start, outcome)
            yield Run(readings, start, taken, outcome, self.rings)
            start = taken.stop

    def assert_same_bits(self, readings: Readings) -> tuple[int, int]:
        """Readings that were placed, and windows."""
        placed, windows = 0, 0
        for run in self.runs(readings):
            found = self.there.score_rings(run.windows)
            starts = run.taken.places
            right = self.here.score(run.rows, starts, np.full(len(starts), T))
            assert found.errors.tobytes() == right.errors.tobytes()
            assert found.expected.tobytes() == right.expected.tobytes()
            placed, windows = placed + int((run.windows.place >= 0).sum()), windows + len(starts)
        return placed, windows


def stream(count: int, seed: int = 0, *, tidy: bool = False) -> Readings:
    return toy_readings(count, entities=ENTITIES, channels=F, seed=seed, tidy=tidy)


@pytest.mark.parametrize(("stride", "chunk_rows"), [(1, 4), (3, 1), (3, 1000)])
def test_only_new_rows_are_copied_and_the_bits_are_the_same(
    gpu: CudaBackend,
    stride: int,
    chunk_rows: int,
    copied: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(device_rings, "CHUNK_BYTES", 4 * F * chunk_rows)
    all_readings, whole = stream(70, seed=stride), Stream(gpu, stride)
    copied.clear()  # kernels were compiled
    placed, windows = 0, 0
    for begin, end in pairwise([0, 1, 2, 30, 31, 70]):
        new = whole.assert_same_bits(all_readings.slice(begin, end))
        placed, windows = placed + new[0], windows + new[1]
    assert windows > 5
    assert sum(rows for rows in copied if rows > 0) == placed
    assert max(copied) <= chunk_rows
    # Slabs were full, and their newest rows went to the front without crossing the bus.
    assert sum(-moves for moves in copied if moves < 0) > 3


def launched(whole: Stream, readings: Readings, enough: int) -> tuple[list[str], list[int]]:
    """What happens on which of the streams, in its order, and the windows of each launch."""
    scorer, happened, counts = whole.there, [], []
    scorer.enough = enough
    number = {slot: str(n) for n, slot in enumerate(scorer.slots)}

    def heard(what: str, method: Callable[..., None], at: int = 0) -> Callable[..., None]:
        def call(*arguments: Any) -> None:
            if what != "collect" or arguments[at].part is not None:
                happened.append(f"{what} {number[arguments[at]]}")
            method(*arguments)

        return call

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scorer.rings, "bring", heard("bring", scorer.rings.bring))
        patch.setattr(Slot, "collect", heard("collect", Slot.collect))
        patch.setattr(scorer, "launch", heard("launch", scorer.launch))
        for run in whole.runs(readings):
            scorer.score_rings(run.windows)
            counts.append(len(run.windows.starts))
    return happened, counts


def test_a_call_of_many_windows_brings_rows_while_the_device_scores_those_before(
    gpu: CudaBackend,
) -> None:
    whole, readings = Stream(gpu), stream(33, tidy=True)
    whole.assert_same_bits(readings.slice(0, 24))
    happened, counts = launched(whole, readings.slice(24, 33), enough=3)
    assert counts == [9]
    assert happened == [
        "bring 0", "launch 0", "bring 1", "launch 1", "collect 0", "bring 0", "launch 0",
        "collect 0", "collect 1",
    ]  # fmt: skip


def test_windows_wait_until_there_are_enough_for_wide_tiles(gpu: CudaBackend) -> None:
    whole, readings = Stream(gpu, stride=3), stream(33, tidy=True)
    whole.assert_same_bits(readings.slice(0, 24))
    happened, counts = launched(whole, readings.slice(24, 33), enough=2)
    assert counts == [3]
    assert [what for what in happened if what.startswith("launch")] == ["launch 0"]
    assert sum(what.startswith("bring") for what in happened) == 5


def test_rings_that_were_laid_anew_are_copied_once(gpu: CudaBackend, copied: list[int]) -> None:
    whole = Stream(gpu)
    whole.assert_same_bits(stream(30, tidy=True))
    for change in (
        lambda: whole.rings.grow(ENTITIES + 2),
        lambda: whole.rings.restore(whole.rings.arrays(ENTITIES)),
        lambda: list(whole.runs(later(6, 1))),  # the scorer sees nothing of it
    ):
        change()
        copied.clear()
        placed, _ = whole.assert_same_bits(later(3, 2 + whole.rings.calls))
        assert sum(rows for rows in copied if rows > 0) == whole.rings.state.end.sum()
        copied.clear()
        placed, _ = whole.assert_same_bits(later(3, 3 + whole.rings.calls))
        assert sum(rows for rows in copied if rows > 0) == placed


def later(count: int, after: int) -> Readings:
    """Tidy ones, so many hundred seconds after the others."""
    readings = stream(count, seed=after, tidy=True)
    time_ns = readings.time_ns - START_NS + START_NS + after * 100 * 10**9
    return Readings(readings.entity, time_ns, readings.partition, readings.offset, readings.values)


def test_an_entity_that_was_forgotten_begins_anew(gpu: CudaBackend, copied: list[int]) -> None:
    whole = Stream(gpu)
    whole.assert_same_bits(stream(24, tidy=True))
    whole.rings.forget(np.array([1]))
    copied.clear()
    placed, windows = whole.assert_same_bits(later(24, 1))
    assert placed == 24
    assert windows > 0
    assert sum(rows for rows in copied if rows > 0) == placed


def test_rings_of_another_stream_are_not_taken_for_the_first_one_s(gpu: CudaBackend) -> None:
    whole, other = Stream(gpu), Stream(gpu)
    whole.assert_same_bits(stream(20, seed=1, tidy=True))
    other.there = whole.there
    other.assert_same_bits(stream(20, seed=2, tidy=True))
    whole.assert_same_bits(later(6, 1))


def test_after_a_failure_the_rings_are_copied_anew(
    gpu: CudaBackend, copied: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Stream(gpu)
    whole.assert_same_bits(stream(20, tidy=True))
    run = next(whole.runs(later(12, 1)))
    with monkeypatch.context() as context:
        context.setattr(DeviceRings, "_launch", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            whole.there.score_rings(run.windows)
    copied.clear()
    whole.there.score_rings(run.windows)
    assert sum(rows for rows in copied if rows > 0) == whole.rings.state.end.sum()
    _, windows = whole.assert_same_bits(later(24, 2))
    assert windows > 0


def test_the_cpu_scores_windows_of_rings_as_any_other(gpu: CudaBackend) -> None:
    whole, cpu = Stream(gpu), WindowScorer(MODEL, T, gpu.cpu)
    for run in whole.runs(stream(30)):
        found, right = (scorer.score_rings(run.windows) for scorer in (whole.there, cpu))
        assert_twins(found.errors, right.errors)
