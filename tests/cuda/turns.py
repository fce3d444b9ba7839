"""In numba-cuda's simulator, the threads of a block take turns from barrier to barrier.

The simulator asks all of them all the time whether they are at a barrier, and most of the time goes
into the fight for the interpreter's lock. One at a time is several times as quick, and the order is
the same in every run, from the first thread to the last and back: what a missing barrier spoils is
always spoilt.
"""

from __future__ import annotations

from threading import Lock
from typing import Any

import numpy as np
import pytest
from numba.cuda.simulator import kernel


class Turns(kernel.BlockThread):
    """A thread that runs only while it has its turn."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.begun, self.over = Lock(), Lock()
        self.begun.acquire()
        self.over.acquire()
        self.ended = False

    def take_turn(self) -> None:
        """Run to the next barrier, or to the end."""
        self.begun.release()
        self.over.acquire()

    def run(self) -> None:
        self.begun.acquire()
        if not self.abort:
            super().run()
        self.ended = True
        self.over.release()

    def syncthreads(self) -> None:
        self.over.release()
        self.begun.acquire()
        if self.abort:
            raise RuntimeError("another thread of the block has failed")


class TurnTakingBlock(kernel.BlockManager):
    """Runs a block; what a thread raises is raised here, and ends the others."""

    def run(self, grid_point: Any, *arguments: Any) -> None:
        threads = [
            Turns(lambda: self._f(*arguments), self, grid_point, point, self._debug)
            for point in np.ndindex(*self._block_dim)
        ]
        for thread in threads:
            thread.start()
        running = threads
        while running:
            for thread in running:
                thread.take_turn()
                if thread.exception:
                    self._end([other for other in running if not other.ended])
                    raise thread.exception[0].with_traceback(thread.exception[1])
            running = [thread for thread in reversed(running) if not thread.ended]

    def _end(self, others: list[Turns]) -> None:
        for thread in others:
            thread.abort = True
            thread.take_turn()


def take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of the simulator's own way."""
    monkeypatch.setattr(kernel, "BlockManager", TurnTakingBlock)
