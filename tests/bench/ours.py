"""Our side of the kernel benchmarks: what `sentinel score` and `sentinel fit` call."""

from __future__ import annotations

from contextlib import ExitStack

import numpy as np

from sentinel.kernels.optimizer import adam_step, global_norm
from sentinel.kernels.slabs import WHOLE
from sentinel.model.learning import Learner
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import Backend
from sentinel.model.scoring import WindowScorer
from sentinel.model.training import TrainingSettings
from sentinel.records import Float32Array
from tests.bench.kernel_case import Candidate, Case

SETTINGS = TrainingSettings()


def scorer(case: Case, backend: Backend) -> Candidate:
    """Errors of every channel over three spans, from the rows of readings."""
    score = WindowScorer(case.parameters, case.shape.steps, backend).score
    rows, (starts, lengths) = case.rows, case.places
    return Candidate(
        run=lambda: score(rows, starts, lengths),
        check=lambda: score(rows, starts, lengths).errors[:, WHOLE].mean(axis=1),
    )


def trainer(case: Case, backend: Backend, stack: ExitStack) -> Candidate:
    """One step: forward, backward, clip, Adam.  stack  ends the learner's threads"""
    parameters = Parameters(case.parameters.architecture, case.parameters.flat.copy())
    learner = stack.enter_context(Learner(parameters.architecture, case.shape.steps, backend))
    rows, (starts, lengths) = case.rows, case.places
    m, v, steps = np.zeros_like(parameters.flat), np.zeros_like(parameters.flat), 0

    def gradient() -> Float32Array:
        return learner.gradient(parameters, rows, starts, lengths)[1]

    def step() -> None:
        nonlocal steps
        found = gradient()
        steps += 1
        clip = min(1.0, SETTINGS.clip_norm / global_norm(found))
        adam_step(parameters.flat, found, m, v, steps, SETTINGS.learning_rate, clip, 0.0)

    return Candidate(run=step, check=gradient)
