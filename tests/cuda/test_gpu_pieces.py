"""The pieces in which all that wants a GPU is run: nothing is left out, and a failure is told."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.bench.kernels import SHAPES
from tests.cuda.gpu import __main__ as module

FILES = sorted(path.as_posix() for path in Path(module.FOLDER).glob("test_*.py"))


def test_every_test_and_every_shape_is_in_a_piece() -> None:
    commands = module.pieces()
    assert sorted({part for command in commands for part in command if part in FILES}) == FILES
    for benchmark in "tests.bench.cuda", "tests.bench.cuda_training":
        measured = [
            command[command.index("--shapes") + 1] for command in commands if benchmark in command
        ]
        assert measured == [",".join(map(str, shape)) for shape in SHAPES]
    # What one piece leaves out, the last one of the file takes.
    for words in module.TESTS.values():
        assert words[-1] == " and ".join(f"not {word}" for word in words[:-1])


def test_the_pieces_are_listed_by_their_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    module.main(["--list", "1", "3"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["1", "3"]
    assert lines[0].endswith("test_gpu_scoring.py -k odd")


def test_the_sanitizer_is_asked_for_small_tests(capsys: pytest.CaptureFixture[str]) -> None:
    module.main(["--list", "--sanitize", "racecheck"])
    (line,) = capsys.readouterr().out.splitlines()
    assert "compute-sanitizer --tool racecheck --error-exitcode 1" in line
    assert line.endswith("-m gpu tests/cuda/gpu/test_gpu_rings.py")


def test_without_a_sanitizer_nothing_is_run_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit) as left:
        module.main(["--sanitize", "memcheck"])
    assert left.value.code == "compute-sanitizer is not on PATH: it comes with the CUDA toolkit"


def test_a_piece_that_fails_or_takes_too_long_is_told_and_the_others_are_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def python(code: str) -> list[str]:
        return [sys.executable, "-c", code]

    ran = tmp_path / "ran"
    commands = [
        python("raise SystemExit(3)"), python("import time; time.sleep(60)"),
        python(f"open({str(ran)!r}, 'w')"),
    ]  # fmt: skip
    monkeypatch.setattr(module, "pieces", lambda: commands)
    monkeypatch.setattr(module, "LIMIT_S", 3)
    with pytest.raises(SystemExit) as left:
        module.main([])
    assert left.value.code == "failed: 0 1"
    assert ran.exists()
    module.main(["2"])
