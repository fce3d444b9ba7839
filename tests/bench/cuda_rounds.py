"""Cases of the CUDA benchmark: who takes part, whether they are right, how long they take."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from statistics import median

import numpy as np
from numba import cuda

from sentinel.kernels.slabs import SPANS, WHOLE
from sentinel.model.cuda.scoring import CudaWindowScorer
from sentinel.model.device import CudaBackend
from sentinel.model.prepared import Backend
from sentinel.model.ring_windows import RingWindows
from sentinel.model.scoring import WindowErrors, WindowScorer
from sentinel.model.twins import excess
from sentinel.records import Float32Array
from sentinel.runtime.gpu import Gpu
from sentinel.runtime.kernels import cpu_features, runnable, threads_of
from tests.bench import ours
from tests.bench.cuda_roof import fma_loop
from tests.bench.interleave import Clock, seconds_per_call
from tests.bench.kernel_case import Candidate, Case, RightErrors, Shape
from tests.bench.peers import found as peers
from tests.cuda.gpu_here import SIMULATED, backend_of

OURS, CUDNN, CUDNN_TF32, CPU = "sentinel", "cudnn", "cudnn_tf32", "cpu"
DEVICE, STREAM, HOST = "device", "stream", "host"
ROOF = "roof"
# Random windows of a case, which stand there again and again; the CPU is given no more of them.
DISTINCT_MAX = 4096
# What ten bits of a product allow.
TF32_ERROR_MAX = 1e-2


@dataclass(frozen=True, slots=True)
class Row:
    """One case.

    windows_per_s  by who, and where the readings are: "sentinel from device"
    max_error      of each of them, against float64
    excess         largest difference from the CPU, in multiples of what is promised
    """

    shape: Shape
    batch: int
    windows_per_s: dict[str, float]
    max_error: dict[str, float]
    excess: float


def named(who: str, where: str) -> str:
    """A column of the table."""
    return f"{who} from {where}"


def device_clock() -> Clock:
    """Seconds by events of the device: what was launched before has ended by then."""
    if SIMULATED:  # its events tell no time
        return time.perf_counter
    last, total = cuda.event(), 0.0
    last.record()
    last.synchronize()

    def clock() -> float:
        nonlocal last, total
        now = cuda.event()
        now.record()
        now.synchronize()
        # Summed up here: an event tells of milliseconds in float32.
        total, last = total + last.elapsed_time(now) / 1e3, now
        return total

    return clock


def case_of(shape: Shape, batch: int) -> Case:
    """Windows of a large batch repeat: to draw them all would take longer than to score them."""
    few = Case.of(shape, min(batch, DISTINCT_MAX))
    return Case(shape, few.parameters, few.windows[np.arange(batch) % few.batch])


class Rounds:
    """Measures case after case.  torch  its version; "": there is none that sees the GPU"""

    def __init__(self, gpu: Gpu, budget_s: float) -> None:
        cpu = Backend(runnable(cpu_features())[0], threads_of(0))
        self.backend: CudaBackend = backend_of(gpu, cpu)
        self.budget_s, self.clock = budget_s, device_clock()
        self.roofs: list[float] = []
        self.loop, self.loop_flops = fma_loop(gpu.multiprocessors)
        self.torch = peers.torch_with_cuda()

    def roof_gflops(self) -> float:
        """Of the whole device."""
        return median(self.roofs)

    def measure(self, shape: Shape, batch: int) -> Row:
        """Validate, then time, one case."""
        case = case_of(shape, batch)
        scorer = CudaWindowScorer(case.parameters, shape.steps, self.backend)
        few = case_of(shape, min(batch, DISTINCT_MAX))
        entered = {
            named(OURS, DEVICE): on_device(case, scorer),
            named(OURS, STREAM): from_stream(case, scorer),
            named(OURS, HOST): from_host(case, scorer),
            named(CPU, HOST): ours.scorer(few, self.backend.cpu),
        }
        if self.torch:
            for name, exact in ((CUDNN, True), (CUDNN_TF32, False)):
                there, here = peers.cuda_scorers(case, exact=exact)
                entered |= {named(name, DEVICE): there, named(name, HOST): here}
        off = difference(case, scorer, self.backend.cpu)
        if not off <= 1:
            sys.exit(f"wrong at {shape}, B = {batch}: {off:.3g} times what CPU and GPU may differ")
        errors = {name: checked(name, case, few, entered[name]) for name in entered}
        runs = {ROOF: self.loop, **{name: candidate.run for name, candidate in entered.items()}}
        for run in runs.values():
            run()
        seconds = seconds_per_call(runs, self.clock, self.budget_s, once=self.clock)
        self.roofs.append(self.loop_flops / seconds.pop(ROOF) / 1e9)
        counts = {name: few.batch if name == named(CPU, HOST) else batch for name in seconds}
        rates = {name: counts[name] / took for name, took in seconds.items()}
        return Row(shape, batch, rates, errors, off)


def checked(name: str, case: Case, few: Case, candidate: Candidate) -> float:
    """The largest error against float64; one that is wrong ends the run."""
    judge_case = few if name == named(CPU, HOST) else case
    judge = RightErrors(judge_case)
    if name.startswith(f"{CUDNN_TF32} "):
        judge.error_max = TF32_ERROR_MAX
    return judge.validate(name, judge_case, candidate)


def difference(case: Case, scorer: CudaWindowScorer, cpu: Backend) -> float:
    """Largest one of both twins, in multiples of what is allowed: all channels and spans."""
    chosen = np.random.default_rng(2).permutation(case.batch)[:DISTINCT_MAX]
    rows, (starts, lengths) = case.rows, case.places
    gpu = scorer.score(rows, starts, lengths)
    right = WindowScorer(case.parameters, case.shape.steps, cpu).score(
        rows, starts[chosen], lengths[chosen]
    )
    return max(
        excess(gpu.errors[chosen], right.errors), excess(gpu.expected[chosen], right.expected)
    )


def from_host(case: Case, scorer: CudaWindowScorer) -> Candidate:
    """What a fit calls to validate: rows of a history, in memory that nobody pinned."""
    rows, (starts, lengths) = case.rows, case.places

    def run() -> WindowErrors:
        return scorer.score(rows, starts, lengths)

    return Candidate(run, lambda: run().errors[:, WHOLE].mean(axis=1))


def from_stream(case: Case, scorer: CudaWindowScorer) -> Candidate:
    """What a stream is scored by when as many machines report, each for the next time."""
    steps, entities = case.shape.steps, np.arange(case.batch)
    # Rings that have come half the way; then their next readings are those of the window again.
    slabs, ends, call = np.tile(case.windows, (1, 2, 1)), np.full(case.batch, steps), 0

    def score(slabs: Float32Array) -> WindowErrors:
        place = entities * 2 * steps + ends - 1
        windows = RingWindows(slabs, ends, call, place, entities, place + 1 - steps)
        return scorer.score_rings(windows)

    def run() -> WindowErrors:
        nonlocal call
        # From the end, the newest T - 1 go to the front, and the next one comes behind them.
        ends[:], call = ends[0] + 1 if ends[0] < 2 * steps else steps, call + 1
        return score(slabs)

    def check() -> Float32Array:
        ends[:] = steps
        return score(slabs.copy()).errors[:, WHOLE].mean(axis=1)

    return Candidate(run, check)


def on_device(case: Case, scorer: CudaWindowScorer) -> Candidate:
    """The same launch over all windows at once, of rows that are there."""
    # A slot of its own: the scorer's are overwritten by what else it scores.
    slot, channels = scorer.slot(), case.shape.channels
    rows = cuda.to_device(case.rows.reshape(-1))

    def prepare() -> None:
        slot.reserve(case.batch, channels)
        slot.starts.host[: case.batch], slot.lengths.host[: case.batch] = case.places
        slot.starts.up(case.batch)
        slot.lengths.up(case.batch)

    def run() -> None:
        scorer.launch(slot, rows, case.batch)

    def check() -> Float32Array:
        prepare()
        run()
        found = slot.errors.down(case.batch * SPANS * channels)
        slot.stream.synchronize()
        errors: Float32Array = found.reshape(case.batch, SPANS, channels)[:, WHOLE].mean(axis=1)
        return errors

    prepare()
    return Candidate(run, check)
