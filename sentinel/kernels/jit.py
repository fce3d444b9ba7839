"""The only JIT options of the project.

`fastmath` stays off: it is inherited by callees and removes NaN detection, and a NaN that comes in
must come out. `nogil` lets other threads run; `error_model="numpy"` makes 1/0 an infinity instead
of an exception. The on-disk cache directory is the caller's choice (runtime/jit_cache.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numba
from numba.core.compiler import Compiler
from numba.core.registry import cpu_target
from numba.extending import overload, register_jitable

from sentinel.kernels.inlined import Inlined
from sentinel.kernels.rolled import Rolled
from sentinel.kernels.typed_once import TypedOnce

F = TypeVar("F", bound=Callable[..., Any])


# Of a function that is called by compiled code alone.
INLINED = {
    "pipeline_class": Inlined,
    "forceinline": True,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
}


class Plain(TypedOnce, Compiler):  # type: ignore[misc]
    """Numba's own passes."""


KERNEL = {
    "cache": True,
    "nogil": True,
    "error_model": "numpy",
    "boundscheck": False,
    "no_cfunc_wrapper": True,
}


def jit(function: F) -> F:
    """Compile for the CPU on first call, cached on disk; the signature stays the Python one."""
    compiled: F = numba.njit(**KERNEL, pipeline_class=Plain)(function)
    return compiled


def rolled(function: F) -> F:
    """As `jit`, for a kernel whose inner loops are of tiles: none is unrolled."""
    compiled: F = numba.njit(**KERNEL, pipeline_class=Rolled)(function)
    return compiled


def entry(kernel: Callable[..., Any], *arguments: object) -> Callable[..., Any]:
    """A kernel compiled, or loaded, for arguments of the types of these: a call compiles nothing.

    It looks at no argument's type either, which matters where a call takes microseconds.
    """
    compiled: Callable[..., Any] = kernel.compile(  # type: ignore[attr-defined]
        tuple(numba.typeof(argument) for argument in arguments)
    )
    return compiled


def load_compiler() -> None:
    """Load what the first compilation would load: processes forked later have it then."""
    cpu_target.typing_context.refresh()
    cpu_target.target_context.refresh()


def lean(function: F) -> F:
    """Compile a part of kernels that walks over its arrays and makes none; Python cannot call it.

    Numba counts references to every array argument at every call, which costs a scanner of many
    small functions three quarters of its time. It counts none here, and inlines the function into
    its callers; where an array is made all the same (a slice will do), it refuses to compile.
    """
    compiled: F = numba.njit(
        nogil=True, error_model="numpy", boundscheck=False, _nrt=False, **INLINED
    )(function)
    return compiled


def lean_root(function: F) -> F:
    """As `lean`, but compiled for itself: Python may call it, a test of a part for one."""
    compiled: F = numba.njit(
        cache=True, nogil=True, error_model="numpy", boundscheck=False, forceinline=True,
        no_cfunc_wrapper=True, _nrt=False,
    )(function)  # fmt: skip
    return compiled


def shared(function: F) -> F:
    """A formula used inside kernels, CPU and CUDA alike; stays a plain Python function."""
    usable: F = register_jitable(function)
    overload(function, jit_options=INLINED, strict=False, target="cpu")(lambda *_: function)
    return usable
