"""A GPU that fails amid the work: the operator is told, or the CPU does the same call anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numba import cuda
from numba.cuda.core.errors import TypingError
from numba.cuda.cudadrv.driver import CudaAPIError
from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray

from sentinel.errors import DeviceError
from sentinel.model import falling_back
from sentinel.model.architecture import Architecture
from sentinel.model.backends import carried_states, window_scorer
from sentinel.model.carried import CarriedStates
from sentinel.model.carrying import zero_states
from sentinel.model.cuda.carrying import CudaCarriedStates
from sentinel.model.cuda.failures import device_failures
from sentinel.model.cuda.launching import Launcher
from sentinel.model.cuda.scoring import CudaWindowScorer
from sentinel.model.device import CudaBackend, Device
from sentinel.model.falling_back import Fallback
from sentinel.model.prepared import Backend
from sentinel.model.protocols import CarriesStates
from sentinel.model.ring_windows import RingWindows
from sentinel.model.scoring import WindowScorer
from sentinel.runtime import device
from sentinel.runtime.device import choose_device
from sentinel.runtime.workload import Workload
from tests.cuda.close import assert_twins
from tests.cuda.gpu_here import STAND_IN, backend_of
from tests.kernels.samples import random_parameters

CPU, GPU = Backend(), backend_of(STAND_IN)
MODEL = random_parameters(Architecture(2, 3, forecast=True), seed=1)
STEPS = 3
ROWS = np.random.default_rng(0).standard_normal((40, 2)).astype(np.float32)
FEW, MANY = np.arange(2), np.arange(30)


@contextmanager
def full() -> Iterator[None]:
    """The device has no room left."""

    def no_room(*_: object, **__: object) -> Any:
        raise CudaAPIError(2, "Call to cuMemAlloc results in CUDA_ERROR_OUT_OF_MEMORY")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cuda, "device_array", no_room)
        yield


def lengths(starts: np.ndarray) -> np.ndarray:
    return np.full(len(starts), STEPS)


def with_fallback(told: list[str]) -> CudaBackend:
    return replace(GPU, fallback=Fallback(told.append))


def test_what_a_failed_call_left_unread_is_not_handed_out_by_the_next() -> None:
    scorer = CudaWindowScorer(MODEL, STEPS, GPU)
    at_once, others = scorer.chunk, np.arange(20, 24)
    before = scorer.score(ROWS, others, lengths(others))
    scorer.chunk = len(FEW)
    submit = scorer._submit

    def third_fails(slot: Any, part: slice, *rest: Any) -> None:
        if part.start == 2 * len(FEW):
            raise CudaAPIError(700, "an illegal memory access was encountered")
        submit(slot, part, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scorer, "_submit", third_fails)
        with pytest.raises(DeviceError):
            scorer.score(ROWS, MANY, lengths(MANY))
    scorer.chunk = at_once
    again = scorer.score(ROWS, others, lengths(others))
    assert again.errors.tobytes() == before.errors.tobytes()
    assert again.expected.tobytes() == before.expected.tobytes()


def test_out_of_memory_is_said_to_be_so_and_passes_when_there_is_room_again() -> None:
    scorer = window_scorer(MODEL, STEPS, GPU)
    before = scorer.score(ROWS, FEW, lengths(FEW))
    with full():
        with pytest.raises(DeviceError, match="the GPU is out of memory; see who else uses it"):
            scorer.score(ROWS, MANY, lengths(MANY))
        with pytest.raises(DeviceError, match="out of memory"):
            carried(GPU)
    after = scorer.score(ROWS, FEW, lengths(FEW))
    assert after.errors.tobytes() == before.errors.tobytes()


def test_rings_without_room_are_scored_when_there_is_room_again() -> None:
    scorer, cpu = window_scorer(MODEL, STEPS, GPU), WindowScorer(MODEL, STEPS, CPU)
    ends = np.full(len(FEW), STEPS)
    slabs = ROWS[: 2 * STEPS * len(FEW)].reshape(len(FEW), 2 * STEPS, -1)
    places = FEW * 2 * STEPS + STEPS - 1
    windows = RingWindows(slabs, ends, 0, places, FEW, places + 1 - STEPS)
    with full(), pytest.raises(DeviceError, match="out of memory"):
        scorer.score_rings(windows)
    found, right = (which.score_rings(windows) for which in (scorer, cpu))
    assert_twins(found.errors, right.errors)


def test_the_cpu_scores_what_the_gpu_could_not() -> None:
    told: list[str] = []
    backend = with_fallback(told)
    scorer, other = (window_scorer(MODEL, STEPS, backend) for _ in range(2))
    cpu = WindowScorer(MODEL, STEPS, CPU)
    scorer.score(ROWS, FEW, lengths(FEW))
    with full():
        found, right = (which.score(ROWS, MANY, lengths(MANY)) for which in (scorer, cpu))
    assert found.errors.tobytes() == right.errors.tobytes()
    # For good, and for all that the device did; it is told once.
    right = cpu.score(ROWS, FEW, lengths(FEW))
    for which in (scorer, other):
        assert which.score(ROWS, FEW, lengths(FEW)).errors.tobytes() == right.errors.tobytes()
    assert told == ["the GPU is out of memory"]


def test_other_parameters_reach_the_one_that_takes_over() -> None:
    scorer = window_scorer(MODEL, STEPS, with_fallback([]))
    changed = random_parameters(MODEL.architecture, seed=2)
    scorer.load(changed)
    cpu = WindowScorer(changed, STEPS, CPU)
    with full():
        found, right = (which.score(ROWS, MANY, lengths(MANY)) for which in (scorer, cpu))
    assert found.errors.tobytes() == right.errors.tobytes()


def carried(device: Device) -> CarriesStates:
    made = carried_states(MODEL, zero_states(MODEL.architecture, 1), device)
    made.grow(30)
    return made


def advance(states: CarriesStates, number: int, who: np.ndarray = FEW) -> bytes:
    """The so-many-eth reading of some entities, one or eight at a time."""
    steps = (1, 8)[number % 2]
    return states.advance(ROWS, who + number, who, who == number, steps).tobytes()


@contextmanager
def lost() -> Iterator[None]:
    """Nothing that is on the device comes back from it."""

    def gone(*_: object, **__: object) -> Any:
        raise CudaAPIError(700, "an illegal memory access was encountered")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FakeCUDAArray, "copy_to_host", gone)
        patch.setattr(CudaCarriedStates, "fetch", device_failures()(gone))
        yield


@pytest.mark.parametrize("recalls_max", [2, 1024], ids=["after a fetch", "from the beginning"])
@pytest.mark.parametrize("how", [full, lost], ids=["full", "lost"])
def test_the_cpu_carries_states_on_as_if_it_had_done_so_all_along(
    how: Callable[[], AbstractContextManager[None]],
    recalls_max: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(falling_back, "RECALLS_MAX", recalls_max)
    told: list[str] = []
    states, cpu = carried(with_fallback(told)), carried(CPU)
    for number in range(3):
        advance(states, number)
        advance(cpu, number)
    with how():
        found = advance(states, 3, MANY)
    of_cpu = [np.frombuffer(bits, np.float32) for bits in (found, advance(cpu, 3, MANY))]
    assert_twins(*of_cpu)
    if recalls_max > 3:
        assert found == of_cpu[1].tobytes()
    assert_twins(*(which.arrays(30)["encoder"] for which in (states, cpu)))
    assert len(told) == 1


def test_what_was_fetched_is_not_done_again_where_the_gpu_fails_right_after() -> None:
    told: list[str] = []
    states, cpu = carried(with_fallback(told)), carried(CPU)
    for number in range(2, 5):
        advance(states, number)
        advance(cpu, number)
    with full():
        for which in (states, cpu):
            which.grow(31)
            advance(which, 5)
    assert_twins(*(which.arrays(31)["encoder"] for which in (states, cpu)))


def test_a_snapshot_of_states_that_are_lost_is_the_cpu_s() -> None:
    told: list[str] = []
    states, cpu = carried(with_fallback(told)), carried(CPU)
    for number in range(3):
        advance(states, number)
        advance(cpu, number)
    with lost():
        found = states.arrays(30)
    assert found["encoder"].tobytes() == cpu.arrays(30)["encoder"].tobytes()
    assert advance(states, 3) == advance(cpu, 3)
    assert len(told) == 1


def test_a_model_that_finds_no_room_at_all_is_the_cpu_s() -> None:
    told: list[str] = []
    with full():
        assert isinstance(window_scorer(MODEL, STEPS, with_fallback(told)), WindowScorer)
        assert isinstance(carried(with_fallback(told)), CarriedStates)
    assert len(told) == 2


def test_no_pinned_memory_is_told_from_a_full_device() -> None:
    def no_room(*_: object) -> Any:
        raise CudaAPIError(2, "Call to cuMemHostAlloc results in CUDA_ERROR_OUT_OF_MEMORY")

    scorer = window_scorer(MODEL, STEPS, GPU)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cuda, "pinned_array", no_room)
        with pytest.raises(DeviceError, match=r"pinned memory\); see what the unit") as raised:
            scorer.score(ROWS, MANY, lengths(MANY))
    assert "the GPU is out of memory" not in str(raised.value)


def test_a_mistake_of_ours_is_no_failure_of_the_device() -> None:
    told: list[str] = []
    scorer = window_scorer(MODEL, STEPS, with_fallback(told))
    with pytest.raises(ValueError, match="invalid literal"):
        scorer.score(ROWS, FEW, np.array(["many", "few"]))

    def mistaken(*_: object) -> Any:
        raise TypingError("cannot determine Numba type of <class 'object'>")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Launcher, "__call__", mistaken)
        with pytest.raises(TypingError):
            scorer.score(ROWS, FEW, lengths(FEW))
    assert told == []


@pytest.mark.parametrize(
    ("asked", "on_failure", "falls_back"),
    [("cuda", "stop", False), ("cuda", "cpu", True), ("auto", "stop", True)],
)
def test_what_is_configured_decides(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    asked: device.Asked,
    on_failure: device.OnFailure,
    falls_back: bool,
) -> None:
    monkeypatch.setattr(device, "probe", lambda: STAND_IN)
    monkeypatch.setattr(device, "difference_of_twins", lambda *_: 0.0)
    monkeypatch.setattr(device, "seconds_of_batches", lambda which, *_: [1.0 + (which == CPU)] * 2)
    chosen = choose_device(MODEL.architecture, Workload(STEPS), CPU, asked, on_failure).device
    assert isinstance(chosen, CudaBackend)
    if not falls_back:
        assert chosen.fallback is None
        return
    assert chosen.fallback is not None
    chosen.fallback.tell("the GPU is out of memory")
    assert "the GPU is out of memory: from now on the CPU computes" in caplog.text
