"""A kernel made ready for a model: compiled, its weights packed, a scratch for each thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from sentinel.kernels.amx import MatrixUnit
from sentinel.kernels.jit import entry
from sentinel.kernels.tiles import Tile
from sentinel.kernels.variants import PORTABLE, Variant
from sentinel.model.architecture import Architecture
from sentinel.model.matrix_plan import plan_scoring_by_matrix
from sentinel.model.packing import Grain
from sentinel.model.plan import Plan, plan_scoring
from sentinel.model.team import Team
from sentinel.records import Float32Array, TimeArray

CACHE_LINE = 64


def aligned(size: int) -> Float32Array:
    """Zeros that begin on a cache line: a load of lanes never crosses one."""
    itemsize = np.dtype(np.float32).itemsize
    room = np.zeros(size + CACHE_LINE // itemsize, np.float32)
    start = -room.ctypes.data // itemsize % (CACHE_LINE // itemsize)
    return room[start : start + size]


def as_kernels_take(rows: Float32Array, *places: TimeArray) -> tuple[Any, ...]:
    """Rows (N, F) as (N F,), and arrays of places: contiguous, of the types a kernel reads.

    A compiled kernel looks at no type; what is right already is not copied.
    """
    flat = np.ascontiguousarray(rows, np.float32).reshape(-1)
    return flat, *(np.ascontiguousarray(place, np.int64) for place in places)


@dataclass(frozen=True, slots=True)
class Backend:
    """Which kernels run, and on how many threads; a value, chosen where the program is wired.

    deterministic  a score has the same bits in any batch: a matrix unit then serves every batch,
                   a single window at the price of a full block; else only what fills its blocks
    """

    variant: Variant = PORTABLE
    threads: int = 1
    deterministic: bool = True


class PreparedKernel:
    """One kernel for one model.

    windows    windows, or entities, of a tile
    arguments  what a call will be given, in type; it is compiled or loaded for these now
    """

    def __init__(
        self,
        function: Any,
        tiles: tuple[Tile, Tile | MatrixUnit],
        windows: int,
        plan: Plan,
        team: Team,
        threads: int,
        arguments: tuple[object, ...],
    ) -> None:
        self.windows, self.plan = windows, plan
        self.packed = aligned(len(plan.index))
        model = (*tiles, plan.table, plan.shape, self.packed)
        scratch = [
            (aligned(plan.scratch_rows * windows), np.zeros(windows, np.int64))
            for _ in range(threads)
        ]
        self.team = team
        run = entry(function, *model, *scratch[0], *arguments)
        self.runs = [partial(run, *model, *own) for own in scratch]

    def load(self, flat: Float32Array) -> None:
        """Take these parameters."""
        self.packed[:] = self.plan.pack(flat)

    def __call__(self, count: int, *arguments: object) -> None:
        """Run over so many windows; the threads share them by the queue among the arguments."""
        busy = min(len(self.runs), -(-count // self.windows))
        self.team.share(busy, lambda thread: self.runs[thread](*arguments))


def makers(
    across: Any,
    along: Any,
    architecture: Architecture,
    steps: int,
    backend: Backend,
    arguments: tuple[object, ...],
    *,
    carried: bool = False,
    by_unit: Any = None,
) -> list[Callable[[], PreparedKernel]]:
    """What makes each of the `Kernels` ready: for many windows, for few, for one.

    There is none for few carried states, and but one for all where a matrix unit serves all.

    across, along  the kernel with windows in lanes, and that with units in lanes
    by_unit        that for a matrix unit; where the variant has one, it stands for `across`
    """
    variant, threads, many = backend.variant, backend.threads, backend.variant.many
    team = Team(threads)

    def prepared(
        function: Any, plan: Plan, tile: Tile, other: Tile | MatrixUnit, windows: int
    ) -> Callable[[], PreparedKernel]:
        # Where one window is a kernel's work, a few are not worth to wake a thread.
        sharing = 1 if windows == 1 else threads
        tiles = tile, other
        return partial(PreparedKernel, function, tiles, windows, plan, team, sharing, arguments)

    def narrow(tile: Tile) -> Callable[[], PreparedKernel]:
        plan = plan_scoring(architecture, steps, Grain.along(tile), carried=carried)
        return prepared(along, plan, tile, variant.outputs, tile.rows)

    if by_unit is not None and variant.unit is not None:
        by_matrix = plan_scoring_by_matrix(architecture, steps)
        found = [prepared(by_unit, by_matrix, many, variant.unit, many.width)]
        if backend.deterministic:
            return found
    else:
        plan = plan_scoring(
            architecture, steps, Grain.across(many), carried=carried, newest=not carried
        )
        found = [prepared(across, plan, many, variant.dense(many), many.width)]
    one = narrow(variant.one_for(architecture.hidden))
    # A step of a few states takes no longer, one after another, than all that is around it.
    return [*found, one] if carried else [*found, narrow(variant.few), one]


class Kernels:
    """The kernels of one kind, for any number of windows, all of one model.

    makers_of_all  of that for many windows, for few, for one; of two, the last takes few as well
    """

    def __init__(self, makers_of_all: Sequence[Callable[[], PreparedKernel]]) -> None:
        made = [make() for make in makers_of_all]
        self.many, self.few, self.one = made[0], made[len(made) // 2], made[-1]

    def load(self, flat: Float32Array) -> None:
        """Take these parameters."""
        for kernel in {self.many, self.few, self.one}:
            kernel.load(flat)

    def parts(self, count: int) -> list[tuple[PreparedKernel, slice]]:
        """Which kernel takes which of so many windows."""
        whole = count // self.many.windows * self.many.windows
        # A tile that would be half empty is left to those that take few.
        if count - whole > self.many.windows // 2:
            whole = count
        rest = self.few if count - whole > 1 else self.one
        found = [(self.many, slice(0, whole)), (rest, slice(whole, count))]
        return [(kernel, part) for kernel, part in found if part.start < part.stop]
