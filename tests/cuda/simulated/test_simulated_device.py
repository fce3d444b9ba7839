"""A device that is asked for is checked, and then computes what the CPU does, to the last score."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from sentinel.alert.episodes import EpisodeRules
from sentinel.detector import Detector
from sentinel.kernels.slabs import SPANS
from sentinel.model.architecture import Architecture
from sentinel.model.cuda.launching import Launcher
from sentinel.model.cuda.scoring import CudaWindowScorer
from sentinel.model.device import CudaBackend, Device
from sentinel.model.forecasting import Forecaster
from sentinel.model.prepared import Backend
from sentinel.model.ring_windows import RingWindows
from sentinel.model.scoring import WindowErrors, WindowScorer
from sentinel.model.twins import difference_of_twins, excess
from sentinel.runtime import device, workload
from sentinel.runtime.device import choose_device
from sentinel.runtime.gpu import Gpu
from sentinel.runtime.workload import Batch, Workload
from tests.cuda.close import assert_twins
from tests.detector.toy import toy_model, toy_readings
from tests.kernels.samples import random_parameters

CPU = Backend()
FOUND = Gpu("simulator", (13, 0), (9, 0), 1 << 30, 1 << 30, 2, 99 * 1024)
TWIN = CudaBackend(CPU, FOUND.shared_bytes, FOUND.multiprocessors)


@pytest.mark.parametrize(
    "architecture",
    [Architecture(2, 3, forecast=True), Architecture(1, 2, 1, 0, forecast=True, horizons=2)],
    ids=["both heads", "rebuilds nothing"],
)
def test_the_self_check_passes(architecture: Architecture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "probe", lambda: FOUND)
    assert difference_of_twins(TWIN, architecture) <= 1
    assert choose_device(architecture, Workload(4), CPU, "cuda").device == TWIN


def test_the_self_check_finds_what_is_wrong() -> None:
    right = np.array([1.0, np.nan], np.float32)
    assert excess(right, right) == 0
    assert excess(right + np.float32(0.001), right) > 1
    assert excess(np.zeros(2, np.float32), right) == np.inf


@pytest.mark.parametrize(
    ("architecture", "stride"),
    [(Architecture(2, 3), 1), (Architecture(2, 3, forecast=True), 4),
     (Architecture(1, 2, 1, 0, forecast=True, horizons=2), 0)],
    ids=["reconstruct", "joint", "light"],
)  # fmt: skip
def test_auto_measures_what_there_is_to_compute(
    architecture: Architecture, stride: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device, "probe", lambda: FOUND)
    monkeypatch.setattr(device, "difference_of_twins", lambda *_: 0.0)
    monkeypatch.setattr(workload, "BUDGET_S", 0.0)
    work = Workload(3, stride, (Batch(5, 1), Batch(2, 9)), minibatch=2)
    chosen = choose_device(architecture, work, CPU)
    assert chosen.device == CPU
    told = (
        r"simulator is not faster for every batch \(5 readings of 5: [\d.]+ ms against [\d.]+, 18"
    )
    assert re.match(told, chosen.reason)
    assert workload.seconds_of_step(replace(TWIN, trains=True), architecture, work) > 0


def test_a_batch_is_one_call_of_the_device_and_several_of_the_cpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: dict[str, list[int]] = {"CudaWindowScorer": [], "WindowScorer": []}

    def counted(scorer: object, windows: RingWindows) -> WindowErrors:
        count = len(windows.starts)
        calls[type(scorer).__name__].append(count)
        return WindowErrors(np.ones((count, SPANS, 2), np.float32), np.ones((count, 2), np.float32))

    for scorer in (CudaWindowScorer, WindowScorer):
        monkeypatch.setattr(scorer, "score_rings", counted)
    for which in (TWIN, CPU):
        detector = Detector(toy_model(hidden=2), EpisodeRules(), backend=which)
        detector.process(toy_readings(5000, entities=16, tidy=True))
    windows = 5000 - 16 * (toy_model().window_length - 1)
    assert calls == {"CudaWindowScorer": [windows], "WindowScorer": [4096, windows - 4096]}


def test_forecasts_of_a_stream_are_those_of_the_cpu() -> None:
    parameters = random_parameters(Architecture(2, 3, forecast=True), seed=1)
    rng = np.random.default_rng(2)
    rows = rng.standard_normal((24, 2)).astype(np.float32)
    entity = np.repeat(np.arange(2), 12).astype(np.int32)
    filled = np.tile(np.arange(1, 13), 2).astype(np.int32)

    def forecasts(of: Device) -> np.ndarray:
        forecaster = Forecaster(parameters, 6, of)
        forecaster.grow(2)
        return forecaster.advance(rows, entity, np.arange(24), filled)

    assert_twins(forecasts(TWIN), forecasts(CPU))


def test_the_self_check_looks_at_narrow_tiles_and_at_wide_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    launched, launch = set(), Launcher.__call__

    def told(self: Launcher, count: int, *arguments: object) -> None:
        launched.add((self.kernel, count))
        launch(self, count, *arguments)

    monkeypatch.setattr(Launcher, "__call__", told)
    gpu = CudaBackend(CPU, FOUND.shared_bytes, 5)
    assert difference_of_twins(gpu, Architecture(1, 2, forecast=True)) <= 1
    # Each of two kernels in two tilings; five multiprocessors take 8 windows each.
    assert len({kernel for kernel, _ in launched}) == 4
    assert {count for _, count in launched} == {33, 41}
