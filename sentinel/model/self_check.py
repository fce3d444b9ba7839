"""Whether a variant of the kernels computes on this machine what it should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sentinel.kernels.slabs import WHOLE
from sentinel.model.architecture import Architecture
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import Backend
from sentinel.model.reference import reconstruct
from sentinel.model.scoring import WindowScorer

STEPS = 4
ERROR_MAX = 1e-5


def largest_error(backend: Backend, architecture: Architecture) -> float:
    """Largest error of a backend's scores of a few windows, against float64; NaN where one is NaN.

    architecture  whose kernels are tried; they are the ones that score it afterwards
    """
    rng = np.random.default_rng(0)
    parameters = Parameters.initial(replace(architecture, dropout=0.0), rng)
    scorer = WindowScorer(parameters, STEPS, replace(backend, threads=1))
    channels = architecture.channels
    worst = 0.0
    # Each of the kernels, and whole tiles of the largest.
    for windows in (1, 2, scorer.kernels.many.windows + 1):
        x = rng.standard_normal((windows, STEPS, channels)).astype(np.float32)
        starts = np.arange(windows) * STEPS
        lengths = np.full(windows, STEPS)
        found = scorer.score(x.reshape(-1, channels), starts, lengths).errors[:, WHOLE]
        x_hat = reconstruct(parameters, x.transpose(1, 2, 0).astype(np.float64))
        right = np.mean((x_hat.transpose(2, 0, 1) - x) ** 2, axis=1)
        worst = np.maximum(worst, np.max(np.abs(found - right)))
    return float(worst)
