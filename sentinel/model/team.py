"""Threads that share one piece of work."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait


class Team:
    """So many threads, of which the caller's is the first: that one need not be woken.

    Starts the others when there is work for them, and keeps them for the next.
    """

    def __init__(self, threads: int) -> None:
        self._others = ThreadPoolExecutor(max(threads - 1, 1))

    def share(self, threads: int, work: Callable[[int], object]) -> None:
        """Run work(0), work(1), ... in a thread each, and raise what one of them raises.

        None still runs when this returns or raises.
        """
        others = [self._others.submit(work, thread) for thread in range(1, threads)]
        try:
            work(0)
        finally:
            wait(others)
        for other in others:
            other.result()

    def close(self) -> None:
        """End the threads."""
        self._others.shutdown()
