"""CPU or GPU: what is asked for is what computes, or the operator is told why it does not."""

from __future__ import annotations

import logging
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sentinel.errors import ConfigError, DeviceError, ModelError
from sentinel.model.architecture import Architecture
from sentinel.model.device import CudaBackend
from sentinel.model.prepared import Backend
from sentinel.runtime import device, gpu
from sentinel.runtime.device import choose_device, fell_back
from sentinel.runtime.gpu import Gpu, NoGpu, described, driver_version, too_old
from sentinel.runtime.workload import Workload

CPU, MODEL, WORK = Backend(), Architecture(2, 3), Workload(8)
FOUND = Gpu("NVIDIA H200", (13, 0), (9, 0), 150 << 30, 148 << 30, 132, 228352)
NONE = NoGpu("no NVIDIA driver (no such file)", "install the driver")
TWIN = CudaBackend(CPU, FOUND.shared_bytes, FOUND.multiprocessors)

Prepare = Callable[..., None]


class CUDAError(Exception):
    """As the bindings raise it."""

    __module__ = "cuda.core._utils.cuda_utils"


class TypingError(Exception):
    """As numba-cuda's compiler raises it."""

    __module__ = "numba.cuda.core.errors"


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Prepare:
    """A machine with this GPU; its twin is off by so much, and takes so long."""

    def prepare(
        found: Gpu | NoGpu,
        excess: float | Exception = 0.0,
        gpu_s: tuple[float, ...] = (1.0, 1.0),
        cpu_s: tuple[float, ...] = (2.0, 2.0),
        cpu_step_s: float = 1.5,
    ) -> None:
        def difference(*_: object) -> float:
            if isinstance(excess, Exception):
                raise excess
            return excess

        monkeypatch.setattr(device, "probe", lambda: found)
        monkeypatch.setattr(device, "difference_of_twins", difference)
        monkeypatch.setattr(
            device, "seconds_of_batches", lambda which, *_: list(cpu_s if which == CPU else gpu_s)
        )
        monkeypatch.setattr(
            device, "seconds_of_step", lambda which, *_: cpu_step_s if which == CPU else 1.0
        )

    return prepare


def test_cuda_is_taken_where_it_is_asked_for_and_right(machine: Prepare) -> None:
    machine(FOUND, gpu_s=(9.0, 9.0))
    chosen = choose_device(MODEL, WORK, CPU, "cuda")
    assert chosen.device == TWIN
    assert chosen.name == "cuda"
    assert not chosen.fell_back


@pytest.mark.parametrize(
    ("found", "excess", "what"),
    [
        (NONE, 0.0, 'device "cuda": no NVIDIA driver (no such file); install the driver'),
        (FOUND, 3.0, "failed its self-check (3 times the tolerance)"),
        (FOUND, float("inf"), "failed its self-check (inf times the tolerance)"),
        (FOUND, MemoryError("CUDA_ERROR_OUT_OF_MEMORY"), "MemoryError: CUDA_ERROR_OUT_OF_MEMORY"),
    ],
    ids=["missing", "wrong", "not a number", "out of memory"],
)
def test_cuda_that_cannot_be_had_stops_or_falls_back_loudly(
    machine: Prepare,
    caplog: pytest.LogCaptureFixture,
    found: Gpu | NoGpu,
    excess: float | Exception,
    what: str,
) -> None:
    machine(found, excess)
    with pytest.raises(ConfigError) as raised:
        choose_device(MODEL, WORK, CPU, "cuda")
    assert what in str(raised.value)
    with caplog.at_level(logging.WARNING):
        chosen = choose_device(MODEL, WORK, CPU, "cuda", "cpu")
    assert chosen.device == CPU
    assert chosen.fell_back
    assert "the CPU computes" in caplog.text


