"""Launches so small that the simulator, which makes a Python thread of a CUDA thread, is quick."""

from __future__ import annotations

import pytest


def train_in_tiny_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks that take part of a product, and of a sum; several of each."""
    from sentinel.kernels.cuda.products import Blocking
    from sentinel.model.cuda import learning, training_kernels

    monkeypatch.setattr(training_kernels, "BLOCKS", 2)
    monkeypatch.setattr(training_kernels, "THREADS", 4)
    monkeypatch.setattr(training_kernels, "BLOCKING", Blocking(8, 8, 4))
    monkeypatch.setattr(learning, "SLICES_MAX", 2)
