"""What the daemon says of itself: healthy (leave it alone) and ready (it does its work)."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from sentinel.daemon.interval_watch import Interval
from sentinel.plural import counted, listed
from sentinel.ports import ChannelReport, Clock, HealthReport

LAG_UNKNOWN_MAX_S = 10.0  # shorter is the usual uncertainty of a rebalance


class DaemonHealth:
    """Written by the loop after every turn, read by the HTTP server's threads.

    stalled_after_s  no turn for this long, or records waiting and none read: not healthy
    """

    def __init__(self, stalled_after_s: float, clock: Clock) -> None:
        self._stalled_after_s = stalled_after_s
        self._clock = clock
        self._lock = threading.Lock()
        self._turned_s = clock.monotonic_s()
        self._progress_s = clock.monotonic_s()
        self._lag: int | None = None
        self._lag_known_s = clock.monotonic_s()
        self._assigned = 0
        self._channels = ChannelReport((), (), ())
        self._interval = Interval(0.0, 0.0)
        self._stopping = False

    def turned(
        self,
        records: int,
        lag: int | None,
        assigned: int,
        channels: ChannelReport,
        interval: Interval,
    ) -> None:
        """The loop made a turn."""
        with self._lock:
            now = self._clock.monotonic_s()
            self._turned_s = now
            # Nothing waiting is as good as progress; an unknown lag is not.
            if records or lag == 0:
                self._progress_s = now
            if lag is not None or not assigned:
                self._lag_known_s = now
            self._lag, self._assigned = lag, assigned
            self._channels, self._interval = channels, interval

    def stopping(self) -> None:
        """The loop has ended."""
        with self._lock:
            self._stopping = True

    def healthy(self) -> HealthReport:
        """Turning, and reading where there is something to read."""
        with self._lock:
            now = self._clock.monotonic_s()
            since_turn, since_progress = now - self._turned_s, now - self._progress_s
            problems = []
            if since_turn > self._stalled_after_s:
                problems.append(f"the loop has not turned for {since_turn:.0f} s")
            elif since_progress > self._stalled_after_s and (self._lag or self._assigned):
                waiting = "an unknown number of records"
                if self._lag is not None:
                    waiting = counted(self._lag, "record")
                problems.append(f"{waiting} waiting, none read for {since_progress:.0f} s")
            return HealthReport(
                not problems,
                {
                    "problems": problems,
                    "seconds_since_turn": round(since_turn, 3),
                    "seconds_since_progress": round(since_progress, 3),
                    "lag_records": self._lag,
                },
            )

    def ready(self) -> HealthReport:
        """Partitions are assigned; what is odd about the stream is shown as warnings."""
        with self._lock:
            problems: list[str] = []
            if self._stopping:
                problems.append("stopping")
            if not self._assigned:
                problems.append("no partition is assigned (yet)")
            return HealthReport(
                not problems,
                {
                    "problems": problems,
                    "warnings": list(self._warnings().values()),
                    "partitions": self._assigned,
                    "channels": {
                        "matched": list(self._channels.matched),
                        "missing": list(self._channels.missing),
                        "awaited": list(self._channels.awaited),
                        "unknown": list(self._channels.unknown),
                    },
                    "interval_seconds": {
                        "observed": self._interval.observed_s,
                        "model": self._interval.expected_s,
                    },
                },
            )

    def warnings(self) -> Mapping[str, str]:
        """What is odd about the stream, in words, by kind; nothing that the daemon would stop for.

        A kind stays what it is while its words change, with every new channel for one.
        """
        with self._lock:
            return self._warnings()

    def _warnings(self) -> Mapping[str, str]:
        found = {}
        if self._turned_s - self._lag_known_s > LAG_UNKNOWN_MAX_S:
            found["lag"] = "the lag is not known: the brokers do not say where the partitions end"
        if missing := self._channels.missing:
            found["missing"] = f"channels never seen: {listed(missing)}"
        if unknown := self._channels.unknown:
            found["unknown"] = f"channels the model does not know: {listed(unknown)}"
        if not self._interval.fits:
            found["interval"] = str(self._interval)
        return found
