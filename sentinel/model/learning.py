"""Minibatches of windows to loss and gradient, on any number of threads.

A minibatch is cut into tiles of windows, and each tile has a gradient of its own; these are added
in the order of the tiles, so that the number of threads never changes a bit of the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count

import numpy as np

from sentinel.kernels import plan as col
from sentinel.kernels import shape as of
from sentinel.kernels.jit import entry
from sentinel.kernels.train_windows import train_tiles
from sentinel.kernels.windows import count_ahead, count_values
from sentinel.model.architecture import Architecture
from sentinel.model.parameters import Parameters
from sentinel.model.plan import plan_training
from sentinel.model.prepared import Backend, aligned, as_kernels_take
from sentinel.model.team import Team
from sentinel.records import Float32Array, FloatArray, TimeArray


@dataclass(frozen=True, slots=True)
class Loss:
    """Of a minibatch: mean squared errors over the values compared, NaN of what the model has not.

    forecast  of the next reading
    ahead     of all readings that are forecast, where those are several
    values    how many were to be rebuilt
    """

    reconstruction: float
    forecast: float
    ahead: float
    values: float

    @property
    def total(self) -> float:
        """What the gradient is of: the sum of these errors."""
        return float(np.nansum((self.reconstruction, self.forecast, self.ahead)))

    @property
    def told(self) -> float:
        """The error that says how far training is."""
        return self.forecast if np.isnan(self.reconstruction) else self.reconstruction


@dataclass(frozen=True, slots=True)
class Compared:
    """How many values of a minibatch the loss compares: to rebuild, next ones, all ahead.

    counts  of each;  meant  whether the loss has each
    """

    counts: tuple[int, int, int]
    meant: tuple[bool, bool, bool]

    @classmethod
    def of(
        cls,
        architecture: Architecture,
        steps: int,
        burn_in: int,
        flat: Float32Array,
        starts: TimeArray,
        lengths: TimeArray,
    ) -> Compared:
        """Of windows of T steps over rows (N F,); the first `burn_in` of them forecast nothing."""
        channels, horizons = architecture.channels, architecture.horizons
        counts = np.zeros((len(starts), channels), np.int64)
        count_values(flat, starts, lengths, counts)
        following, ahead = count_ahead(flat, starts, lengths, channels, steps, burn_in, horizons)
        return cls(
            (int(counts.sum()), following, ahead),
            (architecture.decoder_layers > 0, architecture.forecast, horizons > 1),
        )

    @property
    def scales(self) -> tuple[float, ...]:
        """What each sum of squared errors is multiplied by."""
        return tuple(
            1.0 / max(count, 1) if meant else 0.0
            for count, meant in zip(self.counts, self.meant, strict=True)
        )

    def loss(self, errors: FloatArray) -> Loss:
        """The loss of these sums of squared errors (3,)."""
        means = np.where(self.meant, errors * self.scales, np.nan)
        rebuilt, following, ahead = means.tolist()
        return Loss(rebuilt, following, ahead, self.counts[0])


class Learner:
    """Losses and gradients of one architecture; not for concurrent calls.

    noise    standard deviation of what is added to the inputs, scaled units; targets stay clean
    burn_in  so many steps of a window forecast nothing that counts
    """

    def __init__(
        self,
        architecture: Architecture,
        steps: int,
        backend: Backend,
        noise: float = 0.0,
        burn_in: int = 0,
    ) -> None:
        self.architecture, self.noise = architecture, noise
        self.tile = backend.variant.many
        self.plan = plan_training(architecture, steps, self.tile, noisy=noise > 0, burn_in=burn_in)
        self.packed = aligned(len(self.plan.index))
        self.team = Team(backend.threads)
        self.scratch = [
            (aligned(self.plan.scratch_rows * self.tile.width), np.zeros(self.tile.width, np.int64))
            for _ in range(backend.threads)
        ]
        self.gradients: list[Float32Array] = []
        variant = backend.variant
        self.model = (
            self.tile, variant.dense(self.tile),
            self.plan.table, self.plan.boundaries, self.plan.shape, self.packed,
        )  # fmt: skip
        one, number = np.zeros(1, np.int64), np.zeros(1, np.float32)
        arguments = (*self.model, *self.scratch[0], number, one, one, 0, 0.0, 0.0, 0.0, number)
        self.run = entry(train_tiles, *arguments)

    def __enter__(self) -> Learner:
        return self

    def __exit__(self, *_: object) -> None:
        self.team.close()

    def gradient(
        self,
        parameters: Parameters,
        rows: Float32Array,
        starts: TimeArray,
        lengths: TimeArray,
        rng: np.random.Generator | None = None,
    ) -> tuple[Loss, Float32Array]:
        """Loss of windows and its gradient (P,); the latter is overwritten by the next call.

        rows, starts, lengths  as of `WindowScorer.score`
        rng                    draws noise and dropout; None: there are none
        """
        flat, starts, lengths = as_kernels_take(rows, starts, lengths)
        self.packed[:] = self.plan.pack(parameters.flat)
        compared = Compared.of(
            self.architecture, self.plan.shape[of.STEPS], self.plan.shape[of.BURN_IN],
            flat, starts, lengths,
        )  # fmt: skip
        scales = compared.scales
        tiles = -(-len(starts) // self.tile.width)
        while len(self.gradients) < tiles:
            self.gradients.append(np.empty_like(parameters.flat))
        seeds = rng.integers(0, 2**63, tiles) if rng is not None else np.zeros(tiles, np.int64)
        errors = np.zeros((tiles, len(scales)))
        numbers = count()

        def work(thread: int) -> None:
            for number in _below(numbers, tiles):
                scratch, places = self.scratch[thread]
                self._draw(scratch, np.random.default_rng(seeds[number]), drawn=rng is not None)
                gradient = self.gradients[number]
                gradient[:] = 0
                errors[number] = self.run(
                    *self.model, scratch, places, flat, starts, lengths,
                    number * self.tile.width, *scales, gradient,
                )  # fmt: skip

        self.team.share(min(len(self.scratch), tiles), work)
        total = self.gradients[0]
        for other in self.gradients[1:tiles]:
            total += other
        return compared.loss(errors.sum(axis=0)), total

    def _draw(self, scratch: Float32Array, rng: np.random.Generator, *, drawn: bool) -> None:
        """Noise and factors of the dropout into their slabs."""
        windows, shape = self.tile.width, self.plan.shape
        if self.noise > 0:
            noise = _slab(
                scratch, shape[of.NOISE], shape[of.STEPS] * shape[of.CHANNEL_ROWS], windows
            )
            noise[:] = rng.standard_normal(noise.size, np.float32) if drawn else 0
            noise *= np.float32(self.noise)
        left = 1.0 - self.architecture.dropout
        for boundary in self.plan.boundaries:
            size = boundary[col.B_STEPS] * boundary[col.B_ROWS]
            factors = _slab(scratch, boundary[col.B_FACTOR], size, windows)
            factors[:] = (rng.random(factors.size, np.float32) < left) / left if drawn else 1


def training_makers(
    architecture: Architecture, steps: int, backend: Backend
) -> list[Callable[[], Learner]]:
    """What makes the kernel of a `Learner` ready, in any process."""
    return [partial(Learner, architecture, steps, backend)]


def _slab(scratch: Float32Array, at: int, rows: int, windows: int) -> Float32Array:
    return scratch[at * windows : (at + rows) * windows]


def _below(numbers: Iterator[int], end: int) -> Iterator[int]:
    """Numbers of the shared iterator, up to the end."""
    while (number := next(numbers)) < end:
        yield number
