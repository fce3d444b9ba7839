"""The clock of the machine."""

from __future__ import annotations

import time


class SystemClock:
    """Implements `ports.Clock`."""

    def time_s(self) -> float:
        """Unix seconds."""
        return time.time()

    def monotonic_s(self) -> float:
        """Seconds that never jump."""
        return time.monotonic()
