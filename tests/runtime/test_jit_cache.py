"""Compiled kernels are kept where they are safe, and never outlive their sources."""

from __future__ import annotations

import ast
import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sentinel.runtime import jit_cache


def test_every_file_with_compiled_functions_is_in_the_key() -> None:
    covered = set(jit_cache.compiled_sources())
    for path in jit_cache.PACKAGE.rglob("*.py"):
        names = {
            alias.name
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.ImportFrom) and node.module == "sentinel.kernels.jit"
            for alias in node.names
        }
        if names & {"jit", "lean", "rolled", "shared"}:
            assert path in covered, path


def test_a_changed_source_changes_the_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SENTINEL_CACHE_DIR", str(tmp_path))
    package = tmp_path / "package"
    (package / "kernels").mkdir(parents=True)
    source = package / "kernels" / "cell.py"
    source.write_text("a = 1\n")
    (package / "records.py").touch()
    monkeypatch.setattr(jit_cache, "PACKAGE", package)
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    before = jit_cache.prepare()
    assert jit_cache.prepare() == before
    source.write_text("a = 2\n")
    assert jit_cache.prepare() != before


def test_the_directory_belongs_to_this_user_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SENTINEL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    directory = jit_cache.prepare()
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert os.environ["NUMBA_CACHE_DIR"] == str(directory)


def test_without_a_usable_directory_a_private_one_serves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SENTINEL_CACHE_DIR", str(tmp_path / "file" / "below"))
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    directory = jit_cache.prepare()
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert "compiling anew" in caplog.text


@pytest.fixture
def claims(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[int]:
    """What the filesystem answers to claims of room, one after another: error numbers."""
    answers: list[int] = []

    def claim(descriptor: int, offset: int, length: int) -> None:
        if answers:
            raise OSError(number := answers.pop(0), os.strerror(number))

    monkeypatch.setattr(os, "posix_fallocate", claim)
    monkeypatch.setenv("SENTINEL_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    return answers


@pytest.mark.parametrize("full", [errno.ENOSPC, errno.EDQUOT])
def test_on_a_full_disk_a_temporary_directory_serves(
    claims: list[int], tmp_path: Path, caplog: pytest.LogCaptureFixture, full: int
) -> None:
    claims.append(full)
    directory = jit_cache.prepare()
    assert directory.parent != tmp_path
    assert f"{os.strerror(full)}: '{tmp_path}/jit-" in caplog.text


def test_a_filesystem_that_takes_no_claims_is_not_full(claims: list[int], tmp_path: Path) -> None:
    claims.append(errno.EOPNOTSUPP)
    assert jit_cache.prepare().parent == tmp_path


def test_kernels_that_are_there_serve_on_a_full_disk_too(claims: list[int], tmp_path: Path) -> None:
    below = jit_cache.prepare() / "cell_0"
    below.mkdir()
    (below / "cell.step-1.py311.1.nbc").touch()
    claims.append(errno.ENOSPC)
    assert jit_cache.prepare() == below.parent
    assert below.parent.parent == tmp_path


def test_where_no_directory_has_room_the_error_says_so(tmp_path: Path) -> None:
    """A real claim, under a limit on the size of files as on a disk that is full."""
    limited = ["bash", "-c", 'ulimit -f 16; exec "$@"', "-", sys.executable, "-m", "sentinel"]
    done = subprocess.run(
        [*limited, "info"], env={**os.environ, "SENTINEL_CACHE_DIR": str(tmp_path)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "sentinel: error: compiled kernels cannot be kept anywhere:" in done.stderr
    assert "SENTINEL_CACHE_DIR" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_user_without_a_home_has_a_private_one_for_as_long_as_it_runs(tmp_path: Path) -> None:
    """As a service may be run: by a number that no list of users holds."""
    code = (
        "from pathlib import Path\n"
        "from sentinel.runtime import jit_cache\n"
        "def home():\n"
        "    raise RuntimeError('Could not determine home directory.')\n"
        "Path.home = home\n"
        "print(jit_cache.prepare())\n"
    )
    names = ("SENTINEL_CACHE_DIR", "CACHE_DIRECTORY", "XDG_CACHE_HOME")
    known = {name: value for name, value in os.environ.items() if name not in names}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**known, "TMPDIR": str(tmp_path)},
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert "kernel cache not usable (Could not determine home directory.)" in done.stderr
    assert Path(done.stdout.strip()).parent == tmp_path
    assert list(tmp_path.iterdir()) == []
