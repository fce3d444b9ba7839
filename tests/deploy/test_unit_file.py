"""The systemd unit: accepted without a word, and hardened as far as a JIT compiler allows."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path(__file__).resolve().parents[2] / "systemd" / "sentinel.service"
GPU_DROP_IN = UNIT.with_name("sentinel-gpu.conf")
EXECUTABLE = "/opt/sentinel/bin/sentinel"
EXPOSURE_MAX = 1.5  # of 10; redis's unit has 1.2, Prometheus's 3.9

pytestmark = pytest.mark.systemd


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit, with a program that exists here: verify looks for it."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    text = UNIT.read_text()
    assert text.count(EXECUTABLE + " run") == 1
    copy = tmp_path / UNIT.name
    copy.write_text(text.replace(EXECUTABLE + " run", f"{shutil.which('true')} run"))
    return copy


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments], check=False, capture_output=True, text=True, timeout=60
    )


def test_systemd_accepts_the_unit_without_a_word(unit: Path) -> None:
    done = analyze("verify", "--man=no", str(unit))
    # It exits with 0 on a misspelt key: what it says counts.
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def with_gpu(unit: Path, text: str) -> Path:
    """The unit, and beside it this text as its drop-in."""
    drop_in = unit.parent / f"{unit.name}.d" / "gpu.conf"
    drop_in.parent.mkdir()
    drop_in.write_text(text)
    return unit


def test_systemd_accepts_the_drop_in_for_a_gpu_without_a_word(unit: Path) -> None:
    done = analyze("verify", "--man=no", str(with_gpu(unit, GPU_DROP_IN.read_text())))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_systemd_would_complain_of_a_drop_in_that_is_misspelt(unit: Path) -> None:
    text = GPU_DROP_IN.read_text().replace("DeviceAllow=", "DevicesAllow=")
    assert "DevicesAllow" in analyze("verify", "--man=no", str(with_gpu(unit, text))).stderr


def test_systemd_would_complain_of_a_misspelt_key(unit: Path) -> None:
    unit.write_text(unit.read_text().replace("WatchdogSec=", "WatchDogSec="))
    assert "WatchDogSec" in analyze("verify", "--man=no", str(unit)).stderr


def test_exposure_stays_low(unit: Path) -> None:
    threshold = f"--threshold={round(EXPOSURE_MAX * 10)}"
    done = analyze("security", "--offline=true", "--no-pager", threshold, str(unit))
    assert done.returncode == 0, done.stdout


def test_what_kills_a_jit_compiler_is_not_set() -> None:
    settings = [line for line in UNIT.read_text().splitlines() if not line.startswith("#")]
    assert not [line for line in settings if line.startswith("MemoryDenyWriteExecute")]
