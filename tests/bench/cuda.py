"""Windows per second on an NVIDIA GPU, beside torch's cuDNN LSTM and our CPU, same weights.

    python -m tests.bench.cuda [--batch 256,4096,65536,262144] [--shapes 64,8,32 ...]
                               [--quick] [--json FILE]

Ours is first held against the CPU's kernels, |gpu - cpu| <= 1e-5 + 1e-4 |cpu|, for every channel
and span, and everybody against float64; one that is wrong ends the run. Then all are timed in
turns by the events of the device, and the medians told:

device  readings and scores stay on the GPU: what the kernels do
host    rows of a whole history come from the host's memory, each window's own, and scores go back:
        a fit that validates; more than a stream ever sends
stream  of every window one new reading crosses the bus, the others are there, and scores go back:
        the windows of `sentinel run` and `sentinel score`, with a stride of 1

cuDNN computes in float32 (`cudnn`), and as torch does unless told otherwise, with products of ten
bits (`cudnn_tf32`; outside of our promise, and of the ratio). The roof is a loop that multiplies
and adds in registers on the whole device, in the same run; only useful operations count against it.

Needs NumPy, Numba and numba-cuda, and torch where cuDNN shall take part; nothing else of sentinel's
dependencies. All that wants a GPU, the tests first, in pieces of less than ten minutes each:

    python -m tests.cuda.gpu
"""

from __future__ import annotations

from sentinel.runtime import jit_cache

jit_cache.prepare()  # before any kernel is imported

import argparse  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
from collections.abc import Sequence  # noqa: E402
from dataclasses import asdict  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import TYPE_CHECKING  # noqa: E402

from sentinel.runtime.gpu import Gpu, NoGpu, described  # noqa: E402
from sentinel.runtime.kernels import cpu_name, threads_of  # noqa: E402
from tests.bench.kernel_case import Shape  # noqa: E402
from tests.bench.kernels import SHAPES, parse_batches, parse_shape  # noqa: E402
from tests.cuda.gpu_here import gpu_here  # noqa: E402

if TYPE_CHECKING:
    from tests.bench.cuda_rounds import Rounds, Row

BATCHES, QUICK_BATCHES = (256, 4096, 65_536, 262_144), (256, 65_536)
BUDGET_S, QUICK_BUDGET_S = 3.0, 0.5
# Cases with more readings than that are left out.
READINGS_BYTES_MAX = 2 << 30


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all cases; the table to stdout, progress to stderr."""
    options = _arguments(arguments)
    gpu = gpu_here()
    if isinstance(gpu, NoGpu):
        sys.exit(f"tests.bench.cuda measures an NVIDIA GPU: {gpu.reason}; {gpu.hint}")

    # numba-cuda is there.
    from tests.bench.cuda_rounds import Rounds
    from tests.bench.cuda_table import table

    rounds = Rounds(gpu, QUICK_BUDGET_S if options.quick else BUDGET_S)
    rows = []
    for case_shape in options.shapes:
        for batch in options.batch:
            if 4 * batch * case_shape.steps * case_shape.channels > READINGS_BYTES_MAX:
                continue
            print(f"{case_shape}, B = {batch:,}", file=sys.stderr, flush=True)
            rows.append(rounds.measure(case_shape, batch))
            if options.json:  # each time: what is measured is there, whatever happens then
                options.json.write_text(_as_json(gpu, rounds, rows) + "\n")
    peer = f"torch {rounds.torch}" if rounds.torch else "no torch with CUDA"
    print(f"{described(gpu)}; {peer}; CPU: {cpu_name()}, threads: {threads_of(0)}\n")
    print(table(rows, rounds.roof_gflops()))


def _as_json(gpu: Gpu, rounds: Rounds, rows: Sequence[Row]) -> str:
    about = "name", "driver", "cuda", "capability", "multiprocessors"
    found = {
        "gpu": {name: getattr(gpu, name) for name in about},
        "torch": rounds.torch,
        "fma_roof_gflops": round(rounds.roof_gflops(), 1),
        "rows": [asdict(row) for row in rows],
    }
    return json.dumps(found, indent=1)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=parse_batches)
    parser.add_argument("--shapes", type=parse_shape, nargs="+", metavar="T,F,H")
    parser.add_argument("--quick", action="store_true", help="two shapes, few rounds: does it run?")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    few: tuple[Shape, ...] = SHAPES[:2]
    options.batch = options.batch or (QUICK_BATCHES if options.quick else BATCHES)
    options.shapes = options.shapes or (few if options.quick else SHAPES)
    return options


if __name__ == "__main__":
    main()
