"""Training: minibatches of windows, backpropagation through time, an optimiser, early stopping.

A minibatch is cut into tiles of `TILE` windows; tiles run on threads, and their gradients are added
in the order of the tiles, so that the number of threads never changes a bit of the result.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sentinel.kernels.cpu import WINDOWS_PER_CALL
from sentinel.kernels.errors import squared_error_gradient
from sentinel.kernels.optimizer import adam_step, global_norm, rmsprop_step
from sentinel.model.architecture import Architecture
from sentinel.model.autoencoder import forward, loss_and_gradient
from sentinel.model.parameters import Initialisation, Parameters
from sentinel.model.windows import WindowSet
from sentinel.records import TimeArray

TILE = 32


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How to train. Windows counts are per epoch: overlapping windows repeat each other anyway."""

    optimizer: Literal["adam", "rmsprop"] = "adam"
    learning_rate: float = 2e-3
    batch_size: int = 64
    epochs_max: int = 40
    patience: int = 5
    clip_norm: float = 5.0
    initialisation: Initialisation = "glorot"
    epoch_windows_max: int = 4096
    evaluation_windows_max: int = 2048
    seed: int = 0
    threads: int = 2


@dataclass(frozen=True, slots=True)
class Progress:
    """Where training stands, after every minibatch (validation_loss: of the last whole epoch)."""

    epoch: int
    epochs_max: int
    step: int
    steps: int
    train_loss: float
    validation_loss: float


@dataclass(frozen=True, slots=True)
class Trained:
    """The best parameters by validation loss, and how they were reached.

    losses are mean squared errors in scaled units; gradient_norm is the mean before clipping.
    """

    parameters: Parameters
    epochs: int
    best_epoch: int
    steps: int
    train_loss: float
    validation_loss: float
    gradient_norm: float
    clipped_share: float
    interrupted: bool


def train(
    architecture: Architecture,
    train_windows: WindowSet,
    validation_windows: WindowSet,
    settings: TrainingSettings,
    on_step: Callable[[Progress], None] = lambda progress: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Trained:
    """Fit an autoencoder. Same seed and data, same bytes, whatever the number of threads.

    should_stop  asked before every minibatch; True ends training, the best parameters are kept
    """
    rng = np.random.default_rng(settings.seed)
    parameters = Parameters.initial(architecture, rng, settings.initialisation)
    optimizer = _Optimizer(settings, parameters)
    evaluated = evenly(len(validation_windows), settings.evaluation_windows_max)
    best_flat = parameters.flat.copy()
    best_loss = mean_loss(parameters, validation_windows, evaluated)
    best_epoch, epoch, train_loss = 0, 0, float("nan")
    interrupted = False
    with ThreadPoolExecutor(settings.threads) as pool:
        while epoch < settings.epochs_max and epoch - best_epoch < settings.patience:
            epoch += 1
            drawn = min(len(train_windows), settings.epoch_windows_max)
            # Not a permutation: windows may be so many that their numbers would fill the memory.
            order = rng.choice(len(train_windows), drawn, replace=False)
            batches = [
                order[start : start + settings.batch_size]
                for start in range(0, len(order), settings.batch_size)
            ]
            total, values = 0.0, 0.0
            for step, batch in enumerate(batches, 1):
                if interrupted := should_stop():
                    break
                batch_total, batch_values = optimizer.minibatch(train_windows, batch, rng, pool)
                total, values = total + batch_total, values + batch_values
                train_loss = total / max(values, 1.0)
                on_step(
                    Progress(epoch, settings.epochs_max, step, len(batches), train_loss, best_loss)
                )
            loss = mean_loss(parameters, validation_windows, evaluated)
            if loss < best_loss:
                best_loss, best_epoch = loss, epoch
                best_flat[:] = parameters.flat
            if interrupted:
                break
    return Trained(
        Parameters(architecture, best_flat),
        epoch,
        best_epoch,
        optimizer.steps,
        train_loss,
        best_loss,
        optimizer.norm_total / max(optimizer.steps, 1),
        optimizer.clipped / max(optimizer.steps, 1),
        interrupted,
    )


def mean_loss(parameters: Parameters, windows: WindowSet, chosen: TimeArray | None = None) -> float:
    """Mean squared reconstruction error of windows, over unmasked values; NaN where none are."""
    chosen = np.arange(len(windows)) if chosen is None else chosen
    total, values = 0.0, 0.0
    for start in range(0, len(chosen), WINDOWS_PER_CALL):
        x, mask = windows.gather(chosen[start : start + WINDOWS_PER_CALL])
        x_hat = forward(parameters, x, keep=False).x_hat
        total += squared_error_gradient(x, x_hat, mask, 0.0, np.empty_like(x))
        values += float(mask.sum())
    return total / values if values else float("nan")


class _Optimizer:
    """One optimiser step per minibatch, and the tally of gradient norms."""

    def __init__(self, settings: TrainingSettings, parameters: Parameters) -> None:
        self.settings = settings
        self.parameters = parameters
        self.m = np.zeros_like(parameters.flat)
        self.v = np.zeros_like(parameters.flat)
        self.steps = 0
        self.clipped = 0
        self.norm_total = 0.0

    def minibatch(
        self,
        windows: WindowSet,
        batch: TimeArray,
        rng: np.random.Generator,
        pool: ThreadPoolExecutor,
    ) -> tuple[float, float]:
        """Train on one minibatch; (sum of squared errors, unmasked values) before the step."""
        tiles = [windows.gather(batch[s : s + TILE]) for s in range(0, len(batch), TILE)]
        values = float(sum(mask.sum() for _, mask in tiles))
        seeds = rng.integers(0, 2**63, len(tiles))
        architecture = self.parameters.architecture
        gradients = [Parameters(architecture) for _ in tiles]

        def one(number: int) -> float:
            x, mask = tiles[number]
            drops = np.random.default_rng(seeds[number])
            return loss_and_gradient(
                self.parameters, x, mask, 1.0 / max(values, 1.0), gradients[number], drops
            )

        total = sum(pool.map(one, range(len(tiles))))
        gradient = gradients[0].flat
        for other in gradients[1:]:
            gradient += other.flat
        self._step(gradient)
        return total, values

    def _step(self, gradient: np.ndarray[tuple[int], np.dtype[np.float32]]) -> None:
        settings, flat = self.settings, self.parameters.flat
        norm = global_norm(gradient)
        self.steps += 1
        self.norm_total += norm
        self.clipped += norm > settings.clip_norm
        clip = min(1.0, settings.clip_norm / norm) if norm > 0 else 1.0
        if settings.optimizer == "adam":
            adam_step(flat, gradient, self.m, self.v, self.steps, settings.learning_rate, clip)
        else:
            rmsprop_step(flat, gradient, self.v, settings.learning_rate, clip)


def evenly(count: int, most: int) -> TimeArray:
    """At most `most` of `count` numbers, evenly spaced."""
    if count <= most:
        return np.arange(count)
    return np.linspace(0, count - 1, most).astype(np.int64)
