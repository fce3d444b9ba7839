"""Seconds from the start of a process to the first score of a model, and what they go to.

    python -m tests.bench.start [--runs 3] [--shape 64,8,32] [--kernels auto]

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
from sentinel.runtime.jit_cache import prepare
prepare()
import sys
import numpy as np
from sentinel.model.architecture import Architecture
from sentinel.model.parameters import Parameters
from sentinel.model.scoring import WindowScorer
from sentinel.runtime.kernels import choose
steps, channels, hidden = (int(part) for part in sys.argv[1].split(","))
parameters = Parameters.initial(Architecture(channels, hidden), np.random.default_rng(0))
scorer = WindowScorer(parameters, steps, choose(parameters.architecture, sys.argv[2]).backend)
rows = np.zeros((steps, channels), np.float32)
scorer.score(rows, np.zeros(1, np.int64), np.full(1, steps))
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
    parser.add_argument("--kernels", default="auto")
    options = parser.parse_args()
    found: dict[str, list[tuple[float, float]]] = {"cold": [], "warm": []}
    for _ in range(options.runs):
        with tempfile.TemporaryDirectory() as cache:
            for kind in found:
                found[kind].append(start(cache, options.shape, options.kernels))
    for kind, runs in found.items():
        seconds, busy = (median(values) for values in zip(*runs, strict=True))
        print(f"{kind}: {seconds:.2f} s to the first score, {busy:.2f} s of CPU time")


if __name__ == "__main__":
    main()
