"""`sentinel info` says which kernels run here, and of each other why not."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from sentinel import store
from sentinel.cli import info
from sentinel.cli.main import cli
from sentinel.kernels.variants import VARIANTS
from sentinel.model.architecture import Architecture
from sentinel.model.prepared import Backend
from sentinel.runtime import device, kernels, tile_permission
from sentinel.runtime.gpu import NoGpu
from sentinel.runtime.kernels import cpu_features
from tests.cli.toy_config import CONFIG
from tests.detector.toy import toy_model

AMX = frozenset({"amx-tile", "amx-bf16"})


EVERYTHING = frozenset().union(*kernels.NEEDED.values())


@pytest.fixture
def plant(tmp_path: Path) -> Path:
    """A folder with a model."""
    store.save(toy_model(hidden=2), tmp_path / "toy")
    return tmp_path


def configured(plant: Path, *lines: str) -> str:
    path = plant / "sentinel.toml"
    path.write_text("\n".join([CONFIG, *lines]))
    return str(path)


def shown(
    monkeypatch: pytest.MonkeyPatch,
    features: frozenset[str],
    *arguments: str,
    exit_code: int = 0,
    refusal: str = "",
) -> str:
    """What a machine with these features prints; its kernels are not run."""
    for module in (info, kernels):
        monkeypatch.setattr(module, "cpu_features", lambda: features)
        monkeypatch.setattr(module, "largest_error", lambda *_, **__: 1e-7)
    monkeypatch.setattr(kernels, "compile_ahead", lambda *_: None)
    monkeypatch.setattr(tile_permission, "refusal", lambda: refusal)
    result = CliRunner().invoke(cli, ["info", *arguments])
    assert result.exit_code == exit_code, result.output
    return " ".join(result.output.replace("│", " ").split())


@pytest.fixture(autouse=True)
def nothing_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SENTINEL_KERNELS", raising=False)


def test_every_variant_has_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    output = shown(monkeypatch, frozenset({"avx2", "fma"}))
    assert "kernels avx2: the fastest that runs here" in output
    for name in VARIANTS:
        assert f" {name} {VARIANTS[name].lanes.width} " in output
    assert "avx2 8 passed, largest error 1.0e-07" in output
    assert "avx512 16 not run on this machine: it has no avx512f" in output


def test_a_refusal_of_tile_registers_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    output = shown(monkeypatch, EVERYTHING, refusal="Operation not permitted")
    assert "amx-bf16 amx-tile" in output
    assert "kernels avx512: the fastest that runs here" in output
    assert "amx 16 not run on this machine: its system refuses tile registers" in output
    assert "Operation not permitted" in output


def test_why_amx_is_not_taken_by_itself_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    output = shown(monkeypatch, EVERYTHING)
    assert (
        "kernels avx512: the fastest that runs here for a single window and for many with the "
        "same bits"
    ) in output
    assert "amx 16 passed" in output


def test_without_a_configuration_a_daemon_s_defaults_are_shown_and_no_key_of_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    output = shown(monkeypatch, EVERYTHING)
    assert (
        "threads 1: a daemon's, unless its configuration says otherwise; other commands take one "
        "for each CPU"
    ) in output
    assert "[kernels]" not in output
    assert "scores of the same bits in any batch" in output


def test_what_a_configuration_makes_of_the_machine_is_shown(
    monkeypatch: pytest.MonkeyPatch, plant: Path
) -> None:
    monkeypatch.setattr(kernels.os, "sched_getaffinity", lambda _: {0, 2, 5})
    lines = "[kernels]", 'variant = "avx2"', "threads = 0", 'device = "cpu"'
    output = shown(monkeypatch, EVERYTHING, "--config", configured(plant, *lines))
    assert 'kernels avx2: asked for by "avx2"' in output
    assert "threads 3: [kernels] threads is 0, one for each CPU of this process" in output
    assert 'device cpu: asked for by device = "cpu"' in output


def test_that_bits_may_depend_on_the_batch_is_shown(
    monkeypatch: pytest.MonkeyPatch, plant: Path
) -> None:
    path = configured(plant, "[kernels]", "deterministic = false", "threads = 2")
    output = shown(monkeypatch, EVERYTHING, "--config", path)
    assert "kernels amx: the fastest that runs here" in output
    assert "threads 2: [kernels] threads is 2" in output
    assert "scores whose last bits may differ with the batch" in output
    # Only a matrix unit makes them differ.
    output = shown(monkeypatch, frozenset(), "--config", path)
    assert "scores of the same bits in any batch" in output


def test_the_environment_is_shown_to_go_before_the_configuration(
    monkeypatch: pytest.MonkeyPatch, plant: Path
) -> None:
    monkeypatch.setenv("SENTINEL_KERNELS", "portable")
    path = configured(plant, "[kernels]", 'variant = "avx2"')
    output = shown(monkeypatch, EVERYTHING, "--config", path)
    assert "kernels portable: asked for by SENTINEL_KERNELS=portable" in output


def test_what_cannot_run_here_is_the_error_that_run_would_give(
    monkeypatch: pytest.MonkeyPatch, plant: Path
) -> None:
    path = configured(plant, "[kernels]", 'variant = "avx512"')
    output = shown(monkeypatch, frozenset({"avx2", "fma"}), "--config", path, exit_code=3)
    assert 'kernels "avx512": this machine cannot run it: it has no avx512f' in output


def test_all_else_is_shown_where_the_gpu_that_is_asked_for_is_missing(
    monkeypatch: pytest.MonkeyPatch, plant: Path
) -> None:
    for module in (info, device):
        monkeypatch.setattr(module, "probe", lambda: NoGpu("no NVIDIA driver", "install it"))
    path = configured(plant, "[kernels]", 'device = "cuda"')
    output = shown(monkeypatch, EVERYTHING, "--config", path, exit_code=3)
    assert 'GPU none: no NVIDIA driver device none: device "cuda": no NVIDIA driver' in output
    assert "avx2 8 passed" in output
    assert output.endswith('error: device "cuda": no NVIDIA driver; install it')


@pytest.mark.parametrize("named", [False, True], ids=["the configuration's", "another"])
def test_the_kernels_that_are_checked_are_those_of_a_model(
    named: bool, monkeypatch: pytest.MonkeyPatch, plant: Path
) -> None:
    store.save(toy_model(hidden=3), plant / "other")
    checked: list[int] = []
    path = configured(plant)
    options = ("--model", str(plant / "other")) if named else ()

    def error(backend: Backend, architecture: Architecture, **_: object) -> float:
        checked.append(architecture.hidden)
        return 0.0

    monkeypatch.setattr(info, "largest_error", error)
    monkeypatch.setattr(kernels, "largest_error", error)
    monkeypatch.setattr(kernels, "compile_ahead", lambda *_: None)
    assert CliRunner().invoke(cli, ["info", "--config", path, *options]).exit_code == 0
    assert set(checked) == {3 if named else 2}


def test_the_kernels_of_this_machine_pass() -> None:
    result = CliRunner().invoke(cli, ["info"])
    assert result.exit_code == 0, result.output
    assert "FAILED" not in result.output
    assert ("amx-tile" in result.output) == (cpu_features() >= AMX or "it has no" in result.output)
