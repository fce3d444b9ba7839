"""Kernels compiled side by side, where there are none yet: by processes, into the cache.

Numba compiles one function at a time in a process. A process of its own has all that is imported
already when it is forked, and writes what it compiles where this one finds it.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from sentinel.kernels.jit import load_compiler

log = logging.getLogger(__name__)

Compile = Callable[[], object]


def compile_ahead(name: str, kernels: Sequence[Compile]) -> None:
    """Compile these kernels into the cache, if it does not hold them; nothing depends on it.

    name     of them all: where they have been compiled, a file of that name says so
    kernels  each call compiles one, or loads it
    What is left out here, for want of a cache, a CPU or a process, is compiled where it is needed.
    """
    cache = os.environ.get("NUMBA_CACHE_DIR", "")
    done = Path(cache) / f"{name}.compiled"
    helpers = min(len(os.sched_getaffinity(0)), len(kernels)) - 1
    if not cache or done.exists() or helpers < 1 or not _can_fork():
        return
    load_compiler()
    context = multiprocessing.get_context("fork")
    others = [
        context.Process(target=_compile, args=(kernels[1 + n :: helpers],), daemon=True)
        for n in range(helpers)
    ]
    try:
        for other in others:
            other.start()
        kernels[0]()
        for other in others:
            other.join()
        if all(other.exitcode == 0 for other in others):
            done.touch()
    except OSError as error:
        log.debug("kernels are compiled one after another: %s", error)


def _compile(kernels: Sequence[Compile]) -> None:
    # Ctrl-C is for the process that waits for this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for compile_it in kernels:
            compile_it()
    except Exception as error:
        log.debug("not compiled ahead: %r", error)
        raise SystemExit(1) from error


def _can_fork() -> bool:
    """A copy of a process has none of its threads, and the locks that they held for ever."""
    return "fork" in multiprocessing.get_all_start_methods() and threading.active_count() == 1
