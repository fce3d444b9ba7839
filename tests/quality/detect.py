"""Series through `sentinel fit` and `sentinel score`, as a user would run them."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from sentinel.cli.main import cli
from tests.quality.series import read_tables


class VerbFailedError(Exception):
    """A verb left with an exit code; it has printed why."""


@dataclass(frozen=True, slots=True)
class Job:
    """One series, and where its results go.

    The options are handed to the verbs as they are, the same for every series.
    contaminate  share of train that is spoilt before it is fitted to; it is the context, too
    named        what is spoilt is left out of both by name
    """

    key: str
    series: Path
    out: Path
    fit_options: tuple[str, ...] = ()
    score_options: tuple[str, ...] = ()
    contaminate: float = 0.0
    named: bool = False

    @property
    def score_path(self) -> Path:
        """One float64 per row of test."""
        return self.out / "scores" / f"{self.key}.npy"

    @property
    def alarm_path(self) -> Path:
        """One int8 per row of test: 1 inside an open episode."""
        return self.out / "scores" / f"{self.key}.alarm.npy"

    @property
    def log_path(self) -> Path:
        """What the verbs printed."""
        return self.out / "logs" / f"{self.key}.log"


@dataclass(frozen=True, slots=True)
class Seconds:
    """What a verb took: by the wall clock, and of CPU time over all threads of its process."""

    wall: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a series; without scores where `error` says why."""

    key: str
    error: str = ""
    rows: int = 0
    non_finite: int = 0
    alarm_rows: int = 0
    times_are_rows: bool = False
    seconds: dict[str, Seconds] = field(default_factory=dict)


def detect(job: Job) -> Outcome:
    """Fit, score and write `<out>/scores/<key>.npy` and `.alarm.npy`.

    Never raises for what goes wrong with one series: the others' hours must not be lost. The
    outcome says it in a line, the series' log in full; scores of an earlier run are gone then.
    """
    for path in (job.score_path, job.log_path):
        path.parent.mkdir(parents=True, exist_ok=True)
    job.score_path.unlink(missing_ok=True)
    job.alarm_path.unlink(missing_ok=True)
    with (
        job.log_path.open("w", encoding="utf-8") as log,
        redirect_stdout(log),
        redirect_stderr(log),
        tempfile.TemporaryDirectory(prefix="sentinel-quality-") as place,
    ):
        try:
            return _detected(job, Path(place))
        except click.ClickException as error:
            return Outcome(job.key, error=f"sentinel refused its options: {error.format_message()}")
        except VerbFailedError as error:
            log.flush()
            told = job.log_path.read_text(encoding="utf-8").splitlines()
            return Outcome(job.key, error=f"{error}: {told[-1] if told else 'without a word'}")
        except Exception as error:
            log.write(traceback.format_exc())
            return Outcome(job.key, error=f"{type(error).__name__}: {error}")


def detect_all(
    jobs: Sequence[Job], processes: int, on_done: Callable[[Outcome], None]
) -> list[Outcome]:
    """`detect` each job in one of so many processes, the largest files first."""
    # One core each: of numpy's and pyarrow's own threads, too, which read this when imported.
    os.environ["OMP_NUM_THREADS"] = "1"
    by_size = sorted(jobs, key=lambda job: job.series.stat().st_size, reverse=True)
    spawn = multiprocessing.get_context("spawn")
    outcomes = []
    with ProcessPoolExecutor(processes, mp_context=spawn) as pool:
        futures = {pool.submit(detect, job): job.key for job in by_size}
        try:
            for future in as_completed(futures):
                outcomes.append(_outcome_of(future, futures[future]))
                on_done(outcomes[-1])
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return outcomes


def read_scores(
    path: Path, timestamps: pa.ChunkedArray
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int8]]:
    """anomaly_score, NaN where there is none, and is_anomaly, of what `sentinel score` wrote.

    Raises ValueError unless its rows are the input's, at `timestamps`.
    """
    found = pq.read_table(path, columns=["timestamp", "anomaly_score", "is_anomaly"])
    if len(found) != len(timestamps):
        raise ValueError(f"{len(found)} rows of scores for {len(timestamps)} rows of test")
    if found["timestamp"].cast(timestamps.type).combine_chunks() != timestamps.combine_chunks():
        raise ValueError("the rows of the scores are not the rows of test")
    return found["anomaly_score"].to_numpy(), found["is_anomaly"].to_numpy()


def _detected(job: Job, place: Path) -> Outcome:
    tables = read_tables(job.series, job.contaminate)
    files = ("train.parquet", "test.parquet", "faults.parquet", "model", "scores.parquet")
    train, test, faults, model, output = (str(place / name) for name in files)
    pq.write_table(tables.train, train)
    pq.write_table(tables.test, test)
    pq.write_table(tables.faults, faults)
    left_out = ("--exclude-times", faults) if job.named and len(tables.faults) else ()
    seconds = {"fit": _run("fit", train, "--output", model, *left_out, *job.fit_options)}
    seconds["score"] = _run(
        "score", "--model", model, "--context", train, *left_out, "--input", test,
        "--output", output, *job.score_options,
    )  # fmt: skip
    score, alarm = read_scores(Path(output), tables.test["timestamp"])
    np.save(job.score_path, score)
    np.save(job.alarm_path, alarm)
    return Outcome(
        job.key,
        rows=len(score),
        non_finite=int(np.count_nonzero(~np.isfinite(score))),
        alarm_rows=int(np.count_nonzero(alarm)),
        times_are_rows=tables.times_are_rows,
        seconds=seconds,
    )


def _run(verb: str, *arguments: str) -> Seconds:
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    words = [verb, *arguments, "--threads", "1"]
    if code := cli.main(words, prog_name="sentinel", standalone_mode=False):
        raise VerbFailedError(f"sentinel {verb} left with exit code {code}")
    return Seconds(time.perf_counter() - wall_s, time.process_time() - cpu_s)


def _outcome_of(future: Future[Outcome], key: str) -> Outcome:
    try:
        return future.result()
    except BrokenProcessPool:
        return Outcome(key, error="a worker process died: out of memory?")
