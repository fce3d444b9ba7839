"""Waiting for a condition, instead of sleeping and hoping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")

PAUSE_S = 0.01


def wait_until(condition: Callable[[], Found], timeout_s: float = 10.0) -> Found:
    """Ask until the answer is true, and give it back.

    Raises TimeoutError, with the last answer and the condition's name, after timeout_s.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            name = getattr(condition, "__qualname__", repr(condition))
            raise TimeoutError(f"{name} is still {answer!r} after {timeout_s:g} s")
        time.sleep(PAUSE_S)
