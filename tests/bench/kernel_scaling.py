"""How the cost of a window grows with T, F, H, B and threads, one of them varied at a time.

    python -m tests.bench.kernel_scaling [--variant NAME] [--quick]

Around (T, F, H) = (64, 8, 64) with B = 256 on one thread; those of one table are timed in turns,
by the CPU time of the process, the threads by the wall clock. Cost per useful operation shows what
the growth leaves to explain: 1 is that of the base.
"""

from __future__ import annotations

from sentinel.runtime import jit_cache

jit_cache.prepare()  # before any kernel is imported

import argparse  # noqa: E402
from collections.abc import Iterator, Mapping  # noqa: E402
from typing import NamedTuple  # noqa: E402

from sentinel.kernels.variants import Variant  # noqa: E402
from sentinel.model.prepared import Backend  # noqa: E402
from sentinel.runtime.kernels import cpu_features, cpu_name, runnable, threads_of  # noqa: E402
from tests.bench import ours  # noqa: E402
from tests.bench.interleave import clock_for, seconds_per_call  # noqa: E402
from tests.bench.kernel_case import Case, RightErrors, Shape  # noqa: E402

BUDGET_S, QUICK_BUDGET_S = 5.0, 0.3


class Point(NamedTuple):
    """One place in the space of sizes; the names are the axes'."""

    T: int = 64
    F: int = 8
    H: int = 64
    B: int = 256
    threads: int = 1

    @property
    def shape(self) -> Shape:
        """Without B and threads."""
        return Shape(self.T, self.F, self.H)


BASE = Point()
# Some are no multiple of any lane width.
VALUES = {
    "T": (8, 16, 32, 64, 128, 256),
    "F": (1, 2, 4, 8, 16, 25, 38, 64),
    "H": (8, 16, 24, 32, 50, 64, 96, 128, 256),
    "B": (1, 2, 4, 8, 12, 16, 32, 33, 64, 256, 1024),
}


def axes(threads: int) -> Iterator[tuple[str, list[Point]]]:
    """Each axis, and the points along it."""
    for axis, values in (*VALUES.items(), ("threads", tuple(range(1, threads + 1)))):
        yield axis, [BASE._replace(**{axis: value}) for value in values]


def seconds_per_window(
    points: list[Point], variant: Variant, budget_s: float
) -> Mapping[Point, float]:
    """In turns, after a look at what they compute; B windows share what a call costs."""
    runs = {}
    for point in points:
        case = Case.of(point.shape, point.B)
        candidate = ours.scorer(case, Backend(variant, point.threads))
        RightErrors(case).validate(variant.name, case, candidate)
        runs[point] = candidate.run
    clock = clock_for(max(point.threads for point in points))
    seconds = seconds_per_call(runs, clock, budget_s)
    return {point: taken / point.B for point, taken in seconds.items()}


def main() -> None:
    """One table for each axis."""
    runs_here = {variant.name: variant for variant in runnable(cpu_features())}
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--variant", choices=list(runs_here), default=next(iter(runs_here)))
    parser.add_argument("--quick", action="store_true", help="few rounds: does it run?")
    options = parser.parse_args()
    budget_s = QUICK_BUDGET_S if options.quick else BUDGET_S
    print(f"score, {options.variant}, on {cpu_name()}; around {BASE}")
    for axis, points in axes(threads_of(0)):
        costs = seconds_per_window(points, runs_here[options.variant], budget_s)
        base = costs[BASE]
        print(f"\n| {axis} | microseconds per window | cost | cost per operation |")
        print("|---|---|---|---|")
        for point, cost in costs.items():
            growth = cost / base
            each = growth * BASE.shape.flops / point.shape.flops
            print(
                f"| {getattr(point, axis)} | {cost * 1e6:.2f} | {growth:.3f} | {each:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
