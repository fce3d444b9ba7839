"""`--device` and `[kernels]`, of every command: what is asked for computes, or one is told why not.

This machine's GPU is not looked at: there is none, or a stand-in.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from sentinel import store
from sentinel.cli import check_kernels, fit, wiring
from sentinel.cli.main import cli
from sentinel.errors import ConfigError, DeviceError, KafkaError
from sentinel.model.device import CudaBackend
from sentinel.model.falling_back import Fallback
from sentinel.runtime import device
from sentinel.runtime import kernels as kernels_choice
from sentinel.runtime.device import DeviceChoice
from sentinel.runtime.gpu import Gpu, NoGpu
from sentinel.source.files import FileLayout, FileSource
from tests.cli.toy_config import CONFIG
from tests.detector.toy import toy_model

NONE = NoGpu("no NVIDIA driver (no libcuda.so.1)", "install the driver")
FOUND = Gpu("NVIDIA H200", (13, 0), (9, 0), 150 << 30, 148 << 30, 132, 228352, "570.86.15")
T0 = 1_700_000_000


@pytest.fixture(autouse=True)
def no_gpu_and_no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (device, check_kernels):
        monkeypatch.setattr(module, "probe", lambda: NONE)

    def nobody(*_: object) -> None:
        raise KafkaError("nobody answers", hint="start the broker")

    monkeypatch.setattr(wiring, "KafkaSource", nobody)  # the real one asks for seconds


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    """A folder with a model, a history of its two channels, and room for a configuration."""
    store.save(toy_model(hidden=2), tmp_path / "toy")
    rng = np.random.default_rng(0)
    lines = [f"{T0 + n},{x:.3f},{y:.3f}" for n, (x, y) in enumerate(rng.normal(size=(300, 2)))]
    (tmp_path / "history.csv").write_text(
        "\n".join(["timestamp,channel-0,channel-1", *lines]) + "\n"
    )
    return tmp_path


def configured(plant: Path, kernels: str = "") -> Path:
    path = plant / "sentinel.toml"
    path.write_text(f"{CONFIG}[kernels]\n{kernels}")
    return path


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(cli, list(map(str, arguments)))


def score(plant: Path, *options: object) -> Result:
    places = "--model", plant / "toy", "--input", plant / "history.csv", "--output", plant / "s.csv"
    return invoke("score", *places, *options)


def fitted(plant: Path, *options: object) -> Result:
    quick = "--model", "light", "--hidden", 2, "--steps", 2, "--window-length", 8
    return invoke("fit", plant / "history.csv", "--output", plant / "made", *quick, *options)


def run(plant: Path, *options: object) -> Result:
    return invoke("run", "--config", configured(plant), *options)


def backtested(plant: Path, *options: object) -> Result:
    return invoke("backtest", "--model", plant / "toy", "--input", plant / "history.csv", *options)


def explained(plant: Path, *options: object) -> Result:
    places = "--model", plant / "toy", "--input", plant / "history.csv"
    return invoke("explain", *places, "--from", T0, "--to", T0 + 99, *options)


COMMANDS = pytest.mark.parametrize("command", [run, score, backtested, explained, fitted])
SAYING = pytest.mark.parametrize("command", [run, score, fitted])


@COMMANDS
def test_cuda_without_a_gpu_is_a_clear_error(command: Any, plant: Path) -> None:
    done = command(plant, "--device", "cuda")
    assert done.exit_code == 3
    assert 'device "cuda": no NVIDIA driver (no libcuda.so.1); install the driver' in done.output
    assert "Traceback" not in done.output
    assert not (plant / "made").exists()


@COMMANDS
def test_a_missing_gpu_is_refused_before_a_history_is_read_or_a_kernel_compiled(
    command: Any, plant: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, work in ((kernels_choice, "candidates_of"), (fit, "spool_history")):
        monkeypatch.setattr(module, work, lambda *_, work=work, **__: pytest.fail(work))
    assert command(plant, "--device", "cuda").exit_code == 3


@pytest.mark.parametrize("command", [backtested, explained])
def test_a_judgement_is_computed_by_the_device_that_is_asked_for(
    command: Any, plant: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def chosen(architecture: Any, work: Any, cpu: Any, device: Any, *_: Any) -> DeviceChoice:
        asked.append(device)
        return DeviceChoice(cpu, "stand-in")

    monkeypatch.setattr(wiring, "choose_device", chosen)
    config = configured(plant, 'device = "auto"\n')
    for options in ((), ("--config", config), ("--config", config, "--device", "cpu")):
        done = command(plant, *options)
        assert done.exit_code == 0, done.output
    assert asked == ["auto", "auto", "cpu"]


@SAYING
@pytest.mark.parametrize(
    ("options", "told"),
    [(("--device", "cpu"), 'device cpu (asked for by device = "cpu")'),
     (("--device", "auto"), "device cpu (no NVIDIA driver (no libcuda.so.1))"),
     ((), "device cpu (no NVIDIA driver (no libcuda.so.1))")],
    ids=["cpu", "auto", "not said"],
)  # fmt: skip
def test_the_cpu_computes_and_says_why(
    command: Any, options: tuple[str, ...], told: str, plant: Path
) -> None:
    done = command(plant, *options)
    assert told in done.output
    # A daemon goes on, to a broker that is not there.
    assert done.exit_code == (6 if command is run else 0)


def test_an_unknown_device_is_refused(plant: Path) -> None:
    done = score(plant, "--device", "tpu")
    assert done.exit_code == 2
    assert "'tpu' is not one of 'auto', 'cpu', 'cuda'" in done.output


def of_topic(plant: Path, kernels: str, monkeypatch: pytest.MonkeyPatch, *options: str) -> Result:
    """A fit by a configuration; its topic is the file."""
    source = FileSource((plant / "history.csv",), FileLayout())
    monkeypatch.setattr(fit, "history_range", lambda *_: source)
    return invoke(
        "fit",
        "--config",
        configured(plant, kernels),
        "--output",
        plant / "made",
        "--model",
        "light",
        "--hidden",
        2,
        "--steps",
        2,
        "--window-length",
        8,
        *options,
    )


def test_fit_takes_its_device_from_the_configuration(
    plant: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = of_topic(plant, 'device = "cuda"\n', monkeypatch)
    assert done.exit_code == 3
    assert 'device "cuda": no NVIDIA driver' in done.output
    fallen = of_topic(plant, 'device = "cuda"\non_gpu_failure = "cpu"\n', monkeypatch)
    assert fallen.exit_code == 0, fallen.output
    assert 'device "cuda" was asked for, and the CPU computes: no NVIDIA driver' in fallen.output
    overruled = of_topic(plant, 'device = "cuda"\n', monkeypatch, "--device", "cpu")
    assert overruled.exit_code == 0, overruled.output
    assert 'asked for by device = "cpu"' in overruled.output


@pytest.mark.parametrize("falls_back", [True, False])
def test_the_cpu_trains_anew_where_a_gpu_fails_amid_a_training(
    falls_back: bool, plant: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    fallback = Fallback(told.append) if falls_back else None
    made, by = fit.fit, []

    def fails_on_gpu(*arguments: Any, backend: Any, **rest: Any) -> Any:
        by.append(type(backend).__name__)
        if isinstance(backend, CudaBackend):
            raise DeviceError("the GPU failed (lost)", hint="look at nvidia-smi")
        return made(*arguments, backend=backend, **rest)

    def chosen(architecture: Any, work: Any, cpu: Any, *_: Any) -> DeviceChoice:
        return DeviceChoice(CudaBackend(cpu, 99 * 1024, 2, fallback, trains=True), "stand-in")

    monkeypatch.setattr(fit, "choose_device", chosen)
    monkeypatch.setattr(fit, "fit", fails_on_gpu)
    monkeypatch.setattr(fit, "review", lambda *_, **__: None)
    monkeypatch.setattr(fit, "suspicious_summary", lambda *_: {})
    done = fitted(plant)
    if falls_back:
        assert by == ["CudaBackend", "Backend"]
        assert told == ["the GPU failed (lost)"]
        assert (plant / "made").exists()
    else:
        assert by == ["CudaBackend"]
        assert done.exit_code == 9
        assert "the GPU failed (lost); look at nvidia-smi" in done.output


@pytest.mark.parametrize(
    ("kernels", "found", "line", "exit_code"),
    [
        ('device = "cuda"', NONE,
         'problem  kernels.device: "cuda", but no NVIDIA driver (no libcuda.so.1); install the '
         'driver; or device = "cpu", or on_gpu_failure = "cpu"', 3),
        ('device = "cuda"\non_gpu_failure = "cpu"', NONE,
         'warning  kernels.device: "cuda", but the CPU will compute: no NVIDIA driver', 6),
        ("", NONE, "note     kernels.device: the CPU will compute: no NVIDIA driver", 6),
        ('device = "cuda"', FOUND, "ok       kernels.device: NVIDIA H200, sm_90, 132 multi", 6),
        ('device = "cpu"', NONE, "", 6),
    ],
    ids=["missing", "missing, but the CPU may", "auto", "there", "not asked for"],
)  # fmt: skip
def test_check_looks_for_the_device(
    kernels: str,
    found: Gpu | NoGpu,
    line: str,
    exit_code: int,
    plant: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(check_kernels, "probe", lambda: found)
    done = invoke("check", "--config", configured(plant, kernels), "--timeout", "0.3")
    assert done.exit_code == exit_code
    assert line in done.output
    assert ("kernels.device" in done.output) == bool(line)


def test_a_daemon_s_device_is_measured_by_what_its_configuration_lets_it_compute(
    plant: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    works = []

    def chosen(architecture: Any, work: Any, cpu: Any, *_: Any) -> DeviceChoice:
        works.append(work)
        return DeviceChoice(cpu, "stand-in")

    monkeypatch.setattr(wiring, "choose_device", chosen)
    monkeypatch.setattr(fit, "choose_device", chosen)
    assert score(plant).exit_code == 0
    strided = configured(plant, "[window]\nwindow_stride = 3\n")
    assert score(plant, "--config", strided).exit_code == 0
    assert fitted(plant, "--batch-size", 7).exit_code == 0
    assert [(work.steps, work.stride, work.minibatch) for work in works] == [
        (5, 1, 0), (5, 3, 0), (8, 0, 7),
    ]  # fmt: skip


def test_check_tells_of_a_variant_that_is_not_to_be_had(
    plant: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENTINEL_KERNELS", "abacus")
    config = configured(plant, 'device = "cpu"')
    done = invoke("check", "--config", config, "--timeout", "0.3")
    assert done.exit_code == ConfigError.exit_code
    assert "kernels.variant" in done.output
    assert "SENTINEL_KERNELS=abacus" in done.output
