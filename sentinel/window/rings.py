"""One ring of readings per entity: the newest window_length of each, scaled, always contiguous.

A ring is a slab with some slack: readings are written one after another, and when the slab is full
its newest window_length - 1 readings move to the front. So a window is a plain slice, and each
reading is moved at most once or twice in its life.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sentinel.entities import Arrays, EntityArrays
from sentinel.kernels.jit import jit
from sentinel.kernels.windows import has_value, scale
from sentinel.records import (
    BoolArray,
    Float32Array,
    FloatArray,
    IndexArray,
    Readings,
    Status,
    StatusArray,
    TimeArray,
)
from sentinel.window.scaling import Scaling

OK, WARMING, BETWEEN = int(Status.OK), int(Status.WARMING), int(Status.BETWEEN)
DUPLICATE, LATE, REJECTED = int(Status.DUPLICATE), int(Status.LATE), int(Status.REJECTED)

SLACK_MIN = 32
SLACK_MAX = 1024
SLACK_VALUES = 1 << 22  # of all rings together, unless SLACK_MIN takes more
# Of consecutive multiples of it, the fractions lie evenly, however few they are.
GOLDEN_RATIO = (5**0.5 - 1) / 2


class RingState(NamedTuple):
    """Where the ring of each of the E entities stands.

    end          (E,) where the next reading goes in the slab
    filled       (E,) readings in the window, at most window_length
    since_score  (E,) readings since the last scored window
    last_ns      (E,) time of the newest reading; 0: none yet
    placed_in    (E,) number of the call of `fill` that last placed a reading
    """

    end: IndexArray
    filled: IndexArray
    since_score: IndexArray
    last_ns: TimeArray
    placed_in: TimeArray


class Outcome(NamedTuple):
    """What became of each of N readings.

    status     (N,) a `Status`
    filled     (N,) readings in the entity's window after it
    restarted  (N,) it is the first after a gap
    missing    (N,) number of its values that are masked
    place      (N,) its row among all rings' rows, until the next `fill`; -1: it was dropped
    turn       (N,) 0: it completes a window of the stride; else its place in the stride
    """

    status: StatusArray
    filled: IndexArray
    restarted: BoolArray
    missing: IndexArray
    place: TimeArray
    turn: IndexArray

    @classmethod
    def of(cls, readings: int) -> Outcome:
        """Room for so many readings."""
        return cls(
            np.zeros(readings, np.uint8),
            np.zeros(readings, np.int32),
            np.zeros(readings, np.bool_),
            np.zeros(readings, np.int32),
            np.full(readings, -1),
            np.zeros(readings, np.int32),
        )


@dataclass(frozen=True, slots=True)
class Filled:
    """The readings a call of `fill` took, and the windows they completed.

    stop     the rows [start, stop) were taken
    windows  (B,) the row whose reading completed each window, ascending
    places   (B,) the row of `Rings.rows` where each window begins, until the next `fill`
    """

    stop: int
    windows: TimeArray
    places: TimeArray


class Rings(EntityArrays[RingState]):
    """The rings of all entities.

    slabs        (E, window_length + slack, F) scaled readings, NaN = missing
    windows_max  that a call of `fill` completes; what scores them knows how many it likes at once
    in_turn      the entities complete their windows in turn, not all with the same reading
    turns        (E,) so many readings sooner comes an entity's second window: by its name or, where
                 it has none, by its number
    """

    def __init__(
        self,
        scaling: Scaling,
        window_length: int,
        window_stride: int,
        max_gap_ns: int,
        *,
        windows_max: int,
        in_turn: bool = False,
    ) -> None:
        self.scaling = scaling
        self.window_length = window_length
        self.window_stride = window_stride
        self.max_gap_ns = max_gap_ns
        self.windows_max = windows_max
        self.in_turn = in_turn
        self.calls = 0
        self.turns = np.zeros(0, np.int32)
        self._named = 0
        self.slabs = np.zeros((0, window_length, len(scaling.centre)), np.float32)
        none, never = np.zeros(1, np.int32), np.zeros(1, np.int64)
        super().__init__(RingState(none, none, none, never, never))

    def grow(self, entities: int) -> None:
        """Make room for so many entities, not fewer than there are."""
        channels = len(self.scaling.centre)
        slack = min(SLACK_MAX, SLACK_VALUES // (max(entities, 1) * channels))
        slack = max(SLACK_MIN, self.window_length // 2, slack)
        super().grow(entities)
        self.slabs = self._moved(entities, self.window_length + slack, self.state.end)
        unnamed = np.arange(len(self.turns), entities) * GOLDEN_RATIO % 1
        stride = self.window_stride if self.in_turn else 1
        self.turns = np.concatenate([self.turns, (unnamed * stride).astype(np.int32)])

    def name(self, names: Sequence[str]) -> None:
        """Let entities take their turns by name: in whatever company, an entity's is the same."""
        if not self.in_turn:
            return
        for entity in range(self._named, min(len(names), len(self.turns))):
            self.turns[entity] = (
                zlib.crc32(names[entity].encode(errors="surrogatepass")) % self.window_stride
            )
            self._named = entity + 1

    def arrays(self, entities: int) -> Arrays:
        """A copy of where the first rings stand, and of their newest windows as `slabs`."""
        found = super().arrays(entities)
        found["slabs"] = self._moved(entities, self.window_length, found["end"])
        found["placed_in"][:] = 0  # a call of these rings alone
        return found

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Remember a copy of these, as `arrays` gave them, and nothing else."""
        super().restore(arrays)
        self.turns, self._named = np.zeros(0, np.int32), 0
        self.slabs = arrays["slabs"]
        self.grow(len(self.slabs))

    def _moved(self, entities: int, capacity: int, end: IndexArray) -> Float32Array:
        """New slabs, with the newest windows of the first entities; `end` follows them."""
        # Fresh pages of np.zeros cost nothing until an entity writes to them.
        slabs = np.zeros((entities, capacity, self.slabs.shape[2]), np.float32)
        _move(self.slabs[:entities], self.window_length, slabs, end)
        return slabs

    def score_next(self) -> None:
        """Let the next reading of every full window be scored, whatever the stride."""
        self.state.since_score[:] = self.window_stride

    def fill(self, readings: Readings, start: int, outcome: Outcome) -> Filled:
        """Take readings from row `start` on, until the end or until windows must be scored first.

        outcome  overwritten for the rows taken
        """
        self.calls += 1
        most = min(self.windows_max, len(readings) - start)
        windows, places = np.empty(most, np.int64), np.empty(most, np.int64)
        stop, count = _fill(
            readings.entity, readings.time_ns, readings.values, start,
            self.scaling.centre, self.scaling.spread,
            self.window_length, self.window_stride, self.turns, self.max_gap_ns, self.calls,
            self.slabs, self.state, outcome, windows, places,
        )  # fmt: skip
        return Filled(stop, windows[:count], places[:count])

    @property
    def rows(self) -> Float32Array:
        """All rings' rows (R, F), which `Filled.places` and `Outcome.place` point into."""
        return self.slabs.reshape(-1, self.slabs.shape[2])


