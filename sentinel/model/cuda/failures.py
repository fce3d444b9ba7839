"""What the driver and its bindings raise, as an error that tells the operator what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sentinel.errors import DeviceError

# The driver, its bindings, and the compilers that they load. What numba-cuda's own compiler raises
# (a TypingError, say) is a mistake of ours, which nobody may take over for.
RAISED_BY = ("cuda.", "numba.cuda.cudadrv.", "numba.cuda.simulator.cudadrv.")
OUT_OF_MEMORY, OF_HOST = "OUT_OF_MEMORY", "cuMemHost"


@contextmanager
def device_failures() -> Iterator[None]:
    """Around all that asks something of the device, also as a decorator.

    Raises DeviceError in place of what driver and bindings raise; all else passes.
    """
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith(RAISED_BY):
            raise
        said = str(error)
        if OUT_OF_MEMORY in said and OF_HOST in said:
            raise DeviceError(
                "the machine has no memory left that a GPU can read (pinned memory)",
                hint="see what the unit or the container may take (MemoryMax, MemoryHigh), or set "
                'device = "cpu"',
            ) from error
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
