"""Time several things fairly: in turns, so that what disturbs the machine disturbs all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

# Shorter blocks of calls say nothing.
BLOCK_S = 0.03
# Threads of the one before, which wait for more work in a loop, come to rest.
REST_S = 0.01
# A CPU that has rested comes slowly to its speed, and threads to each other: in the first
# hundredths of a second OpenVINO's two were half as fast, and ours two thirds, on a shared machine.
WAKE_S = 0.1
ROUNDS_MIN, ROUNDS_MAX = 3, 15

Clock = Callable[[], float]


def clock_for(threads: int) -> Clock:
    """CPU time of all threads of the process where one works: others cannot disturb it.

    The wall clock where several do: waiting for each other is part of the cost.
    """
    return time.process_time if threads == 1 else time.perf_counter


def seconds_per_call(
    runs: Mapping[str, Callable[[], Any]],
    clock: Clock,
    budget_s: float,
    once: Clock = time.perf_counter,
) -> dict[str, float]:
    """The median over the rounds, for each; every run must have been called before.

    budget_s  about how long all blocks may take; three rounds are made in any case
    once      the clock for the first call of each, which says how many calls make a block
    """
    calls, wakes, blocks = {}, {}, []
    for name, run in runs.items():
        first_s = _block(run, 0, 1, once)
        calls[name] = max(1, round(BLOCK_S / first_s))
        wakes[name] = round(WAKE_S / first_s)
        blocks.append(calls[name] * first_s + REST_S)
    rounds = min(max(int(budget_s / sum(blocks)), ROUNDS_MIN), ROUNDS_MAX)
    samples: dict[str, list[float]] = {name: [] for name in runs}
    names = list(runs)
    for number in range(rounds):
        # Nobody always follows the same one.
        first = number % len(names)
        for name in names[first:] + names[:first]:
            samples[name].append(_block(runs[name], wakes[name], calls[name], clock))
    return {name: median(found) for name, found in samples.items()}


def _block(run: Callable[[], Any], wakes: int, calls: int, clock: Clock) -> float:
    time.sleep(REST_S)
    for _ in range(wakes):  # its threads wake up, its data comes back to the caches
        run()
    start = clock()
    for _ in range(calls):
        run()
    return (clock() - start) / calls
