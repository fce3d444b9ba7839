"""Optimiser steps per second on an NVIDIA GPU, beside torch's cuDNN LSTM and our CPU, same weights.

    python -m tests.bench.cuda_training [--batch 64,256,4096] [--shapes 64,8,32 ...] [--quick]

A step is forward, backward, clipping to a norm, and Adam, on windows in the host's memory, as a fit
takes them; torch has them on the device already. Every gradient is held against slopes of the loss
in float64 first; one that is wrong ends the run. Then all are timed in turns, and the medians told.
By the same measurement, shorter, a fit takes the GPU under `device = "auto"`.

Needs NumPy, Numba and numba-cuda, and torch where cuDNN shall take part.
"""

from __future__ import annotations

from sentinel.runtime import jit_cache

jit_cache.prepare()  # before any kernel is imported

import argparse  # noqa: E402
import sys  # noqa: E402
import time  # noqa: E402
from collections.abc import Sequence  # noqa: E402
from contextlib import ExitStack  # noqa: E402

import numpy as np  # noqa: E402

from sentinel.model.device import CudaBackend  # noqa: E402
from sentinel.model.prepared import Backend  # noqa: E402
from sentinel.model.trainer import Minibatches  # noqa: E402
from sentinel.records import Float32Array  # noqa: E402
from sentinel.runtime.gpu import NoGpu, described  # noqa: E402
from sentinel.runtime.kernels import cpu_features, cpu_name, runnable, threads_of  # noqa: E402
from tests.bench import ours  # noqa: E402
from tests.bench.interleave import seconds_per_call  # noqa: E402
from tests.bench.kernel_case import Candidate, Case, RightGradient  # noqa: E402
from tests.bench.kernels import SHAPES, parse_batches, parse_shape  # noqa: E402
from tests.bench.peers import found as peers  # noqa: E402
from tests.cuda.gpu_here import backend_of, gpu_here  # noqa: E402

BATCHES, QUICK_BATCHES = (64, 256, 4096), (64,)
BUDGET_S, QUICK_BUDGET_S = 3.0, 0.5
OURS, CUDNN, CPU = "sentinel", "cudnn", "cpu"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure all cases; the table to stdout."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=parse_batches, help="default 64,256,4096; --quick: 64")
    parser.add_argument("--shapes", type=parse_shape, nargs="+", default=SHAPES, metavar="T,F,H")
    parser.add_argument("--quick", action="store_true", help="less time for each")
    options = parser.parse_args(arguments)
    gpu = gpu_here()
    if isinstance(gpu, NoGpu):
        sys.exit(f"tests.bench.cuda_training measures an NVIDIA GPU: {gpu.reason}; {gpu.hint}")
    backend = backend_of(gpu, Backend(runnable(cpu_features())[0], threads_of(0)))
    torch = peers.torch_with_cuda()
    who = (OURS, CUDNN, CPU) if torch else (OURS, CPU)
    peer = f"torch {torch}" if torch else "no torch with CUDA"
    print(f"{described(gpu)}; {peer}; CPU: {cpu_name()}, threads: {threads_of(0)}\n")
    print("| (T, F, H) | B | " + " | ".join(f"{name}, ms a step" for name in who) + " |")
    print("|---" * (2 + len(who)) + "|")
    for shape in options.shapes:
        for batch in options.batch or (QUICK_BATCHES if options.quick else BATCHES):
            budget_s = QUICK_BUDGET_S if options.quick else BUDGET_S
            taken = measure(Case.of(shape, batch), backend, budget_s, cudnn=bool(torch))
            cells = [f"{1e3 * taken[name]:.2f}" for name in who]
            print(f"| {shape} | {batch:,} | " + " | ".join(cells) + " |", flush=True)


def measure(case: Case, backend: CudaBackend, budget_s: float, *, cudnn: bool) -> dict[str, float]:
    """Seconds of a step, for each, once all have been found right."""
    with ExitStack() as stack:
        entered = {
            OURS: on_gpu(case, backend),
            CPU: ours.trainer(case, backend.cpu, stack),
        }
        if cudnn:
            entered[CUDNN] = peers.cuda_trainer(case)
        judge = RightGradient(case)
        for name, candidate in entered.items():
            judge.validate(name, case, candidate)
            candidate.run()
        runs = {name: candidate.run for name, candidate in entered.items()}
        return seconds_per_call(runs, time.perf_counter, budget_s)


def on_gpu(case: Case, backend: CudaBackend) -> Candidate:
    """What `sentinel fit --device cuda` calls."""
    from sentinel.model.cuda.training import CudaTrainer  # numba-cuda is there

    settings = Minibatches(case.shape.steps, case.batch, clip_norm=ours.SETTINGS.clip_norm)
    trainer = CudaTrainer(case.parameters, settings, backend)
    rng, rate = np.random.default_rng(0), ours.SETTINGS.learning_rate

    def gradient() -> Float32Array:
        learner = trainer.learner
        learner.collect(learner.minibatch(case.rows, *case.places))
        found: Float32Array = learner.gradient.copy_to_host()
        return found

    return Candidate(lambda: trainer.step(case.rows, *case.places, rng, rate), gradient)


if __name__ == "__main__":
    main()
