"""The benchmark runs from its validation to its table; its numbers mean nothing here."""

from __future__ import annotations

import json
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from sentinel.model.cuda.scoring import CudaWindowScorer
from sentinel.model.prepared import Backend
from tests.bench import cuda, cuda_roof, cuda_rounds, cuda_training, ours
from tests.bench.kernel_case import Candidate, Shape
from tests.bench.peers import found as peers
from tests.cuda.gpu_here import STAND_IN, backend_of

CPU = Backend()


def test_the_benchmark_validates_times_and_tells(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name, value in ("THREADS", 2), ("THREADS_RESIDENT", 4), ("TERMS", 8):
        monkeypatch.setattr(cuda_roof, name, value)
    monkeypatch.setattr(cuda, "BUDGET_S", 0.0)
    # Someone who is right, and takes a while.
    monkeypatch.setattr(peers, "torch_with_cuda", lambda: "2.0")
    monkeypatch.setattr(peers, "cuda_scorers", lambda case, exact: (ours.scorer(case, CPU),) * 2)
    monkeypatch.setattr(cuda_rounds, "DISTINCT_MAX", 3)
    # The last one has too many readings.
    monkeypatch.setattr(cuda, "READINGS_BYTES_MAX", 4 * 5 * 3 * 2)
    cuda.main(["--shapes", "3,2,4", "--batch", "1,5,6", "--json", str(tmp_path / "found.json")])
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("simulator, sm_90")
    assert len([line for line in told if line.startswith("| (3, 2, 4) |")]) == 2
    found = json.loads((tmp_path / "found.json").read_text())
    assert [row["batch"] for row in found["rows"]] == [1, 5]
    assert set(found["rows"][0]["windows_per_s"]) == {
        f"{who} from {where}"
        for who, where in product(("sentinel", "cudnn", "cudnn_tf32"), ("device", "host"))
    } | {"sentinel from stream", "cpu from host"}
    three = "sentinel | cudnn | cudnn_tf32 |"
    assert told[2].endswith(f"| device: {three} stream: sentinel | host: {three} cpu |")
    assert all(row["excess"] <= 1 for row in found["rows"])


def test_a_stream_s_places_are_not_those_of_the_windows_on_the_device() -> None:
    case = cuda_rounds.case_of(Shape(2, 1, 2), 4)
    scorer = CudaWindowScorer(case.parameters, case.shape.steps, backend_of(STAND_IN))
    there, stream = cuda_rounds.on_device(case, scorer), cuda_rounds.from_stream(case, scorer)
    for _ in range(3):
        stream.run()
        there.run()  # the simulator lets nobody read out of bounds


def test_the_benchmark_of_training_validates_times_and_tells(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with ExitStack() as stack:
        monkeypatch.setattr(peers, "torch_with_cuda", lambda: "2.0")
        monkeypatch.setattr(peers, "cuda_trainer", lambda case: ours.trainer(case, CPU, stack))
        cuda_training.main(["--shapes", "2,1,2", "--batch", "2", "--quick"])
    told = capsys.readouterr().out.splitlines()
    assert told[2].endswith("sentinel, ms a step | cudnn, ms a step | cpu, ms a step |")
    assert told[4].startswith("| (2, 1, 2) | 2 | ")
    assert len(told) == 5


def test_a_wrong_gradient_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    step = cuda_training.on_gpu

    def wrong(*arguments: Any) -> Candidate:
        right = step(*arguments)
        return Candidate(right.run, lambda: 1.01 * right.check())

    monkeypatch.setattr(cuda_training, "on_gpu", wrong)
    with pytest.raises(SystemExit, match=r"sentinel is wrong at \(2, 1, 2\), B = 2"):
        cuda_training.main(["--shapes", "2,1,2", "--batch", "2", "--quick"])


def test_a_wrong_score_ends_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cuda_roof, "THREADS", 2)
    monkeypatch.setattr(cuda_roof, "THREADS_RESIDENT", 2)
    monkeypatch.setattr(cuda_rounds, "difference", lambda *_: float("nan"))
    with pytest.raises(SystemExit, match=r"wrong at \(3, 2, 4\), B = 2: nan times"):
        cuda.main(["--shapes", "3,2,4", "--batch", "2"])
