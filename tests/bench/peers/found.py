"""Which peers are installed here (dependency group `bench-peers`), and what they offer."""

from __future__ import annotations

from collections.abc import Collection
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

from tests.bench.kernel_case import Candidate, Case

# Name to its module here, and to the distributions that this needs; its own is the first.
SCORERS = {
    "torch": ("eager_torch", ("torch",)),
    "onnxruntime": ("onnx_runtime", ("onnxruntime", "onnx")),
    "openvino": ("open_vino", ("openvino", "onnx")),
}


def versions() -> dict[str, str]:
    """Of the peers that are there."""
    found = {}
    for name, (_, needed) in SCORERS.items():
        try:
            installed = [version(distribution) for distribution in needed]
        except PackageNotFoundError:
            continue
        found[name] = installed[0]
    return found


def scorers(case: Case, threads: int, names: Collection[str]) -> dict[str, Candidate]:
    """The peers of these names."""
    return {
        name: import_module(f"tests.bench.peers.{SCORERS[name][0]}").scorer(case, threads)
        for name in names
    }


def trainers(case: Case, threads: int, names: Collection[str]) -> dict[str, Candidate]:
    """Those of them that can train: torch, with either of its Adams."""
    if "torch" not in names:
        return {}
    trainer = import_module("tests.bench.peers.eager_torch").trainer
    return {
        "torch": trainer(case, threads, fused=False),
        "torch_fused": trainer(case, threads, fused=True),
    }


def torch_with_cuda() -> str:
    """The version of a torch that sees a GPU; empty: there is none."""
    there = versions().get("torch", "")
    if there and import_module("tests.bench.peers.cuda_torch").sees_gpu():
        return there
    return ""


def cuda_trainer(case: Case) -> Candidate:
    """cuDNN's LSTM in training, and torch's Adam in one launch."""
    trainer: Candidate = import_module("tests.bench.peers.cuda_torch").trainer(case)
    return trainer


def cuda_scorers(case: Case, *, exact: bool) -> tuple[Candidate, Candidate]:
    """cuDNN's LSTM, with readings on the device and in the host's memory."""
    scorers: tuple[Candidate, Candidate] = import_module("tests.bench.peers.cuda_torch").scorers(
        case, exact=exact
    )
    return scorers
