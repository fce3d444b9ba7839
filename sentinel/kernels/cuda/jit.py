"""The only options of the CUDA compiler. As on the CPU: no fastmath, a NaN that comes in comes out.

A product and a sum may become one instruction, rounded once, as they do on the CPU's lanes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from numba import config, cuda, typeof

# numba-cuda's simulator runs a kernel as plain Python, and knows none of the options.
SIMULATED = bool(config.ENABLE_CUDASIM)
# Few windows make few blocks, which is right and worth no warning at every such launch.
config.CUDA_LOW_OCCUPANCY_WARNINGS = 0
# Dynamic shared memory that a kernel gets without asking.
UNASKED_BYTES = 48 * 1024
THREADS_RESIDENT, THREADS_WIDE = 512, 256
F = TypeVar("F", bound=Callable[..., Any])


def device(function: F) -> F:
    """Compile a part of kernels; always inlined, so that a thread's arrays become registers."""
    inlined = {} if SIMULATED else {"forceinline": True}
    compiled: F = cuda.jit(device=True, **inlined)(function)
    return compiled


def launch_bounds(threads: int) -> tuple[int, int]:
    """Threads of a block, and how many blocks must fit on a multiprocessor.

    So many that a thread has 128 registers: fewer would not hold its sums, and with more nobody
    would be left to work while others wait. Small blocks are of narrow tiles, for few windows.
    """
    return threads, max(1, THREADS_RESIDENT // max(threads, THREADS_WIDE))


def kernel(threads: int) -> Callable[[F], Any]:
    """Compile a kernel for blocks of so many threads, cached on disk."""
    options: dict[str, Any] = {"launch_bounds": launch_bounds(threads), "cache": True}
    return cuda.jit(**({} if SIMULATED else options))  # type: ignore[no-any-return]


def make_ready(kernel: Any, shared_bytes: int, arguments: tuple[object, ...]) -> None:
    """Compile a kernel, or load it, and ask the driver for so much shared memory of each block.

    arguments  what the kernel will be called with, in type
    """
    if SIMULATED:
        return
    compiled = kernel.compile(tuple(typeof(argument) for argument in arguments))
    if shared_bytes <= UNASKED_BYTES:
        return
    # numba-cuda has no option for that; what is used instead is private, and may change with it.
    from numba.cuda.cudadrv.driver import binding, driver

    function = compiled._codelibrary.get_cufunc()
    attribute = binding.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
    driver.cuKernelSetAttribute(attribute, shared_bytes, function.handle, function.device.id)
