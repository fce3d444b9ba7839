"""Windows per second of our kernels, beside torch, ONNX Runtime and OpenVINO with the same weights.

    python -m tests.bench.kernels [--threads 1] [--batch 1,16,256,4096] [--shapes 64,8,32 ...]
                                  [--train [--forecast]] [--isa avx2] [--quick] [--json FILE]

Every candidate is first held against float64, and one that is wrong ends the run. Then all are
timed in turns, and the medians told: by the CPU time of the process for one thread, by the wall
clock for more; `--threads 2` also times ours on one, for the ratio. The peers are handed their
windows in the layout they like best; ours finds them in the rows of readings, and gives the errors
of every channel over three spans and not only one number for a window: all of this is timed.

The roof is a loop that multiplies and adds in registers, as wide as the variant, in the same run.
Only useful operations count against it: a training step is three times a score.

--forecast trains a joint model, with a second head that forecasts each next reading. What such a
model does as readings come is measured by `kernel_states` and `schedule`.

--isa avx2 shows what a machine without AVX-512 would do: Numba compiles for AVX2, and torch is told
to keep to it (ATEN_CPU_CAPABILITY, ONEDNN_MAX_CPU_ISA). The other peers cannot be told.

The peers are the dependency group `bench-peers`; those that are not installed are left out.
"""

from __future__ import annotations

from sentinel.runtime import jit_cache

jit_cache.prepare()  # before any kernel is imported

import argparse  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from collections.abc import Sequence  # noqa: E402
from contextlib import ExitStack  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from pathlib import Path  # noqa: E402

from sentinel.kernels.variants import Variant  # noqa: E402
from sentinel.model.prepared import Backend  # noqa: E402
from sentinel.runtime.kernels import cpu_features, cpu_name, runnable  # noqa: E402
from tests.bench import ours  # noqa: E402
from tests.bench.fma_roof import fma_loop  # noqa: E402
from tests.bench.interleave import clock_for, seconds_per_call  # noqa: E402
from tests.bench.kernel_case import (  # noqa: E402
    Candidate,
    Case,
    JointShape,
    RightErrors,
    RightGradient,
    Shape,
)
from tests.bench.kernel_table import Row, median_roofs, table  # noqa: E402
from tests.bench.peers import found as peers  # noqa: E402

SHAPES = tuple(
    Shape(*s) for s in ((32, 1, 16), (64, 8, 32), (64, 8, 64), (128, 25, 64), (100, 38, 128))
)
BATCHES, QUICK_BATCHES, TRAINING_BATCHES = (1, 16, 256, 4096), (1, 256), (64, 256)
BUDGET_S, QUICK_BUDGET_S = 4.0, 0.3
ROOF = "roof of "

# What makes this process one of a machine without AVX-512, read when libraries are loaded.
LIMITS = {
    "avx2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "NUMBA_CPU_NAME": "haswell",
        "NUMBA_CPU_FEATURES": "+avx2,+fma",
    }
}
# The only peer that heeds them, and the only one that can train.
VERSATILE_PEER = "torch"


@dataclass(frozen=True, slots=True)
class Field:
    """Who takes part.  peers  name to version;  variants  the fastest first"""

    peers: dict[str, str]
    variants: Sequence[Variant]
    threads: int
    train: bool
    budget_s: float


def candidates(case: Case, field: Field, stack: ExitStack) -> dict[tuple[str, int], Candidate]:
    """By name and number of threads: the peers and ours, and ours on one thread too."""
    offered = peers.trainers if field.train else peers.scorers
    found = {
        (name, field.threads): candidate
        for name, candidate in offered(case, field.threads, field.peers).items()
    }
    for variant in field.variants:
        for threads in sorted({field.threads, 1}, reverse=True):
            backend = Backend(variant, threads)
            found[variant.name, threads] = (
                ours.trainer(case, backend, stack) if field.train else ours.scorer(case, backend)
            )
    return found


def measure(case: Case, field: Field) -> list[Row]:
    """Validate, then time, one case: a row, and one more on one thread where there are several."""
    with ExitStack() as stack:
        entered = candidates(case, field, stack)
        judge = RightGradient(case) if field.train else RightErrors(case)
        errors = {
            (name, threads): judge.validate(f"{name}, threads: {threads},", case, candidate)
            for (name, threads), candidate in entered.items()
        }
        loops = {variant.name: fma_loop(variant.lanes) for variant in field.variants}
        runs = {(ROOF + name, 1): loop for name, (loop, _) in loops.items()}
        runs |= {key: candidate.run for key, candidate in entered.items()}
        seconds = seconds_per_call(runs, clock_for(field.threads), field.budget_s)
    # A machine is not always as fast: a case is held against the roof of its own minute.
    roofs = {name: flops / seconds[ROOF + name, 1] / 1e9 for name, (_, flops) in loops.items()}
    rows = []
    for threads in sorted({threads for _, threads in entered}, reverse=True):
        names = [name for name, number in entered if number == threads]
        rows.append(
            Row(
                case.shape,
                case.batch,
                threads,
                {name: case.batch / seconds[name, threads] for name in names},
                {name: errors[name, threads] for name in names},
                roofs,
            )
        )
    return rows


