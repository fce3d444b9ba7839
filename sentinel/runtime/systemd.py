"""The Supervisor port on systemd's notification protocol: datagrams to $NOTIFY_SOCKET.

Without that variable (a terminal, a container) everything here does nothing. Source: sd_notify(3),
sd_watchdog_enabled(3).
"""

from __future__ import annotations

import logging
import math
import os
import socket
from collections.abc import Mapping

from sentinel.ports import Clock

log = logging.getLogger(__name__)

# systemd reads at once; where it does not, the daemon must go on rather than wait.
_SEND_TIMEOUT_S = 1.0


class SystemdSupervisor:
    """Tells systemd of readiness, status, progress and stop.

    environ   NOTIFY_SOCKET (a path, or abstract: @name), WATCHDOG_USEC and WATCHDOG_PID
    clock     spaces the keep-alives: at most one per half of the watchdog's interval
    """

    def __init__(self, environ: Mapping[str, str], clock: Clock) -> None:
        self._clock = clock
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self._keep_alive_interval_s = _watchdog_s(environ) / 2 if self._address else math.inf
        self._next_keep_alive_s = -math.inf
        self._failed = False

    def ready(self) -> None:
        """READY=1: kernels compiled, topics found, about to consume."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        # A line break would begin another assignment: a status must not be able to say READY=1.
        self._send("STATUS=" + " ".join(text.splitlines()))

    def progress(self) -> None:
        """Feed the watchdog. Cheap: called on every turn of the loop, mostly sends nothing."""
        now_s = self._clock.monotonic_s()
        if now_s >= self._next_keep_alive_s and self._keep_alive_interval_s < math.inf:
            self._next_keep_alive_s = now_s + self._keep_alive_interval_s
            self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """STOPPING=1: a clean stop has begun."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.settimeout(_SEND_TIMEOUT_S)
                sender.sendto(message.encode(), self._address)
        except OSError as error:
            # Once: a lost socket stays lost, and the loop turns often.
            if not self._failed:
                log.warning("systemd does not hear %r: %s", message, error)
            self._failed = True


def _address(value: str) -> str:
    return "\0" + value[1:] if value.startswith("@") else value


def _watchdog_s(environ: Mapping[str, str]) -> float:
    """Seconds within which systemd wants to hear of progress; infinite where it does not."""
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return math.inf  # meant for another process of the unit
    microseconds = environ.get("WATCHDOG_USEC", "")
    return int(microseconds) / 1e6 if microseconds.isdigit() else math.inf
