"""Parameters in training on the device: the twin of `model.trainer`.

Parameters, gradient and moments stay there between steps.
"""

from __future__ import annotations

import numpy as np
from numba import cuda

from sentinel.kernels.optimizer import adam_rates
from sentinel.model.cuda.failures import device_failures
from sentinel.model.cuda.learning import SQUARES, CudaLearner
from sentinel.model.device import CudaBackend
from sentinel.model.learning import Loss
from sentinel.model.parameters import Parameters
from sentinel.model.trainer import Minibatches
from sentinel.records import Float32Array, TimeArray


class CudaTrainer:
    """Trains a copy of these parameters; not for concurrent calls.

    It is shown the windows that the CPU would be shown. Noise and dropout are drawn on the device,
    by numbers of its own: with either, a training there is another one than on the CPU.
    Raises DeviceError where the GPU fails; what was trained until then is lost with it.
    """

    @device_failures()
    def __init__(
        self, parameters: Parameters, minibatches: Minibatches, backend: CudaBackend
    ) -> None:
        self.architecture, self.minibatches = parameters.architecture, minibatches
        self.learner = CudaLearner(
            parameters.architecture, minibatches.steps, backend, minibatches.windows,
            minibatches.input_noise, minibatches.burn_in,
        )  # fmt: skip
        self.learner.load(parameters)
        nothing = np.zeros_like(parameters.flat)
        self.m, self.v = cuda.to_device(nothing), cuda.to_device(nothing)
        self.cpu_tile = backend.cpu.variant.many.width
        self.steps = 0

    def __enter__(self) -> CudaTrainer:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left to wait for: every step has."""

    @device_failures()
    def step(
        self,
        rows: Float32Array,
        starts: TimeArray,
        lengths: TimeArray,
        rng: np.random.Generator,
        learning_rate: float,
    ) -> tuple[Loss, float]:
        """As `Trainer.step`."""
        # As many as the CPU draws, one for each of its tiles: the generator draws windows, too.
        keys = rng.integers(0, 2**63, -(-len(starts) // self.cpu_tile))
        learner, settings = self.learner, self.minibatches
        compared = learner.minibatch(rows, starts, lengths, int(keys[0]))
        self.steps += 1
        squares = learner.told.device, SQUARES, settings.clip_norm
        if settings.optimizer == "rmsprop":
            learner.kernels.rmsprop_step(
                learner.parameters, learner.gradient, self.v, *squares, np.float32(learning_rate)
            )
        else:
            learner.kernels.adam_step(
                learner.parameters, learner.gradient, self.m, self.v, *squares,
                *adam_rates(self.steps, learning_rate, settings.decay),
            )  # fmt: skip
        return learner.collect(compared)

    @device_failures()
    def parameters(self) -> Parameters:
        """A copy of what they are now."""
        return Parameters(self.architecture, self.learner.parameters.copy_to_host())
