"""Leave to use the tile registers of AMX: Linux saves their 8 KiB only for processes that asked.

Source: Documentation/arch/x86/xstate.rst of Linux; since 5.16.
"""

from __future__ import annotations

import ctypes
import os
import platform
import sys
from collections.abc import Callable
from functools import cache

ARCH_PRCTL = 158  # the system call, on x86-64
ARCH_REQ_XCOMP_PERM = 0x1023
XFEATURE_XTILEDATA = 18

# (number, arguments) to 0, or to -1 with the reason in ctypes' errno.
SystemCall = Callable[[int, int, int], int]


@cache
def refusal() -> str:
    """Why this process may not use tiles; empty: it may, as all its threads. Asks once."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return f"no way to ask {platform.system()} on {platform.machine()}"
    return ask(ctypes.CDLL(None, use_errno=True).syscall)


def ask(system_call: SystemCall) -> str:
    """Ask for the permission; the reason where it is not given."""
    ctypes.set_errno(0)
    if system_call(ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0:
        return ""
    return os.strerror(ctypes.get_errno())