@jit
def _fill(
    entity: IndexArray,
    time_ns: TimeArray,
    values: FloatArray,
    start: int,
    centre: FloatArray,
    spread: FloatArray,
    window_length: int,
    window_stride: int,
    turns: IndexArray,
    max_gap_ns: int,
    call: int,
    slabs: Float32Array,
    state: RingState,
    outcome: Outcome,
    windows: TimeArray,
    places: TimeArray,
) -> tuple[int, int]:
    end, ring_filled, since_score, last_ns, placed_in = state
    status, filled, restarted, missing, place, turn = outcome
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
        if count == len(windows):
            return n, count
        if end[e] == capacity:
            # A reading of this call still lies where the slab is about to be overwritten.
            if placed_in[e] == call:
                return n, count
            kept = window_length - 1
            for i in range(kept):
                for f in range(channels):
                    slabs[e, i, f] = slabs[e, capacity - kept + i, f]
            end[e] = kept
        if last_ns[e] > 0 and time_ns[n] - last_ns[e] > max_gap_ns:
            restarted[n] = True
            ring_filled[e] = 0
        for f in range(channels):
            value = np.float32(scale(values[n, f], centre[f], spread[f]))
            slabs[e, end[e], f] = value
            missing[n] += np.isnan(value)
        place[n] = np.int64(e) * capacity + end[e]
        placed_in[e] = call
        end[e] += 1
        last_ns[e] = time_ns[n]
        if ring_filled[e] < window_length:
            ring_filled[e] += 1
            # The first full window is scored, whatever the stride.
            since_score[e] = window_stride
            if ring_filled[e] == window_length:
                since_score[e] += turns[e]
        filled[n] = ring_filled[e]
        if ring_filled[e] < window_length:
            status[n] = WARMING
            continue
        since_score[e] += 1
        if since_score[e] < window_stride:
            status[n], turn[n] = BETWEEN, since_score[e]
            continue
        turn[n] = 0
        since_score[e] = max(since_score[e] - window_stride - 1, 0)
        windows[count] = n
        places[count] = place[n] + 1 - window_length
        count += 1
    return len(entity), count


@jit
def _move(
    slabs: Float32Array, window_length: int, new_slabs: Float32Array, end: IndexArray
) -> None:
    """Put the newest window of each old slab at the front of its new one.

    end  (E,) where the next reading goes: in the old slab; overwritten: in the new one
    """
    for e in range(len(slabs)):
        kept = min(end[e], window_length)
        for i in range(kept):
            for f in range(slabs.shape[2]):
                new_slabs[e, i, f] = slabs[e, end[e] - kept + i, f]
        end[e] = kept
