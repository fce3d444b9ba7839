"""Kernels compiled side by side, where there are none yet: by processes, into the cache.

Numba compiles one function at a time in a process. A process of its own has all that is imported
already when it is forked, and writes what it compiles where this one finds it. This one compiles
nothing meanwhile: it would keep the rubbish, some fifty megabytes, and sweep it for a while.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path

from sentinel.kernels.jit import load_compiler

log = logging.getLogger(__name__)

Compile = Callable[[], object]


def compile_ahead(name: str, groups: Sequence[Sequence[Compile]]) -> None:
    """Compile kernels into the cache, if it does not hold them; nothing depends on it.

    name    of them all: where they have been compiled, a file of that name says so
    groups  of kernels, each call compiles one, or loads it; those of a group share code, which a
            process compiles once, and are parted only where a CPU would have nothing to do
    What is left out here, for want of a cache, a CPU or a process, is compiled where it is needed.
    """
    cache, cpus = os.environ.get("NUMBA_CACHE_DIR", ""), len(os.sched_getaffinity(0))
    done = Path(cache) / f"{name}.compiled"
    parts = _parted(groups, cpus)
    count = min(cpus, len(parts))
    if not cache or done.exists() or count < 2 or not _can_fork():
        return
    log.info("compiling the kernels of this model, once; later starts load them")
    load_compiler()
    context = multiprocessing.get_context("fork")
    compilers = [
        context.Process(target=_compile, args=(parts[n::count],), daemon=True) for n in range(count)
    ]
    try:
        for compiler in compilers:
            compiler.start()
        for compiler in compilers:
            compiler.join()
        if all(compiler.exitcode == 0 for compiler in compilers):
            done.touch()
    except OSError as error:
        log.debug("kernels are compiled one after another: %s", error)


def _parted(groups: Sequence[Sequence[Compile]], cpus: int) -> list[Sequence[Compile]]:
    """The groups, the largest ones cut in two until there are as many as CPUs."""
    parts = list(groups)
    while len(parts) < cpus and any(len(part) > 1 for part in parts):
        n = max(range(len(parts)), key=lambda n: (len(parts[n]), n))
        half = len(parts[n]) // 2
        parts[n : n + 1] = [parts[n][:half], parts[n][half:]]
    return parts


def _compile(groups: Sequence[Sequence[Compile]]) -> None:
    # Ctrl-C is for the process that waits for this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for kernel in chain.from_iterable(groups):
            kernel()
    except Exception as error:
        log.debug("not compiled ahead: %r", error)
        raise SystemExit(1) from error


def _can_fork() -> bool:
    """A copy of a process has none of its threads, and the locks that they held for ever.

    And a daemonic process, one of a caller's pool, may have no children.
    """
    return (
        "fork" in multiprocessing.get_all_start_methods()
        and threading.active_count() == 1
        and not multiprocessing.current_process().daemon
    )
