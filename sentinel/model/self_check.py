"""Whether a variant of the kernels computes on this machine what it should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sentinel.kernels.slabs import WHOLE
from sentinel.model.architecture import Architecture
from sentinel.model.carrying import StateCarrier, zero_states
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import Backend
from sentinel.model.reference import forecasts, reconstruct
from sentinel.model.scoring import WindowScorer

STEPS = 4
ERROR_MAX = 1e-5


def largest_error(backend: Backend, architecture: Architecture) -> float:
    """Largest error of a backend's results for a few windows, against float64; NaN: one is NaN.

    Of their scores, or of the forecasts of a model that rebuilds nothing.
    architecture  whose kernels are tried; they are the ones that score it afterwards
    """
    rng = np.random.default_rng(0)
    parameters = Parameters.initial(replace(architecture, dropout=0.0), rng)
    alone = replace(backend, threads=1)
    return (_of_scores if architecture.decoder_layers else _of_forecasts)(parameters, alone, rng)


def _of_scores(parameters: Parameters, backend: Backend, rng: np.random.Generator) -> float:
    scorer = WindowScorer(parameters, STEPS, backend)
    channels = parameters.architecture.channels
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


def _of_forecasts(parameters: Parameters, backend: Backend, rng: np.random.Generator) -> float:
    carrier, channels = StateCarrier(parameters, STEPS, backend), parameters.architecture.channels
    worst = 0.0
    for windows in (1, 2, carrier.kernels.many.windows + 1):
        x = rng.standard_normal((windows, STEPS, channels)).astype(np.float32)
        states = zero_states(parameters.architecture, windows)
        numbers = np.arange(windows)
        found = carrier.advance(states, x.reshape(-1, channels), numbers * STEPS, numbers)
        right = forecasts(parameters, x.transpose(1, 2, 0).astype(np.float64)).transpose(2, 0, 1)
        worst = np.maximum(worst, np.max(np.abs(found - right)))
    return float(worst)
