"""What Numba finds out again and again, remembered: types of calls, sizes of variables.

A sum of two integers has a dozen candidates, those for arrays first; typing and lowering both ask
for each of the thousands of sums of a kernel. Without memory that is a sixth of a cold start. And
of every variable it asks LLVM for the size, by a module of its own.
"""

# Numba's own classes, which have no types.
# mypy: allow-untyped-defs, allow-untyped-calls

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numba.core.base import BaseContext
from numba.core.types import BaseFunction
from numba.core.typing import Context, Signature

_plain, _plain_size = BaseFunction.get_call_type, BaseContext.get_abi_sizeof
_found: dict[tuple[BaseFunction, Context, tuple[Any, ...]], Signature] = {}
_sizes: dict[tuple[BaseContext, str], int] = {}


def _remembered(self, context, args, kws):
    """As Numba's. Whoever adds a candidate to a function makes another function of it."""
    if kws:
        return _plain(self, context, args, kws)
    key = self, context, tuple(args)
    if key not in _found:
        _found[key] = _plain(self, context, args, kws)
    return _found[key]


def _remembered_size(self, ty):
    """As Numba's, in bytes. All types of kernels have their whole structure for a name."""
    key = self, str(ty)
    if key not in _sizes:
        _sizes[key] = _plain_size(self, ty)
    return _sizes[key]


@contextmanager
def _remembering() -> Iterator[None]:
    """Numba's lock is held: none but our own compilations, and what they call for, remember."""
    BaseFunction.get_call_type = _remembered  # type: ignore[method-assign]
    BaseContext.get_abi_sizeof = _remembered_size
    try:
        yield
    finally:
        BaseFunction.get_call_type = _plain  # type: ignore[method-assign]
        BaseContext.get_abi_sizeof = _plain_size


class TypedOnce:
    """Of a compiler: it remembers."""

    def compile_extra(self, func):
        """Compile as the other bases do."""
        with _remembering():
            return super().compile_extra(func)  # type: ignore[misc]
