"""Does the stream sample as often as the history did? A window of other spacing means little."""

from __future__ import annotations

from dataclasses import dataclass

from sentinel.ports import Clock
from sentinel.records import NS_PER_S, Readings
from sentinel.window.segments import median_interval_ns

FACTOR_MAX = 2.0
LOOK_EVERY_S = 10.0
READINGS_MIN = 32
READINGS_MAX = 65_536


@dataclass(frozen=True, slots=True)
class Interval:
    """The stream's median sampling interval and the model's, in seconds; 0: not known (yet)."""

    observed_s: float
    expected_s: float

    @property
    def fits(self) -> bool:
        """At most twice apart, as far as both are known."""
        if not self.observed_s or not self.expected_s:
            return True
        return 1 / FACTOR_MAX <= self.observed_s / self.expected_s <= FACTOR_MAX


class IntervalWatch:
    """Looks at a batch now and then, since a median costs more than it is worth every time."""

    def __init__(self, expected_ns: int, clock: Clock) -> None:
        self._clock = clock
        self._looked_s = float("-inf")
        self.interval = Interval(0.0, expected_ns / NS_PER_S)

    def observe(self, readings: Readings) -> Interval:
        """The interval as known after these readings."""
        now = self._clock.monotonic_s()
        if len(readings) >= READINGS_MIN and now - self._looked_s >= LOOK_EVERY_S:
            some = readings.slice(0, READINGS_MAX)
            observed = median_interval_ns(some.entity, some.time_ns)
            if observed:
                self._looked_s = now
                self.interval = Interval(observed / NS_PER_S, self.interval.expected_s)
        return self.interval
