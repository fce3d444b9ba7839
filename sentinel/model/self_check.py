"""What a model asks of the kernels: how each is made ready, and whether it computes what it should.

A duty is one of the ways to use a model: it scores windows, carries states on, or is trained. The
kernels of the duties that a model will have are those that are compiled at the start and checked on
a small case, no others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sentinel.kernels.slabs import WHOLE
from sentinel.model import reference
from sentinel.model.architecture import Architecture
from sentinel.model.carrying import StateCarrier, carrying_makers, zero_states
from sentinel.model.learning import Learner, training_makers
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import Backend
from sentinel.model.scoring import WindowScorer, scoring_makers
from sentinel.records import Float32Array, FloatArray

# T; states are carried on twice.
STEPS = 4
ERROR_MAX = 1e-5
SLOPE_STEP = 1e-6

Maker = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Duty:
    """A way to use a model, by its name.

    makers  of an architecture, T and a backend: what makes each kernel ready; the first is for
            many windows, the others are for few
    error   of parameters and a backend: the largest error of a few windows, against float64
    """

    name: str
    makers: Callable[[Architecture, int, Backend], Sequence[Maker]]
    error: Callable[[Parameters, Backend, np.random.Generator], float]


def duties(architecture: Architecture, *, training: bool = False) -> list[Duty]:
    """Of a model that is used, and trained before."""
    found = [TRAINING] if training else []
    if architecture.decoder_layers:
        found.append(SCORING)
    if architecture.forecast:
        found.append(CARRYING)
    return found


def kernel_makers(
    architecture: Architecture, backend: Backend, *, training: bool = False
) -> list[list[Maker]]:
    """What makes the kernels of all duties ready: those together that have most code in common.

    The groups that take longest come first.
    """
    of_training: list[Maker] = []
    of_many: list[Maker] = []
    of_few: list[Maker] = []
    for duty in duties(architecture, training=training):
        many, *few = duty.makers(architecture, STEPS, backend)
        (of_training if duty is TRAINING else of_many).append(many)
        of_few += few
    return [group for group in (of_training, of_few, of_many) if group]


def largest_error(backend: Backend, architecture: Architecture, *, training: bool = False) -> float:
    """Largest error of a backend in all duties, against float64; NaN: one is NaN.

    architecture  whose kernels are tried; they are the ones that serve it afterwards
    """
    rng = np.random.default_rng(0)
    parameters = Parameters.initial(replace(architecture, dropout=0.0), rng)
    alone = replace(backend, threads=1)
    found = [duty.error(parameters, alone, rng) for duty in duties(architecture, training=training)]
    return float(np.max(found))


def _windows(count: int, channels: int, rng: np.random.Generator) -> Float32Array:
    return rng.standard_normal((count, STEPS, channels)).astype(np.float32)


def _time_first(windows: Float32Array) -> FloatArray:
    """As the reference takes them: (B, T, F) to (T, F, B)."""
    return windows.transpose(1, 2, 0).astype(np.float64)


def _counts(many: int) -> tuple[int, int, int]:
    """For each of the kernels, and for whole tiles of the largest."""
    return 1, 2, many + 1


def _of_scores(parameters: Parameters, backend: Backend, rng: np.random.Generator) -> float:
    scorer = WindowScorer(parameters, STEPS, backend)
    channels = parameters.architecture.channels
    worst = 0.0
    for count in _counts(scorer.kernels.many.windows):
        x = _windows(count, channels, rng)
        starts, lengths = np.arange(count) * STEPS, np.full(count, STEPS)
        found = scorer.score(x.reshape(-1, channels), starts, lengths).errors[:, WHOLE]
        x_hat = reference.reconstruct(parameters, _time_first(x))
        right = np.mean((x_hat.transpose(2, 0, 1) - x) ** 2, axis=1)
        worst = np.maximum(worst, np.max(np.abs(found - right)))
    return float(worst)


def _of_forecasts(parameters: Parameters, backend: Backend, rng: np.random.Generator) -> float:
    steps, channels = STEPS // 2, parameters.architecture.channels
    carrier = StateCarrier(parameters, steps, backend)
    worst = 0.0
    for count in _counts(carrier.kernels.many.windows):
        x = _windows(count, channels, rng)
        states, numbers = zero_states(parameters.architecture, count), np.arange(count)
        halves = [
            carrier.advance(states, x.reshape(-1, channels), numbers * STEPS + begun, numbers)
            for begun in (0, steps)
        ]
        right = reference.forecasts(parameters, _time_first(x)).transpose(2, 0, 1)
        worst = np.maximum(worst, np.max(np.abs(np.concatenate(halves, axis=1) - right)))
    return float(worst)


def _of_gradient(parameters: Parameters, backend: Backend, rng: np.random.Generator) -> float:
    """Of the slope that the gradient gives along a random direction, in which all of it counts."""
    architecture = parameters.architecture
    direction = rng.standard_normal(parameters.flat.size)
    with Learner(architecture, STEPS, backend) as learner:
        x = _windows(learner.tile.width + 1, architecture.channels, rng)
        starts, lengths = np.arange(len(x)) * STEPS, np.full(len(x), STEPS)
        rows = x.reshape(-1, architecture.channels)
        gradient = learner.gradient(parameters, rows, starts, lengths)[1]
        found = gradient.astype(np.float64) @ direction
    flat: Any = parameters.flat.astype(np.float64)  # for the reference alone
    ahead, behind = (
        reference.loss(Parameters(architecture, flat + step * direction), _time_first(x))
        for step in (SLOPE_STEP, -SLOPE_STEP)
    )
    return float(np.abs(found - (ahead - behind) / (2 * SLOPE_STEP)))


SCORING = Duty("scoring", scoring_makers, _of_scores)
CARRYING = Duty("carrying", carrying_makers, _of_forecasts)
TRAINING = Duty("training", training_makers, _of_gradient)
