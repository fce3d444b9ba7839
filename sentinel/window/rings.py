"""One ring of readings per entity: the newest window_length of each, scaled, always contiguous.

A ring is a slab with some slack: readings are written one after another, and when the slab is full
its newest window_length - 1 readings move to the front. So a window is a plain slice, and each
reading is moved at most once or twice in its life.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sentinel.kernels.jit import jit
from sentinel.kernels.windows import gather, has_value, scale
from sentinel.records import BoolArray, Float32Array, IndexArray, Readings, Status, TimeArray
from sentinel.window.scaling import Scaling

OK, WARMING, BETWEEN = int(Status.OK), int(Status.WARMING), int(Status.BETWEEN)
DUPLICATE, LATE, REJECTED = int(Status.DUPLICATE), int(Status.LATE), int(Status.REJECTED)

SLACK_MIN = 32
WINDOWS_MAX = 4096


@dataclass(frozen=True, slots=True)
class Filled:
    """What a run of readings did to the rings, row by row, and the windows it completed.

    stop       the rows [start, stop) were taken
    windows    (B,) row whose reading completed a window; places (B,) where the window begins
    restarted  (N,) the first reading after a gap; missing (N,) masked values of the reading
    """

    stop: int
    windows: TimeArray
    places: TimeArray


class Rings:
    """The rings of all entities.

    slabs (E, window_length + slack, F) float32; end, filled, since_score, last_ns (E,)
    """

    def __init__(
        self, scaling: Scaling, window_length: int, window_stride: int, max_gap_ns: int
    ) -> None:
        self.scaling = scaling
        self.window_length = window_length
        self.window_stride = window_stride
        self.max_gap_ns = max_gap_ns
        self.slack = max(SLACK_MIN, window_length // 2)
        channels = len(scaling.centre)
        self.slabs = np.empty((0, window_length + self.slack, channels), np.float32)
        self.end = np.zeros(0, np.int32)
        self.filled = np.zeros(0, np.int32)
        self.since_score = np.zeros(0, np.int32)
        self.last_ns = np.zeros(0, np.int64)
        self.scored_in = np.zeros(0, np.int64)
        self.calls = 0

    def grow(self, entities: int) -> None:
        """Make room for at least so many entities."""
        for name in ("slabs", "end", "filled", "since_score", "last_ns", "scored_in"):
            old = getattr(self, name)
            # Fresh pages of np.zeros cost nothing until an entity writes to them.
            new = np.zeros((entities, *old.shape[1:]), old.dtype)
            new[: len(old)] = old
            setattr(self, name, new)

    def forget(self, entities: IndexArray) -> None:
        """Empty the rings of these entities."""
        for state in (self.end, self.filled, self.since_score, self.last_ns):
            state[entities] = 0

    def fill(
        self,
        readings: Readings,
        start: int,
        status: np.ndarray[tuple[int], np.dtype[np.uint8]],
        filled: IndexArray,
        restarted: BoolArray,
        missing: IndexArray,
    ) -> Filled:
        """Take readings from row `start` on, until the end or until windows must be scored first.

        status, filled, restarted, missing  (N,) overwritten for the rows taken
        """
        self.calls += 1
        windows = np.empty(WINDOWS_MAX, np.int64)
        places = np.empty(WINDOWS_MAX, np.int64)
        stop, count = _fill(
            readings.entity, readings.time_ns, readings.values, start,
            self.scaling.centre, self.scaling.spread,
            self.window_length, self.window_stride, self.max_gap_ns, self.calls,
            self.slabs, self.end, self.filled, self.since_score, self.last_ns, self.scored_in,
            status, filled, restarted, missing, windows, places,
        )  # fmt: skip
        return Filled(stop, windows[:count], places[:count])

    def gather(self, places: TimeArray) -> tuple[Float32Array, Float32Array]:
        """The windows at these places: x (T, F, B), 0 where masked, and mask (T, F, B)."""
        shape = (self.window_length, self.slabs.shape[2], len(places))
        x, mask = np.empty(shape, np.float32), np.empty(shape, np.float32)
        lengths = np.full(len(places), self.window_length)
        gather(self.slabs.reshape(-1, self.slabs.shape[2]), places, lengths, x, mask)
        return x, mask


@jit
def _fill(
    entity, time_ns, values, start, centre, spread,
    window_length, window_stride, max_gap_ns, call,
    slabs, end, ring_filled, since_score, last_ns, scored_in,
    status, filled, restarted, missing, windows, places,
):  # type: ignore[no-untyped-def]  # fmt: skip
    capacity, channels = slabs.shape[1], slabs.shape[2]
    count = 0
    for n in range(start, len(entity)):
        e = entity[n]
        restarted[n] = False
        missing[n] = 0
        status[n] = OK
        if not has_value(values, n):
            status[n] = REJECTED
        elif last_ns[e] > 0 and time_ns[n] == last_ns[e]:
            status[n] = DUPLICATE
        elif time_ns[n] < last_ns[e]:
            status[n] = LATE
        if status[n] != OK:
            filled[n] = ring_filled[e]
            continue
        if end[e] == capacity:
            if scored_in[e] == call or count == len(windows):
                return n, count
            kept = window_length - 1
            for i in range(kept):
                for f in range(channels):
                    slabs[e, i, f] = slabs[e, capacity - kept + i, f]
            end[e] = kept
        if count == len(windows):
            return n, count
        if last_ns[e] > 0 and time_ns[n] - last_ns[e] > max_gap_ns:
            restarted[n] = True
            ring_filled[e] = 0
        for f in range(channels):
            value = np.float32(scale(values[n, f], centre[f], spread[f]))
            slabs[e, end[e], f] = value
            missing[n] += np.isnan(value)
        end[e] += 1
        last_ns[e] = time_ns[n]
        ring_filled[e] = min(ring_filled[e] + 1, window_length)
        filled[n] = ring_filled[e]
        if ring_filled[e] < window_length:
            status[n] = WARMING
            # The first full window is scored, whatever the stride.
            since_score[e] = window_stride
            continue
        since_score[e] += 1
        if since_score[e] < window_stride:
            status[n] = BETWEEN
            continue
        since_score[e] = 0
        windows[count] = n
        places[count] = np.int64(e) * capacity + end[e] - window_length
        scored_in[e] = call
        count += 1
    return len(entity), count
