"""The collector of reference cycles, paused where nearly all that is made stays.

Imports and compilations make millions of objects, and the collector looks at all of them again and
again: a fifth of a cold start, a tenth of a warm one.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Collect nothing in here; processes that are forked in here collect nothing at all."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
