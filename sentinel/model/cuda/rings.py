"""The rings of a stream on the device: only rows that it has not seen cross the bus.

What is new goes through pinned memory in chunks, on the slots' streams in turn: while the device
scores the windows of one chunk, the rows of the next are on their way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numba import cuda

from sentinel.kernels.cuda.rings import THREADS, move_rows, place_rows
from sentinel.kernels.jit import jit
from sentinel.model.ring_windows import RingWindows
from sentinel.records import Float32Array, IndexArray, TimeArray

# Rows of a chunk, in bytes: their copy takes longer than what it costs to ask for it.
CHUNK_BYTES = 1 << 20
BLOCKS_MAX = 1024
# Numbers that tell where a stretch of rows goes: from, to, how many.
MOVE = 3


class DeviceRings:
    """The device's copy of all rings' rows.

    rows  (R F,) on the device
    """

    def __init__(self, channels: int) -> None:
        self.channels = channels
        # Made once: where there is no room for others, there are these.
        self.nothing = cuda.device_array(0, np.float32)
        self.rows = self.nothing
        self.slabs = np.zeros((0, 0, channels), np.float32)
        self.ends = np.zeros(0, np.int64)
        self.call = -1
        self.arrived = cuda.event()

    def chunks(self, windows: RingWindows, enough: int) -> Iterator[tuple[TimeArray, slice]]:
        """Places of rows that the device lacks, and the windows to be scored once it has them.

        enough  windows that keep the device busy; fewer that are whole wait for those of the next
                chunk, and no chunk has more rows than that: while it works on the windows of one,
                the rows of the next are collected
        """
        seen = windows.slabs is self.slabs and windows.call == self.call + 1
        self.call = -1  # unless all goes well
        places = windows.place if seen else self._begin_anew(windows)
        # How many rows must be there before a window is whole.
        needed = windows.newest + 1 if seen else np.full(len(windows.starts), len(places))
        size = max(1, min(CHUNK_BYTES // (4 * self.channels), enough))
        first = 0
        for end in range(size, len(places) + size, size):
            last = int(np.searchsorted(needed, end, side="right"))
            if last - first < enough and end < len(places):
                last = first
            yield places[end - size : end], slice(first, last)
            first = last
        self.call = windows.call

    def _begin_anew(self, windows: RingWindows) -> TimeArray:
        """Make room for other slabs; where rows stand in them."""
        size = windows.slabs.size
        if len(self.rows) != size:
            self.rows = self.nothing  # there may be no room for both
            self.rows = cuda.device_array(size, np.float32)
        self.slabs, self.ends = windows.slabs, np.zeros(len(windows.ends), np.int64)
        return _in_use(windows.ends, windows.slabs.shape[1])

    def bring(self, slot: Any, places: TimeArray) -> None:
        """Let these rows of the host's slabs arrive on a slot's stream, after those before them."""
        slot.rows.room(len(places) * self.channels)
        slot.places.room(len(places))
        slot.moves.room(MOVE * len(places))
        flat, capacity = self.slabs.reshape(-1), self.slabs.shape[1]
        count, moved = _stage(
            flat, places, capacity, self.channels, self.ends,
            slot.rows.host, slot.places.host, slot.moves.host,
        )  # fmt: skip
        self.arrived.wait(slot.stream)
        if moved:
            self._launch(move_rows, slot, moved * THREADS, slot.moves.up(MOVE * moved))
        if count:
            staged = slot.rows.up(count * self.channels)
            self._launch(place_rows, slot, len(staged), staged, slot.places.up(count))
        self.arrived.record(slot.stream)

    def compile(self, slot: Any) -> None:
        """Compile or load the kernels now: once readings flow, it is too late."""
        self._launch(move_rows, slot, 1, slot.moves.up(0))
        self._launch(place_rows, slot, 1, slot.rows.up(0), slot.places.up(0))

    def _launch(self, kernel: Any, slot: Any, size: int, *arguments: Any) -> None:
        blocks = min(-(-size // THREADS), BLOCKS_MAX)
        kernel[blocks, THREADS, slot.stream](self.rows, self.channels, *arguments)


@jit
def _in_use(ends: IndexArray, capacity: int) -> TimeArray:
    """The rows of all rings that hold a reading, each ring's in its order."""
    places = np.empty(ends.sum(), np.int64)
    count = 0
    for e in range(len(ends)):
        for slot in range(ends[e]):
            places[count] = e * capacity + slot
            count += 1
    return places


@jit
def _stage(
    flat: Float32Array,
    places: TimeArray,
    capacity: int,
    channels: int,
    ends: TimeArray,
    staged: Float32Array,
    kept: TimeArray,
    moves: TimeArray,
) -> tuple[int, int]:
    """Collect new rows, and what moved to the front before them; how many of each there are.

    flat    (R F,); places  (N,) in order; -1: none
    ends    (E,) where each ring's next reading goes on the device; updated
    staged  (N F,), kept  (N,) overwritten: rows and their places
    moves   (N MOVE,) overwritten
    """
    count, moved = 0, 0
    for place in places:
        if place < 0:
            continue
        e, slot = place // capacity, place % capacity
        if slot < ends[e]:
            # Its ring began at the front again, behind its newest readings; behind none where it
            # was forgotten.
            moves[moved * MOVE] = e * capacity + ends[e] - slot
            moves[moved * MOVE + 1] = e * capacity
            moves[moved * MOVE + 2] = slot
            moved += 1
        ends[e] = slot + 1
        for f in range(channels):
            staged[count * channels + f] = flat[place * channels + f]
        kept[count] = place
        count += 1
    return count, moved
