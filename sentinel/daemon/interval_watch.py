"""Does the stream sample as often as the history did? A window of other spacing means little."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sentinel.ports import Clock
from sentinel.records import NS_PER_S, IndexArray, Readings, TimeArray
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

    def __str__(self) -> str:
        return (
            f"the readings are {self.observed_s:g} s apart, the model's history "
            f"{self.expected_s:g} s: more than {FACTOR_MAX:g} times apart"
        )


class IntervalWatch:
    """Gathers readings until they say something, and looks again now and then: a median costs."""

    def __init__(self, expected_ns: int, clock: Clock) -> None:
        self._clock = clock
        self._looked_s = float("-inf")
        self._entity: list[IndexArray] = []
        self._time_ns: list[TimeArray] = []
        self._gathered = 0
        self.interval = Interval(0.0, expected_ns / NS_PER_S)

    def observe(self, readings: Readings) -> Interval:
        """The interval as known after these readings, however few of them come in one batch."""
        if not len(readings) or self._clock.monotonic_s() - self._looked_s < LOOK_EVERY_S:
            return self.interval
        some = readings.slice(0, READINGS_MAX - self._gathered)
        self._entity.append(some.entity)
        self._time_ns.append(some.time_ns)
        self._gathered += len(some)
        if self._gathered >= READINGS_MIN:
            self._look()
        return self.interval

    def _look(self) -> None:
        entity, time_ns = np.concatenate(self._entity), np.concatenate(self._time_ns)
        observed_ns = median_interval_ns(entity, time_ns)
        if observed_ns:
            self._looked_s = self._clock.monotonic_s()
            self.interval = Interval(observed_ns / NS_PER_S, self.interval.expected_s)
        if observed_ns or self._gathered == READINGS_MAX:
            self._entity, self._time_ns, self._gathered = [], [], 0
        else:
            # One array of them all: a thousand small batches must not be joined again each time.
            self._entity, self._time_ns = [entity], [time_ns]
