"""Calls of a kernel: what goes to the device, what comes back, and what overlaps with what.

Two slots take turns: while the device works on one slot's windows, the CPU gathers the rows of the
other's. Host memory is pinned, every copy is on the slot's stream.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda

from sentinel.kernels.cuda.jit import SIMULATED, THREADS_RESIDENT, THREADS_WIDE, make_ready
from sentinel.kernels.cuda.tiling import Tiling
from sentinel.kernels.jit import jit
from sentinel.model.device import CudaBackend
from sentinel.model.plan import Plan
from sentinel.records import Float32Array, TimeArray

BLOCKS_PER_MULTIPROCESSOR_MAX = 8
# Threads of narrow tiles take up to 160 of a multiprocessor's 65,536 registers (ptxas, sm_90).
THREADS_RESIDENT_NARROW = 65_536 // 160
# Outputs between layers, of all blocks of a launch.
SCRATCH_FLOATS_MAX = 1 << 26
# Readings of a slot at a time, in bytes: the copy of one hides behind the work on the other, and
# there are windows for wide tiles among them.
CHUNK_BYTES = 64 << 20


def free_dropped() -> None:
    """Give back now what nobody refers to any more; numba-cuda would do so some time later.

    It counts a pinned array as one of no size, and frees none where there is no room for the next.
    """
    if not SIMULATED:
        cuda.current_context().deallocations.clear()


class Mirror:
    """A pinned array and its copy on the device; both grow with what is asked of them."""

    def __init__(self, dtype: type[np.generic], stream: Any) -> None:
        self.dtype, self.stream, self.size = dtype, stream, 0
        self.host: Any = None
        self.device: Any = None

    def room(self, size: int) -> Any:
        """So many numbers of the pinned array; what they were is lost."""
        if size > self.size or self.device is None:
            grown = max(1 << max(size - 1, 1).bit_length(), 2)
            # The old ones go first: there may be no room for both.
            self.size, self.host, self.device = 0, None, None
            free_dropped()
            self.host = cuda.pinned_array(grown, self.dtype)
            self.device = cuda.device_array(grown, self.dtype)
            self.size = grown
        return self.host[:size]

    def up(self, size: int) -> Any:
        """These numbers on the device, once the stream has come to it."""
        part = self.device[:size]
        if size:
            part.copy_to_device(self.host[:size], stream=self.stream)
        return part

    def down(self, size: int) -> Any:
        """The device's numbers in the pinned array, once the stream has come to it."""
        if size:
            self.device[:size].copy_to_host(self.host[:size], stream=self.stream)
        return self.host[:size]


class Model:
    """A model's tables and packed weights on the device, for one plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.table, self.numbers = cuda.to_device(plan.table), cuda.to_device(plan.shape)
        self.packed = cuda.device_array(len(plan.index), np.float32)

    def load(self, flat: Float32Array) -> None:
        """Take these parameters."""
        self.packed.copy_to_device(self.plan.pack(flat))


def blocks_beside(tiling: Tiling, shared_bytes: int) -> int:
    """What fits on a multiprocessor side by side: more would queue, and each fetch the weights.

    shared_bytes  that a block may have of this device: nearly all of a multiprocessor's
    """
    threads = THREADS_RESIDENT if tiling.threads >= THREADS_WIDE else THREADS_RESIDENT_NARROW
    by_registers = threads // tiling.threads
    by_memory = shared_bytes // tiling.shared_bytes
    return max(1, min(by_registers, by_memory, BLOCKS_PER_MULTIPROCESSOR_MAX))


class Launcher:
    """A kernel for a tiling, and how many blocks of it a launch takes.

    scratch  floats that each block needs of it
    """

    def __init__(
        self, kernel: Any, tiling: Tiling, backend: CudaBackend, scratch: int, arguments: Any
    ) -> None:
        self.kernel, self.tiling = kernel, tiling
        self.blocks = backend.multiprocessors * blocks_beside(tiling, backend.shared_bytes)
        if scratch:
            self.blocks = max(1, min(self.blocks, SCRATCH_FLOATS_MAX // scratch))
        self.scratch = scratch * self.blocks
        make_ready(kernel, tiling.shared_bytes, arguments)

    def __call__(self, count: int, stream: Any, *arguments: Any) -> None:
        """Launch over so many windows."""
        blocks = min(self.blocks, -(-count // self.tiling.windows))
        shape = blocks, self.tiling.threads, stream, self.tiling.shared_bytes
        self.kernel[shape](*arguments)


@jit
def gather_rows(
    rows: Float32Array,
    starts: TimeArray,
    lengths: TimeArray,
    order: TimeArray,
    channels: int,
    staged: Float32Array,
    places: TimeArray,
) -> int:
    """Copy the rows that windows span, each once, one after another; how many there are.

    rows    (N F,); starts, lengths  (B,); order  (B,) of the windows by where they start
    staged  (M F,) with room for the rows of all windows; places  (B,) the windows' starts in it
    """
    end, count, shift = -1, 0, 0
    for n in order:
        start, stop = starts[n], starts[n] + lengths[n]
        if start >= end:
            shift, end = count - start, start
        for i in range(end * channels, stop * channels):
            staged[i + shift * channels] = rows[i]
        if stop > end:
            count += stop - end
            end = stop
        places[n] = start + shift
    return count
