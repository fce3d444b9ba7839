"""Compiled kernels are kept where they are safe, and never outlive their sources."""

from __future__ import annotations

import ast
import os
import stat
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
