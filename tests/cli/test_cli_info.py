"""`sentinel info` says which kernels run here, and of each other why not."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from sentinel.cli import info
from sentinel.kernels.variants import VARIANTS
from sentinel.runtime import kernels, tile_permission
from sentinel.runtime.kernels import cpu_features

AMX = frozenset({"amx-tile", "amx-bf16"})


def shown(monkeypatch: pytest.MonkeyPatch, features: frozenset[str]) -> str:
    """What a machine with these features prints; its kernels are not run."""
    for module in (info, kernels):
        monkeypatch.setattr(module, "cpu_features", lambda: features)
        monkeypatch.setattr(module, "largest_error", lambda *_, **__: 1e-7)
    monkeypatch.setattr(kernels, "compile_ahead", lambda *_: None)
    monkeypatch.delenv("SENTINEL_KERNELS", raising=False)
    result = CliRunner().invoke(info.command)
    assert result.exit_code == 0, result.output
    return " ".join(result.output.replace("│", " ").split())


def test_every_variant_has_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    output = shown(monkeypatch, frozenset({"avx2", "fma"}))
    assert "kernels avx2: the fastest that runs here" in output
    for name in VARIANTS:
        assert f" {name} {VARIANTS[name].lanes.width} " in output
    assert "avx2 8 passed, largest error 1.0e-07" in output
    assert "avx512 16 not run on this machine: it has no avx512f" in output


def test_a_refusal_of_tile_registers_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    features = frozenset().union(*kernels.NEEDED.values())
    monkeypatch.setattr(tile_permission, "refusal", lambda: "Operation not permitted")
    output = shown(monkeypatch, features)
    assert "amx-bf16 amx-tile" in output
    assert "kernels avx512: the fastest that runs here" in output
    assert "amx 16 not run on this machine: its system refuses tile registers" in output
    assert "Operation not permitted" in output


def test_why_amx_is_not_taken_by_itself_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tile_permission, "refusal", lambda: "")
    output = shown(monkeypatch, frozenset().union(*kernels.NEEDED.values()))
    assert (
        "kernels avx512: the fastest that runs here for a single window and for many with the "
        "same bits"
    ) in output
    assert "amx 16 passed" in output


def test_the_kernels_of_this_machine_pass() -> None:
    result = CliRunner().invoke(info.command)
    assert result.exit_code == 0, result.output
    assert "FAILED" not in result.output
    assert ("amx-tile" in result.output) == (cpu_features() >= AMX or "it has no" in result.output)
