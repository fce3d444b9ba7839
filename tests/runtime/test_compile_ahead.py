"""Kernels are compiled side by side once, and nothing depends on it."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from sentinel.runtime.compile_ahead import compile_ahead

Job = Callable[[], object]


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache, on a machine of two CPUs, in a process of one thread."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    return tmp_path


def jobs(directory: Path, count: int, together: int = 1) -> list[list[Job]]:
    """In groups of so many; each leaves a file with the process that did it."""

    def job(number: int) -> Job:
        return lambda: (directory / str(number)).write_text(str(os.getpid()))

    numbers = list(range(count))
    return [[job(n) for n in numbers[at : at + together]] for at in range(0, count, together)]


def done_by(directory: Path, count: int) -> list[int]:
    return [int((directory / str(number)).read_text()) for number in range(count)]


def test_they_are_compiled_in_turns_by_a_process_for_each_cpu_and_none_by_this_one(
    cache: Path,
) -> None:
    compile_ahead("few", jobs(cache, 3))
    first, second, third = done_by(cache, 3)
    assert first == third
    assert len({os.getpid(), first, second}) == 3


def test_every_cpu_helps(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    compile_ahead("few", jobs(cache, 3))
    assert len(set(done_by(cache, 3))) == 3


def test_a_group_is_compiled_in_one_process(cache: Path) -> None:
    compile_ahead("few", jobs(cache, 6, together=3))
    done = done_by(cache, 6)
    assert len(set(done[:3])) == len(set(done[3:])) == 1
    assert done[3] != done[0]


@pytest.mark.parametrize(("cpus", "processes"), [(1, 0), (2, 2), (3, 3), (5, 5), (6, 6), (64, 6)])
def test_groups_are_parted_where_a_cpu_would_rest(
    cpus: int, processes: int, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cpus)))
    compile_ahead("few", jobs(cache, 6, together=4))
    if processes:
        assert len(set(done_by(cache, 6))) == processes
    else:
        assert list(cache.iterdir()) == []


def test_what_has_been_compiled_is_not_compiled_again(cache: Path) -> None:
    compile_ahead("few", jobs(cache, 3))
    for number in range(3):
        (cache / str(number)).unlink()
    compile_ahead("few", jobs(cache, 3))
    assert not (cache / "0").exists()
    compile_ahead("others", jobs(cache, 3))
    assert len(done_by(cache, 3)) == 3


def test_a_process_that_fails_is_no_error_and_is_tried_again(cache: Path) -> None:
    def broken() -> None:
        raise OSError(28, "No space left on device")

    compile_ahead("few", [*jobs(cache, 1), [broken]])
    (cache / "0").unlink()
    compile_ahead("few", jobs(cache, 2))
    assert len(done_by(cache, 2)) == 2


@pytest.mark.parametrize("lacking", ["a cache", "a second CPU", "a process of one thread", "leave"])
def test_without_what_it_takes_nothing_is_compiled_ahead(
    lacking: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if lacking == "a cache":
        monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    elif lacking == "a second CPU":
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    elif lacking == "leave":
        pooled = SimpleNamespace(daemon=True)
        monkeypatch.setattr(multiprocessing, "current_process", lambda: pooled)
    else:
        monkeypatch.setattr(threading, "active_count", lambda: 2)
    compile_ahead("few", jobs(cache, 3))
    assert list(cache.iterdir()) == []
