"""The following normaliser: each error against its usual size, which follows slow drift upwards.

A machine that ages, or a season that turns, must not stand as an anomaly for weeks. The usual size
never falls below the calibrated one, and an anomaly moves it by a bounded step only.
"""

from __future__ import annotations

import numpy as np

from sentinel.kernels.jit import jit
from sentinel.records import BoolArray, Float32Array, IndexArray

MEMORY = 512  # readings over which the usual size follows
STEP_MAX = 2.0  # an error counts as at most so many times the usual size


@jit
def normalise(
    errors: Float32Array,
    entity: IndexArray,
    usual: Float32Array,
    follows: BoolArray,
    level: Float32Array,
) -> None:
    """Divide errors by their usual size.

    errors   (N, K, F), in order; overwritten by error / max(usual, level); NaN = unknown: stays NaN
    usual    (K, F) as calibrated
    follows  (K,) whether the kind follows
    level    (E, K, F) updated: where each entity's usual size has got to
    """
    one = np.float32(1)
    for n in range(len(entity)):
        e = entity[n]
        for k in range(errors.shape[1]):
            gain = np.float32(1 / MEMORY) if follows[k] else np.float32(0)
            for f in range(errors.shape[2]):
                size = max(usual[k, f], level[e, k, f])
                error = errors[n, k, f]
                errors[n, k, f] = error * (one / size)
                most = np.float32(STEP_MAX) * size
                error = error if error < most else most
                # NaN is not below `most`: an unknown error would count as a large one.
                gained = gain if errors[n, k, f] == errors[n, k, f] else np.float32(0)
                level[e, k, f] = max(
                    usual[k, f], level[e, k, f] + (error - level[e, k, f]) * gained
                )
