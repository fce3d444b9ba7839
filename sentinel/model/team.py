"""Threads that share one piece of work."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable

import numpy as np

from sentinel.kernels.jit import entry
from sentinel.kernels.watching import changed

# How often a thread looks before it sleeps: a tenth of a millisecond or two, by the CPU's pause.
LOOKS = 4000
# Until who gave the sign has let go of the interpreter's lock: some five microseconds.
PAUSES_AFTER = 100
NUMBERS_APART = 16
# Who sleeps looks again: an interrupt may come between the sign and the bell.
SLEEP_MAX_S = 1.0

Work = Callable[[int], object]


class Team:
    """So many threads, of which the caller's is the first: that one need not be woken.

    Starts the others when there is work for them, and keeps them for the next: they look out for
    it a while before they sleep, so that pieces which follow each other closely wait for no system.
    """

    def __init__(self, threads: int) -> None:
        self._others: list[_Helper] = []
        number = np.zeros(NUMBERS_APART, np.int64)
        self._watch = entry(changed, number, 0, 0, 0) if threads > 1 else changed
        weakref.finalize(self, _close, self._others)

    def share(self, threads: int, work: Work) -> None:
        """Run work(0), work(1), ... in a thread each, at least one, and raise what one raises.

        None still runs when this returns or raises that; after an interrupt the next call waits.
        """
        while len(self._others) < threads - 1:
            self._others.append(_Helper(len(self._others) + 1, self._watch))
        others = self._others[: threads - 1]
        try:
            for other in others:
                other.begin(work)
            work(0)
        finally:
            failures = [other.end_of_work() for other in others]
        failure = next(filter(None, failures), None)
        try:
            if failure is not None:
                raise failure
        finally:
            # What was raised knows this frame: it must not know what was raised.
            del failure, failures

    def close(self) -> None:
        """End the threads."""
        _close(self._others)


def _close(helpers: list[_Helper]) -> None:
    closing = helpers[:]
    helpers.clear()
    for helper in closing:
        helper.begin(None)
    for helper in closing:
        # One of them may be who collects a team that nobody has any more.
        if helper.thread is not threading.current_thread():
            helper.thread.join()


class _Helper:
    """A thread that does one piece of work after another.

    part  the number of its part of each
    """

    def __init__(self, part: int, watch: Callable[..., bool]) -> None:
        self.part = part
        self.begun, self.done = _Count(watch), _Count(watch)
        self.work: Work | None = None
        self.failure: BaseException | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def begin(self, work: Work | None) -> None:
        """Let it do its part of this, once it has done what it was given before; of None: end."""
        self.end_of_work()
        self.work = work
        self.begun.raise_by_one()

    def end_of_work(self) -> BaseException | None:
        """Wait until it has done all that it was given; what it raised."""
        # Looked at once a turn: it may change between two looks.
        while (done := self.done.value) != self.begun.value:
            self.done.await_other_than(done)
        failure, self.failure = self.failure, None
        return failure

    def _run(self) -> None:
        while True:
            self.begun.await_other_than(self.done.value)
            # Kept no longer than it runs: it may hold what holds the team.
            work, self.work = self.work, None
            if work is None:
                return
            try:
                work(self.part)
            except BaseException as failure:
                self.failure = failure
            self.done.raise_by_one()  # first of all: somebody may be waiting
            del work


class _Count:
    """A number that one thread raises and another awaits, a while with open eyes, then asleep.

    value  the number
    """

    def __init__(self, watch: Callable[..., bool]) -> None:
        self.value = 0
        # The same for who watches, alone on its cache lines: two threads use it all the time.
        self._number = np.zeros(NUMBERS_APART, np.int64)
        self._watch = watch
        self._asleep, self._bell = False, threading.Semaphore(0)

    def raise_by_one(self) -> None:
        """Raise it, and wake who sleeps."""
        self.value += 1
        self._number[0] = self.value
        # Read after the value was raised, as it is set before the value is read: by one of the
        # two the sleeper learns of it. (The interpreter's lock keeps all of them in this order.)
        if self._asleep:
            self._bell.release()

    def await_other_than(self, seen: int) -> None:
        """Return once the number is another one."""
        if self._watch(self._number, seen, LOOKS, PAUSES_AFTER):
            return
        self._asleep = True
        try:
            while self.value == seen:
                self._bell.acquire(timeout=SLEEP_MAX_S)
        finally:
            self._asleep = False
