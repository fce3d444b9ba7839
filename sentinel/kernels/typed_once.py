"""What Numba makes of a call of a built-in function, remembered: it tries every way each time.

A sum of two integers has a dozen candidates, those for arrays first; typing and lowering both ask
for each of the thousands of sums of a kernel. Without memory that is a sixth of a cold start.
"""

# Numba's own classes, which have no types.
# mypy: allow-untyped-defs, allow-untyped-calls

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numba.core.types import BaseFunction
from numba.core.typing import Context, Signature

_plain = BaseFunction.get_call_type
_found: dict[tuple[BaseFunction, Context, tuple[Any, ...]], Signature] = {}


def _remembered(self, context, args, kws):
    """As Numba's. Whoever adds a candidate to a function makes another function of it."""
    if kws:
        return _plain(self, context, args, kws)
    key = self, context, tuple(args)
    if key not in _found:
        _found[key] = _plain(self, context, args, kws)
    return _found[key]


@contextmanager
def _remembering() -> Iterator[None]:
    """Numba's lock is held: none but our own compilations, and what they call for, remember."""
    BaseFunction.get_call_type = _remembered  # type: ignore[method-assign]
    try:
        yield
    finally:
        BaseFunction.get_call_type = _plain  # type: ignore[method-assign]


class TypedOnce:
    """Of a compiler: it remembers."""

    def compile_extra(self, func):
        """Compile as the other bases do."""
        with _remembering():
            return super().compile_extra(func)  # type: ignore[misc]
