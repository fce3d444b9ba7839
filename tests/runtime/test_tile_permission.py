"""Leave for AMX's tile registers is asked for once, and a refusal is a reason, not an error."""

from __future__ import annotations

import ctypes
import errno
import subprocess
import sys

import pytest

from sentinel.runtime import tile_permission


@pytest.fixture(autouse=True)
def _forgotten() -> None:
    tile_permission.refusal.cache_clear()


def test_the_request_is_linuxs() -> None:
    """arch_prctl(ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA), by the numbers of its headers."""
    asked = []
    assert tile_permission.ask(lambda *numbers: asked.append(numbers) or 0) == ""
    assert asked == [(158, 0x1023, 18)]


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (errno.EOPNOTSUPP, "Operation not supported"),  # the CPU, or XCR0, has no tiles
        (errno.EINVAL, "Invalid argument"),  # Linux before 5.16
        (errno.ENOSPC, "No space left on device"),  # a signal stack that could not hold them
        (errno.EPERM, "Operation not permitted"),  # seccomp
    ],
)
def test_a_refusal_is_told_in_words(reason: int, text: str) -> None:
    def refuse(*_: int) -> int:
        ctypes.set_errno(reason)
        return -1

    assert tile_permission.ask(refuse) == text


def test_it_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(tile_permission.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(tile_permission, "ask", lambda call: asked.append(call) or "no")
    assert [tile_permission.refusal() for _ in range(3)] == ["no"] * 3
    assert len(asked) == 1


@pytest.mark.parametrize(("system", "machine"), [("darwin", "x86_64"), ("linux", "aarch64")])
def test_others_than_linux_on_x86_are_not_asked(
    system: str, machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(tile_permission.platform, "machine", lambda: machine)
    monkeypatch.setattr(tile_permission, "ask", lambda call: pytest.fail("asked"))
    assert tile_permission.refusal().startswith("no way to ask")


def test_the_real_request_is_answered() -> None:
    """Whatever the answer here is: in a process of its own, whose leave nobody inherits."""
    code = "from sentinel.runtime.tile_permission import refusal; print(repr(refusal()))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )  # fmt: skip
    assert done.stdout.strip().startswith(("'", '"'))
    assert "Success" not in done.stdout