def as_json(rows: Sequence[Row], variants: Sequence[Variant]) -> str:
    """The roof is that of the fastest variant, on one thread."""
    told = [
        {
            "shape": list(row.shape),
            "batch": row.batch,
            "threads": row.threads,
            "windows_per_s": {name: round(rate, 1) for name, rate in row.windows_per_s.items()},
            "max_error": row.max_error,
        }
        for row in rows
    ]
    roof = median_roofs(rows)[variants[0].name]
    return json.dumps({"fma_roof_gflops": round(roof, 1), "rows": told}, indent=1)


def main() -> None:
    """Measure all cases; the table to stdout, progress to stderr."""
    options = _arguments()
    if options.isa:
        _limit(LIMITS[options.isa])
    variants = [v for v in runnable(cpu_features()) if options.isa in (None, v.name)]
    if not variants:
        sys.exit(f"this machine cannot run {options.isa}")
    taking_part = {
        name: version
        for name, version in peers.versions().items()
        if name == VERSATILE_PEER or not (options.isa or options.train)
    }
    budget_s = QUICK_BUDGET_S if options.quick else BUDGET_S
    field = Field(taking_part, variants, options.threads, options.train, budget_s)
    shapes = [JointShape(*s) if options.forecast else s for s in options.shapes]
    places = [(shape, batch) for shape in shapes for batch in options.batch]
    rows: list[Row] = []
    for number, (shape, batch) in enumerate(places, 1):
        print(f"{number}/{len(places)}  {shape}, B = {batch}", file=sys.stderr, flush=True)
        rows += measure(Case.of(shape, batch), field)
    there = ", ".join(f"{name} {version}" for name, version in taking_part.items()) or "none"
    of = " of a joint model" if options.forecast else ""
    what = f"one optimiser step{of}" if options.train else "score"
    limited = f", held to {options.isa}" if options.isa else ""
    print(f"{what} on {cpu_name()}, threads: {options.threads}{limited}; peers: {there}\n")
    columns = dict.fromkeys(name for row in rows for name in row.windows_per_s)
    entrants = [name for name in columns if name not in rows[0].roof_gflops]
    print(table(rows, entrants, flops_per_score=3 if options.train else 1))
    if options.json:
        options.json.write_text(as_json(rows, variants) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=_positive, default=1)
    parser.add_argument(
        "--batch", type=parse_batches, help="default 1,16,256,4096; --train: 64,256"
    )
    parser.add_argument("--shapes", type=parse_shape, nargs="+", metavar="T,F,H")
    parser.add_argument("--train", action="store_true", help="one optimiser step, beside torch's")
    parser.add_argument("--forecast", action="store_true", help="with --train: a joint model")
    parser.add_argument("--isa", choices=sorted(LIMITS), help="as if the machine had no more")
    parser.add_argument("--quick", action="store_true", help="two shapes, few rounds: does it run?")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    if options.forecast and not options.train:
        parser.error("--forecast goes with --train")
    batches = QUICK_BATCHES if options.quick else BATCHES
    options.batch = options.batch or (TRAINING_BATCHES if options.train else batches)
    options.shapes = options.shapes or (SHAPES[:2] if options.quick else SHAPES)
    return options


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def parse_batches(text: str) -> list[int]:
    """Of the command line: numbers with commas between."""
    return [_positive(part) for part in text.split(",")]


def parse_shape(text: str) -> Shape:
    """Of the command line: T,F,H."""
    steps, channels, hidden = (_positive(part) for part in text.split(","))
    return Shape(steps, channels, hidden)


def _limit(limits: dict[str, str]) -> None:
    """Start this process again with these in its environment, unless they are."""
    if any(os.environ.get(name) != value for name, value in limits.items()):
        command = [sys.executable, "-m", "tests.bench.kernels", *sys.argv[1:]]
        os.execve(sys.executable, command, {**os.environ, **limits})


if __name__ == "__main__":
    main()
