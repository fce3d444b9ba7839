"""Windows that stand in the rings of a stream, and what is new there since the call before."""

from __future__ import annotations

from dataclasses import dataclass

from sentinel.records import Float32Array, IndexArray, TimeArray


@dataclass(frozen=True, slots=True)
class RingWindows:
    """Full windows, each completed by one of N new readings; valid until the rings go on.

    A ring's readings follow each other in its slab; when that is full, the newest T - 1 move to its
    front. So who has seen the call before knows all rows but the new ones.

    slabs   (E, capacity, F) scaled, NaN = missing; an array of its own whenever they were laid anew
    ends    (E,) where each ring's next reading goes
    call    one more than that of the call before
    place   (N,) each new reading's row among those of all slabs, in order; -1: it was dropped
    newest  (B,) which of the new readings completes each window, ascending
    starts  (B,) the window's first row among those of all slabs
    """

    slabs: Float32Array
    ends: IndexArray
    call: int
    place: TimeArray
    newest: TimeArray
    starts: TimeArray

    @property
    def rows(self) -> Float32Array:
        """Those of all slabs (E capacity, F)."""
        return self.slabs.reshape(-1, self.slabs.shape[2])
