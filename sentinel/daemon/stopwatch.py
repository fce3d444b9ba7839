"""Seconds by stage of one turn of the loop."""

from __future__ import annotations

from sentinel.ports import Clock


class Stopwatch:
    """`lap(stage)` books the time since the last lap."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_s = clock.monotonic_s()
        self.seconds: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        """The stage ends now."""
        now = self._clock.monotonic_s()
        self.seconds[stage] = now - self._last_s
        self._last_s = now
