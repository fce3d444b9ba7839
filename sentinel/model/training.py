"""Training: minibatches of windows, backpropagation through time, an optimiser, early stopping.

The number of threads never changes a bit of the result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sentinel.kernels.slabs import WHOLE
from sentinel.kernels.windows import count_values
from sentinel.model.architecture import Architecture
from sentinel.model.backends import window_scorer, window_trainer
from sentinel.model.device import Device
from sentinel.model.parameters import Initialisation, Parameters
from sentinel.model.protocols import ScoresWindows, TrainsParameters
from sentinel.model.schedule import one_cycle
from sentinel.model.trainer import Minibatches, Optimizer
from sentinel.model.windows import WindowSet
from sentinel.records import TimeArray

EVALUATED_AT_ONCE = 2048
LOSS_GAIN = 0.02  # weight of the newest minibatch in the loss that is told


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How to train. Windows counts are per epoch: overlapping windows repeat each other anyway.

    steps          so many minibatches of windows drawn at random, and neither epochs nor early
                   stopping; 0: by epochs, until the validation loss has stopped falling
    learning_rate  of a one-cycle schedule: its largest
    weight_decay   of adamw alone
    input_noise    standard deviation, scaled units; what is to be rebuilt stays clean
    """

    steps: int = 0
    optimizer: Optimizer = "adam"
    learning_rate: float = 2e-3
    schedule: Literal["constant", "one-cycle"] = "constant"
    weight_decay: float = 0.01
    input_noise: float = 0.0
    batch_size: int = 64
    epochs_max: int = 40
    patience: int = 5
    clip_norm: float = 5.0
    initialisation: Initialisation = "glorot"
    epoch_windows_max: int = 4096
    evaluation_windows_max: int = 2048
    seed: int = 0

    def minibatches(self, steps: int, burn_in: int = 0) -> Minibatches:
        """Of windows of T steps, the first `burn_in` of which forecast nothing that counts."""
        return Minibatches(
            steps, self.batch_size, self.input_noise, burn_in, self.optimizer, self.clip_norm,
            self.weight_decay,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Progress:
    """Where training stands, after every minibatch.

    validation_loss  of the last whole epoch; NaN where there are no epochs
    """

    epoch: int
    epochs_max: int
    step: int
    steps: int
    train_loss: float
    validation_loss: float


@dataclass(frozen=True, slots=True)
class Trained:
    """The best parameters by validation loss (or, without it, the last), and how they were reached.

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
    backend: Device,
    on_step: Callable[[Progress], None] = lambda progress: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Trained:
    """Fit an autoencoder. Same seed and data, same bytes, whatever the number of threads.

    should_stop  asked before every minibatch; True ends training, the best parameters are kept
    """
    rng = np.random.default_rng(settings.seed)
    parameters = Parameters.initial(architecture, rng, settings.initialisation)
    drawn = min(len(train_windows), settings.epoch_windows_max)
    steps = settings.epochs_max * -(-drawn // settings.batch_size)
    tally = _Tally(settings, steps)
    evaluated = evenly(len(validation_windows), settings.evaluation_windows_max)
    best_flat = parameters.flat.copy()
    scorer = window_scorer(parameters, validation_windows.window_length, backend)
    best_loss = mean_loss(scorer, validation_windows, evaluated)
    best_epoch, epoch, train_loss = 0, 0, float("nan")
    interrupted = False
    minibatches = settings.minibatches(train_windows.window_length)
    with window_trainer(parameters, minibatches, backend) as trainer:
        while epoch < settings.epochs_max and epoch - best_epoch < settings.patience:
            epoch += 1
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
                batch_total, batch_values = tally.minibatch(trainer, train_windows, batch, rng)
                total, values = total + batch_total, values + batch_values
                train_loss = total / max(values, 1.0)
                on_step(
                    Progress(epoch, settings.epochs_max, step, len(batches), train_loss, best_loss)
                )
            parameters = trainer.parameters()
            scorer.load(parameters)
            loss = mean_loss(scorer, validation_windows, evaluated)
            if loss < best_loss:
                best_loss, best_epoch = loss, epoch
                best_flat[:] = parameters.flat
            if interrupted:
                break
    return Trained(
        Parameters(architecture, best_flat),
        epoch,
        best_epoch,
        tally.steps,
        train_loss,
        best_loss,
        tally.gradient_norm,
        tally.clipped_share,
        interrupted,
    )


def train_steps(
    architecture: Architecture,
    windows: WindowSet,
    settings: TrainingSettings,
    backend: Device,
    on_step: Callable[[Progress], None] = lambda progress: None,
    should_stop: Callable[[], bool] = lambda: False,
    burn_in: int = 0,
) -> Trained:
    """Fit by `settings.steps` minibatches drawn at random; otherwise as `train`.

    burn_in  so many readings of a window forecast nothing that counts
    The train loss is the mean of the newest minibatches; there is no validation loss: NaN.
    """
    rng = np.random.default_rng(settings.seed)
    parameters = Parameters.initial(architecture, rng, settings.initialisation)
    tally = _Tally(settings, settings.steps)
    loss, step = float("nan"), 0
    minibatches = settings.minibatches(windows.window_length, burn_in)
    with window_trainer(parameters, minibatches, backend) as trainer:
        while step < settings.steps and not should_stop():
            step += 1
            batch = rng.integers(0, len(windows), settings.batch_size)
            total, values = tally.minibatch(trainer, windows, batch, rng)
            newest = total / max(values, 1.0)
            loss = newest if step == 1 else loss + LOSS_GAIN * (newest - loss)
            on_step(Progress(1, 1, step, settings.steps, loss, float("nan")))
        parameters = trainer.parameters()
    return Trained(
        parameters, 1, 1, tally.steps, loss, float("nan"), tally.gradient_norm,
        tally.clipped_share, step < settings.steps,
    )  # fmt: skip


def mean_loss(scorer: ScoresWindows, windows: WindowSet, chosen: TimeArray) -> float:
    """Mean squared reconstruction error of windows, over unmasked values; NaN where none are."""
    total, values = 0.0, 0
    for start in range(0, len(chosen), EVALUATED_AT_ONCE):
        starts, lengths = windows.places(chosen[start : start + EVALUATED_AT_ONCE])
        errors = scorer.score(windows.rows, starts, lengths).errors[:, WHOLE]
        counts = np.zeros(errors.shape, np.int64)
        count_values(windows.rows.reshape(-1), starts, lengths, counts)
        total += float(np.sum(errors * counts, dtype=np.float64, where=counts > 0))
        values += int(counts.sum())
    return total / values if values else float("nan")


class _Tally:
    """One optimiser step per minibatch at the rate of the schedule, and how long gradients were."""

    def __init__(self, settings: TrainingSettings, steps_max: int) -> None:
        self.settings = settings
        self.steps_max = steps_max
        self.steps = 0
        self.clipped = 0
        self.norm_total = 0.0

    def minibatch(
        self,
        trainer: TrainsParameters,
        windows: WindowSet,
        batch: TimeArray,
        rng: np.random.Generator,
    ) -> tuple[float, float]:
        """Train on one minibatch; (sum of squared errors, unmasked values) before the step."""
        self.steps += 1
        rate = self.settings.learning_rate
        if self.settings.schedule == "one-cycle":
            rate = one_cycle(self.steps, self.steps_max, rate)
        loss, norm = trainer.step(windows.rows, *windows.places(batch), rng, rate)
        self.norm_total += norm
        self.clipped += norm > self.settings.clip_norm
        return loss.told * loss.values, loss.values

    @property
    def gradient_norm(self) -> float:
        """Their mean, before clipping."""
        return self.norm_total / max(self.steps, 1)

    @property
    def clipped_share(self) -> float:
        """Of the minibatches, those whose gradient was clipped."""
        return self.clipped / max(self.steps, 1)


def evenly(count: int, most: int) -> TimeArray:
    """At most `most` of `count` numbers, evenly spaced."""
    if count <= most:
        return np.arange(count)
    return np.linspace(0, count - 1, most).astype(np.int64)