def test_auto_takes_the_gpu_only_where_it_is_faster_for_every_batch(machine: Prepare) -> None:
    machine(FOUND)
    assert choose_device(MODEL, WORK, CPU).device == TWIN
    machine(FOUND, gpu_s=(3.0, 1.0))
    chosen = choose_device(MODEL, WORK, CPU)
    assert chosen.device == CPU
    assert chosen.reason == (
        "NVIDIA H200 is not faster for every batch (256 readings of 256: 3000.00 ms against "
        "2000.00, 32768 readings of 4096: 1000.00 ms against 2000.00)"
    )


@pytest.mark.parametrize(
    ("asked", "cpu_step_s", "trains"),
    [("cuda", 0.1, True), ("auto", 2.1, True), ("auto", 1.9, False)],
)
def test_a_gpu_trains_where_it_is_asked_for_or_far_faster(
    machine: Prepare, asked: device.Asked, cpu_step_s: float, trains: bool
) -> None:
    machine(FOUND, cpu_step_s=cpu_step_s)
    for minibatch in (64, 0):
        chosen = choose_device(MODEL, replace(WORK, minibatch=minibatch), CPU, asked)
        assert isinstance(chosen.device, CudaBackend)
        assert chosen.device.trains == (trains and minibatch > 0)
        told = f"a step of training: 1000.00 ms against {1000 * cpu_step_s:.2f}" in chosen.reason
        assert told == (asked == "auto" and minibatch > 0)


@pytest.mark.parametrize("excess", [2.0, CUDAError("launch failed"), ImportError("libnvJitLink")])
def test_auto_takes_the_cpu_where_the_gpu_is_no_good(
    machine: Prepare, caplog: pytest.LogCaptureFixture, excess: float | Exception
) -> None:
    for found in (FOUND, NONE):
        machine(found, excess)
        with caplog.at_level(logging.INFO):
            chosen = choose_device(MODEL, WORK, CPU)
        assert chosen.device == CPU
        assert not chosen.fell_back
    assert caplog.text == ""


@pytest.mark.parametrize("asked", ["auto", "cuda"])
def test_a_mistake_of_ours_is_raised_whatever_is_configured(
    machine: Prepare, asked: device.Asked
) -> None:
    machine(FOUND, TypingError("cannot determine Numba type of <class 'object'>"))
    with pytest.raises(TypingError):
        choose_device(MODEL, WORK, CPU, asked, "cpu")


@pytest.mark.parametrize("asked", ["auto", "cuda"])
def test_a_model_that_is_too_large_for_the_gpu_is_the_cpu_s(
    machine: Prepare, asked: device.Asked
) -> None:
    machine(FOUND, ModelError("a GPU with 9 bytes cannot hold it", hint='set device = "cpu"'))
    chosen = choose_device(MODEL, WORK, CPU, asked, "cpu")
    assert chosen.device == CPU
    assert "a GPU with 9 bytes cannot hold it" in chosen.reason


def test_a_fallback_shows_whenever_it_happens(machine: Prepare) -> None:
    machine(NONE)
    assert fell_back("cuda", choose_device(MODEL, WORK, CPU, "cuda", "cpu").device)
    assert not fell_back("auto", choose_device(MODEL, WORK, CPU).device)
    machine(FOUND)
    chosen = choose_device(MODEL, WORK, CPU, "cuda", "cpu").device
    assert not fell_back("cuda", chosen)
    assert isinstance(chosen, CudaBackend)
    assert chosen.fallback is not None

    def fails() -> str:
        raise DeviceError("lost")

    assert chosen.fallback.attempt(fails, lambda: "the CPU's") == "the CPU's"
    assert fell_back("cuda", chosen)


def test_cpu_asks_for_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "probe", None)
    assert choose_device(MODEL, WORK, CPU, "cpu").device == CPU


def test_an_old_device_is_said_to_be_so() -> None:
    assert too_old(FOUND) is None
    old = Gpu("Tesla K80", (12, 4), (3, 7), 12 << 30, 12 << 30, 13, 0)
    assert "compute capability 3.7" in getattr(too_old(old), "reason", "")


