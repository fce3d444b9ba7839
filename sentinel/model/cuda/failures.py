"""What the driver and its bindings raise, as an error that tells the operator what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sentinel.errors import DeviceError

# Each of these packages has a tree of exceptions of its own; a mistake of ours is none of theirs.
RAISED_BY = ("cuda.", "numba.cuda.")
OUT_OF_MEMORY = "OUT_OF_MEMORY"


@contextmanager
def device_failures() -> Iterator[None]:
    """Around all that asks something of the device, also as a decorator.

    Raises DeviceError in place of what the device's packages raise.
    """
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith(RAISED_BY):
            raise
        said = str(error)
        if OUT_OF_MEMORY in said:
            raise DeviceError(
                "the GPU is out of memory",
                hint='see who else uses it (nvidia-smi), or set device = "cpu"',
            ) from error
        first_line = next((line for line in said.splitlines() if line.strip()), "")
        raise DeviceError(
            f"the GPU failed ({type(error).__name__}: {first_line.strip()})",
            hint='look at nvidia-smi and the kernel log, or set device = "cpu"',
        ) from error
