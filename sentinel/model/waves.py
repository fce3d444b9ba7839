"""The readings of many entities, cut into calls of a `StateCarrier`: each entity once in a call."""

from __future__ import annotations

import numpy as np

from sentinel.kernels.jit import jit
from sentinel.records import IndexArray, TimeArray

# Readings of an entity that one call advances by; a larger number saves calls.
STEPS = (8, 1)

WAVE, STEP_COUNT, FIRST, AGE = range(4)


def waves(
    entity: TimeArray, filled: IndexArray, age: TimeArray, period: int = 0
) -> list[TimeArray]:
    """Tasks of one call after another; those of a call advance by equally many readings.

    entity  (N,) int64, sorted
    filled  (N,) 1: the entity begins anew with this reading
    age     (E,) readings since the entity began; updated
    period  no task crosses a multiple of that age; 0: any may
    Returns arrays (B, 4): the entity's how-many-eth task, its number of readings, the first of them
    among the N, and the age there.
    """
    tasks = np.empty((len(entity), 4), np.int64)
    tasks = tasks[: _cut(entity, filled, period, np.array(STEPS), age, tasks)]
    tasks = tasks[np.lexsort((-tasks[:, STEP_COUNT], tasks[:, WAVE]))]
    cuts = np.flatnonzero((np.diff(tasks[:, [WAVE, STEP_COUNT]], axis=0) != 0).any(axis=1)) + 1
    return np.split(tasks, cuts)


@jit
def _cut(
    entity: TimeArray,
    filled: IndexArray,
    period: int,
    sizes: TimeArray,
    age: TimeArray,
    tasks: TimeArray,
) -> int:
    count, n = 0, 0
    while n < len(entity):
        e = entity[n]
        wave = 0
        while n < len(entity) and entity[n] == e:
            if filled[n] == 1:
                age[e] = 0
            stop = n + 1
            most = period - age[e] % period if period > 0 else len(entity)
            while (
                stop < len(entity) and stop - n < most and entity[stop] == e and filled[stop] != 1
            ):
                stop += 1
            while n < stop:
                size = sizes[len(sizes) - 1]
                for candidate in sizes:
                    if candidate <= stop - n:
                        size = candidate
                        break
                tasks[count, WAVE], tasks[count, STEP_COUNT] = wave, size
                tasks[count, FIRST], tasks[count, AGE] = n, age[e]
                count += 1
                wave += 1
                n += size
                age[e] += size
    return count
