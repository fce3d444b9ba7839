"""Seconds from the start of a process to the first score of a model, and what they go to.

    python -m tests.bench.start [--runs 3] [--shape 64,8,32] [--forecast] [--kernels auto]

With --forecast the model is a joint one: its first reading is forecast, too.

Cold: with an empty kernel cache; warm: once more with what the cold start left in it. Each start is
a process of its own; the medians are told, with the CPU time of all that it started.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from statistics import median

FIRST_SCORE = """
from sentinel.runtime.garbage import collector_paused
with collector_paused():
    from sentinel.runtime.jit_cache import prepare
    prepare()
    import sys
    import numpy as np
    from sentinel.model.architecture import Architecture
    from sentinel.model.carrying import StateCarrier, zero_states
    from sentinel.model.parameters import Parameters
    from sentinel.model.scoring import WindowScorer
    from sentinel.runtime.kernels import choose
steps, channels, hidden, forecast = (int(part) for part in sys.argv[1].split(","))
architecture = Architecture(channels, hidden, forecast=bool(forecast))
parameters = Parameters.initial(architecture, np.random.default_rng(0))
backend = choose(architecture, sys.argv[2]).backend
rows, first = np.zeros((steps, channels), np.float32), np.zeros(1, np.int64)
WindowScorer(parameters, steps, backend).score(rows, first, np.full(1, steps))
if forecast:
    states = zero_states(architecture, 1)
    StateCarrier(parameters, 1, backend).advance(states, rows, first, first)
"""


def start(cache: str, shape: str, kernels: str) -> tuple[float, float]:
    """Seconds by the clock, and of all CPUs together."""
    before, began = os.times(), time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", FIRST_SCORE, shape, kernels],
        env={**os.environ, "SENTINEL_CACHE_DIR": cache}, check=True,
    )  # fmt: skip
    after, seconds = os.times(), time.perf_counter() - began
    busy = after.children_user + after.children_system
    return seconds, busy - before.children_user - before.children_system


def main() -> None:
    """Measure, and print two lines."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--shape", default="64,8,32", metavar="T,F,H")
    parser.add_argument("--forecast", action="store_true")
    parser.add_argument("--kernels", default="auto")
    options = parser.parse_args()
    shape = f"{options.shape},{int(options.forecast)}"
    found: dict[str, list[tuple[float, float]]] = {"cold": [], "warm": []}
    for _ in range(options.runs):
        with tempfile.TemporaryDirectory() as cache:
            for kind in found:
                found[kind].append(start(cache, shape, options.kernels))
    for kind, runs in found.items():
        seconds, busy = (median(values) for values in zip(*runs, strict=True))
        print(f"{kind}: {seconds:.2f} s to the first score, {busy:.2f} s of CPU time")


if __name__ == "__main__":
    main()
