"""A thread watches a number that another one changes, for a while and without asking the system.

To be woken takes a thread longer than a small piece of work; to see a number change does not.
"""

# Numba calls these with types of its own, and compares the signatures to the letter.
# mypy: allow-untyped-defs, allow-untyped-decorators, allow-untyped-calls

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from sentinel.kernels.avx512 import call
from sentinel.kernels.jit import lean_root
from sentinel.kernels.types import TimeArray

# LLVM's word for "I am but waiting" by machine, which leaves the units to the core's other thread.
PAUSES = {"x86_64": ("llvm.x86.sse2.pause", []), "aarch64": ("llvm.aarch64.hint", [1])}


@intrinsic
def _look(typing, number):
    """number[0] as other threads see it.  number (1,) int64"""

    def emit(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.load_atomic(data, "acquire", 8)

    return types.int64(number), emit


@intrinsic
def _pause(typing):
    def emit(context, builder, signature, args):
        name, hint = PAUSES.get(builder.module.triple.split("-")[0], ("", []))
        if name:
            call(builder, name, ir.VoidType(), [ir.IntType(32)(value) for value in hint])
        return context.get_dummy_value()

    return types.void(), emit


@lean_root
def changed(number: TimeArray, seen: int, looks: int, after: int) -> bool:
    """Whether number[0] is another than the one seen; looks so many times, and pauses in between.

    number  (1,) int64, which another thread changes
    after   so many pauses follow a change: whoever made it may need a lock for a moment yet
    """
    for _ in range(looks):
        if _look(number) != seen:
            for _ in range(after):
                _pause()
            return True
        _pause()
    return False
