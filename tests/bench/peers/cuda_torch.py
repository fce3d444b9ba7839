"""PyTorch on an NVIDIA GPU: the LSTM of cuDNN."""

from __future__ import annotations

import torch

from sentinel.records import Float32Array
from tests.bench.kernel_case import Candidate, Case
from tests.bench.peers import eager_torch
from tests.bench.peers.eager_torch import Autoencoder


def sees_gpu() -> bool:
    """Whether this torch was built for CUDA, and finds a device."""
    return bool(torch.cuda.is_available())


def scorers(case: Case, *, exact: bool) -> tuple[Candidate, Candidate]:
    """From the device's memory, and from pinned memory of the host.

    exact  products in float32; else as torch has it by default, in TF32
    """
    torch.cuda.empty_cache()  # what the case before had
    model = Autoencoder(case.parameters).eval().cuda()
    host = torch.from_numpy(case.time_major()).pin_memory()
    there = host.cuda()

    def score(x: torch.Tensor) -> torch.Tensor:
        torch.backends.cudnn.allow_tf32 = not exact
        torch.backends.cuda.matmul.allow_tf32 = not exact
        with torch.inference_mode():
            return model(x)

    def from_host() -> Float32Array:
        return score(host.to("cuda", non_blocking=True)).cpu().numpy()

    return (
        Candidate(lambda: score(there), lambda: score(there).cpu().numpy()),
        Candidate(from_host, from_host),
    )


def trainer(case: Case) -> Candidate:
    """One step, of windows that are on the device; products in float32."""
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    candidate = eager_torch.trainer(case, torch.get_num_threads(), fused=True, device="cuda")

    def step() -> None:
        candidate.run()
        torch.cuda.synchronize()

    return Candidate(step, candidate.check)
