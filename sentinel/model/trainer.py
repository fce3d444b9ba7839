"""Parameters in training on the CPU: for each minibatch a loss, a gradient, an optimiser's step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from sentinel.kernels.optimizer import adam_step, clip_factor, global_norm, rmsprop_step
from sentinel.model.learning import Learner, Loss
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import Backend
from sentinel.records import Float32Array, TimeArray

Optimizer = Literal["adam", "adamw", "rmsprop"]


@dataclass(frozen=True, slots=True)
class Minibatches:
    """What training shows a model, and what it makes of a gradient.

    steps         T;  windows  of a minibatch, at most
    input_noise   standard deviation of what is added to the inputs, scaled units
    burn_in       so many steps of a window forecast nothing that counts
    clip_norm     a longer gradient is shortened to it
    weight_decay  of adamw alone
    """

    steps: int
    windows: int
    input_noise: float = 0.0
    burn_in: int = 0
    optimizer: Optimizer = "adam"
    clip_norm: float = 5.0
    weight_decay: float = 0.0

    @property
    def decay(self) -> float:
        """The weight decay of this optimiser."""
        return self.weight_decay if self.optimizer == "adamw" else 0.0


class Trainer:
    """Trains these parameters, in place; not for concurrent calls."""

    def __init__(self, parameters: Parameters, minibatches: Minibatches, backend: Backend) -> None:
        self.trained, self.minibatches = parameters, minibatches
        self.learner = Learner(
            parameters.architecture, minibatches.steps, backend, minibatches.input_noise,
            minibatches.burn_in,
        )  # fmt: skip
        self.m, self.v = np.zeros_like(parameters.flat), np.zeros_like(parameters.flat)
        self.steps = 0

    def __enter__(self) -> Trainer:
        return self

    def __exit__(self, *_: object) -> None:
        self.learner.__exit__()

    def step(
        self,
        rows: Float32Array,
        starts: TimeArray,
        lengths: TimeArray,
        rng: np.random.Generator,
        learning_rate: float,
    ) -> tuple[Loss, float]:
        """Train on one minibatch; the loss before the step, and its gradient's norm.

        rows, starts, lengths  as of `WindowScorer.score`;  rng  draws noise and dropout
        """
        settings, flat = self.minibatches, self.trained.flat
        loss, gradient = self.learner.gradient(self.trained, rows, starts, lengths, rng)
        norm = global_norm(gradient)
        clip = clip_factor(norm, settings.clip_norm)
        self.steps += 1
        if settings.optimizer == "rmsprop":
            rmsprop_step(flat, gradient, self.v, learning_rate, clip)
        else:
            adam_step(
                flat, gradient, self.m, self.v, self.steps, learning_rate, clip, settings.decay
            )
        return loss, norm

    def parameters(self) -> Parameters:
        """As they are now; the next step changes them."""
        return self.trained