@pytest.mark.parametrize(
    ("speaks", "bindings", "hint"),
    [
        ((11, 8), 12, "install a driver for CUDA 12.0 or newer"),
        (
            (12, 9),
            13,
            "install a driver for CUDA 13.0 or newer, or pip install '"
            "numba-cuda[cu12]>=0.30,<0.31'",
        ),
        ((12, 0), 12, None),
        ((13, 1), 12, None),
        ((13, 0), 13, None),
    ],
)
def test_an_old_driver_is_found_out_before_it_is_started(
    speaks: tuple[int, int], bindings: int, hint: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def says(number: Any) -> int:
        number._obj.value = 1000 * speaks[0] + 10 * speaks[1]
        return 0

    library = SimpleNamespace(cuDriverGetVersion=says)
    monkeypatch.setattr(gpu.ctypes, "CDLL", lambda name: library)
    monkeypatch.setattr(gpu, "find_spec", lambda name: True)
    monkeypatch.setattr(gpu, "version", lambda name: f"{bindings}.1.0")
    monkeypatch.setattr(gpu, "_first", lambda: FOUND)
    found = gpu.probe()
    if hint is None:
        assert found == FOUND
    else:
        assert isinstance(found, NoGpu)
        assert found.hint == hint
        assert f"the driver speaks CUDA {speaks[0]}.{speaks[1]}" in found.reason


def test_the_device_is_described_with_driver_and_memory() -> None:
    told = described(FOUND)
    assert told.startswith("NVIDIA H200, sm_90, 132 multiprocessors, 150.0 GiB (148.0 free), ")
    assert told.endswith("driver of unknown version (CUDA 13.0)")
    assert described(replace(FOUND, driver="570.86.15")).endswith("driver 570.86.15 (CUDA 13.0)")


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.54.03  Tue Jun  6 2023\n",
         "535.54.03"),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build\n"
         "GCC version:  gcc version 12.2.0 (Debian 12.2.0-14)\n", "570.86.15"),
        ("GCC version: gcc version 12.2.0\n", ""),
    ],
    ids=["proprietary", "open", "none"],
)  # fmt: skip
def test_the_driver_s_version_is_read(said: str, found: str) -> None:
    assert driver_version(said) == found


@pytest.mark.parametrize("driver", [False, True])
@pytest.mark.parametrize("package", [False, True])
def test_all_that_is_missing_is_told_at_once(
    driver: bool, package: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(name: str) -> Any:
        if not driver:
            raise OSError(f"{name}: no such file")
        return SimpleNamespace(cuDriverGetVersion=lambda number: 0)

    monkeypatch.setattr(gpu.ctypes, "CDLL", load)
    monkeypatch.setattr(gpu, "find_spec", lambda name: package or None)
    found = gpu.probe()
    assert isinstance(found, NoGpu)
    assert ("no NVIDIA driver (libcuda.so.1: no such file)" in found.reason) != driver
    assert ("install the driver; in a container" in found.hint) != driver
    assert ("numba-cuda is not installed" in found.reason) != package
    assert ("pip install 'numba-cuda[cu12]>=0.30,<0.31'" in found.hint) != package


@pytest.mark.parametrize("major", [12, 13])
def test_what_is_to_be_installed_is_what_the_extra_says(major: int) -> None:
    project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    extra = project["optional-dependencies"][f"cuda{major}"]
    assert extra == [gpu.REQUIREMENT.format(major)]


def test_without_a_driver_nothing_of_cuda_is_imported() -> None:
    code = (
        "import sys\n"
        "before = set(sys.modules)\n"  # an installed package may import itself at the start
        "from sentinel.runtime import gpu\n"
        "gpu.DRIVER_LIBRARY = 'libno-such-driver.so.1'\n"
        "found = gpu.probe()\n"
        "assert isinstance(found, gpu.NoGpu), found\n"
        "new = set(sys.modules) - before\n"
        "assert not (wrong := [m for m in new if m.startswith(('numba', 'cuda'))]), wrong"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
