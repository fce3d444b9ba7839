"""What systemd hears on a real datagram socket."""

from __future__ import annotations

import logging
import os
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from sentinel.runtime.systemd import SystemdSupervisor


class ManualClock:
    def __init__(self) -> None:
        self.now_s = 1_000.0

    def time_s(self) -> float:
        return self.now_s

    def monotonic_s(self) -> float:
        return self.now_s


class Systemd:
    """The receiving end."""

    def __init__(self, address: str) -> None:
        self.notify_socket = "@" + address[1:] if address.startswith("\0") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)

    def heard(self) -> list[str]:
        """Everything sent since the last call; a datagram on AF_UNIX has arrived once sent."""
        messages = []
        while True:
            try:
                messages.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return messages

    def close(self) -> None:
        self._socket.close()


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Systemd]:
    abstract = f"\0sentinel-test-{uuid.uuid4()}"
    receiver = Systemd(abstract if request.param == "abstract" else str(tmp_path / "notify"))
    yield receiver
    receiver.close()


def test_systemd_hears_the_life_of_the_daemon(systemd: Systemd) -> None:
    environ = {"NOTIFY_SOCKET": systemd.notify_socket, "WATCHDOG_USEC": "30000000"}
    supervisor = SystemdSupervisor(environ, ManualClock())
    supervisor.status("compiling kernels")
    supervisor.ready()
    supervisor.progress()
    supervisor.stopping()
    assert systemd.heard() == ["STATUS=compiling kernels", "READY=1", "WATCHDOG=1", "STOPPING=1"]


def test_watchdog_is_fed_twice_per_interval_however_often_the_loop_turns(
    systemd: Systemd,
) -> None:
    clock = ManualClock()
    environ = {
        "NOTIFY_SOCKET": systemd.notify_socket,
        "WATCHDOG_USEC": "30000000",
        "WATCHDOG_PID": str(os.getpid()),
    }
    supervisor = SystemdSupervisor(environ, clock)
    for _ in range(600):  # a minute
        supervisor.progress()
        clock.now_s += 0.1
    assert systemd.heard() == ["WATCHDOG=1"] * 4


@pytest.mark.parametrize(
    "watchdog",
    [
        {},
        {"WATCHDOG_USEC": ""},
        {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"},
    ],
)
def test_no_watchdog_no_keep_alive(systemd: Systemd, watchdog: dict[str, str]) -> None:
    supervisor = SystemdSupervisor(
        {"NOTIFY_SOCKET": systemd.notify_socket, **watchdog}, ManualClock()
    )
    supervisor.progress()
    assert systemd.heard() == []


def test_status_cannot_forge_other_messages(systemd: Systemd) -> None:
    supervisor = SystemdSupervisor({"NOTIFY_SOCKET": systemd.notify_socket}, ManualClock())
    supervisor.status("entity 'a'\nREADY=1\r\nSTOPPING=1")
    assert systemd.heard() == ["STATUS=entity 'a' READY=1 STOPPING=1"]


def test_without_a_socket_nothing_happens() -> None:
    supervisor = SystemdSupervisor({"WATCHDOG_USEC": "1"}, ManualClock())
    supervisor.ready()
    supervisor.status("here")
    supervisor.progress()
    supervisor.stopping()


def test_lost_socket_is_said_once_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    supervisor = SystemdSupervisor({"NOTIFY_SOCKET": str(tmp_path / "gone")}, ManualClock())
    with caplog.at_level(logging.WARNING):
        supervisor.ready()
        supervisor.stopping()
    assert [record.getMessage() for record in caplog.records] == [
        "systemd does not hear 'READY=1': [Errno 2] No such file or directory"
    ]
