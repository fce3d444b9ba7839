"""Carried states: readings per second when each reading is one step, at 1, 100, 10,000 entities.

    python -m tests.bench.kernel_states [--threads 1]

The model has a forecasting head; every entity gets one reading a call. Validated against float64
first, then timed in turns with the FMA roof, by the CPU time of the process for one thread.
"""

from __future__ import annotations

from sentinel.runtime import jit_cache

jit_cache.prepare()  # before any kernel is imported

import argparse  # noqa: E402
import sys  # noqa: E402
from functools import partial  # noqa: E402

import numpy as np  # noqa: E402

from sentinel.model import reference  # noqa: E402
from sentinel.model.architecture import Architecture  # noqa: E402
from sentinel.model.carrying import StateCarrier, zero_states  # noqa: E402
from sentinel.model.parameters import Parameters  # noqa: E402
from sentinel.model.prepared import Backend  # noqa: E402
from sentinel.runtime.kernels import cpu_features, cpu_name, runnable  # noqa: E402
from tests.bench.fma_roof import fma_loop  # noqa: E402
from tests.bench.interleave import clock_for, seconds_per_call  # noqa: E402

SHAPES = ((8, 32), (8, 64), (25, 64), (38, 128))
ENTITIES = (1, 100, 10_000)
BUDGET_S = 4.0
ERROR_MAX = 1e-5


def main() -> int:
    """Validate, time, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    threads = parser.parse_args().threads
    variant = runnable(cpu_features())[0]
    print(f"carried states on {cpu_name()}, kernels {variant.name}, threads: {threads}\n")
    print("| (F, H) | " + " | ".join(f"{count:,} entities" for count in ENTITIES) + " |")
    print("|" + "---|" * (len(ENTITIES) + 1))
    for channels, hidden in SHAPES:
        architecture = Architecture(channels, hidden, forecast=True)
        parameters = Parameters.initial(architecture, np.random.default_rng(0))
        operations = 8 * hidden * (channels + hidden) + 2 * hidden * channels
        cells = []
        for count in ENTITIES:
            carrier = StateCarrier(parameters, 1, Backend(variant, threads))
            states = zero_states(architecture, count)
            rng = np.random.default_rng(1)
            rows = rng.standard_normal((count, channels)).astype(np.float32)
            places = np.arange(count)
            if (error := _error(parameters, carrier, rows)) > ERROR_MAX:
                print(f"wrong: error {error:.1e} at {channels}, {hidden}", file=sys.stderr)
                return 1
            loop, roof_operations = fma_loop(variant.lanes)
            seconds = seconds_per_call(
                {"roof": loop, "ours": partial(carrier.advance, states, rows, places, places)},
                clock_for(threads),
                BUDGET_S,
            )
            rate = count / seconds["ours"]
            share = rate * operations / (roof_operations / seconds["roof"]) / threads
            cells.append(f"{rate / 1e3:,.0f}k, {share:.0%}")
        print(f"| ({channels}, {hidden}) | " + " | ".join(cells) + " |", flush=True)
    print("\nReadings per second, percent of the FMA roof.")
    return 0


def _error(parameters: Parameters, carrier: StateCarrier, rows: np.ndarray) -> float:
    """Largest error of the first forecasts, from zero states."""
    places = np.arange(len(rows))
    states = zero_states(parameters.architecture, len(rows))
    found = carrier.advance(states, rows, places, places)[:, 0]
    y = reference.layer(parameters, "encoder.0.forward", rows.T[None].astype(np.float64))
    w, bias = parameters["forecast.w"].astype(np.float64), parameters["forecast.bias"]
    return float(np.abs((w @ y[0]).T + bias - found).max())


if __name__ == "__main__":
    sys.exit(main())
