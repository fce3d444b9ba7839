"""Minibatches of windows to loss and gradient on the device: the twin of `model.learning`.

All is queued on one stream, and only a minibatch's rows and places cross the bus, then the sums of
errors the other way. The same minibatch, parameters and key give the same bits on one device.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import cuda

from sentinel.kernels.cuda.tiling import FLOAT
from sentinel.model.architecture import Architecture
from sentinel.model.cuda.launching import Mirror, gather_rows
from sentinel.model.cuda.network import floats_of_window, lay_out
from sentinel.model.cuda.passing import Pass, Weighing, words
from sentinel.model.cuda.scoring import plan_for
from sentinel.model.cuda.training_kernels import TrainingKernels
from sentinel.model.device import CudaBackend
from sentinel.model.learning import Compared, Loss
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import as_kernels_take
from sentinel.records import Float32Array, TimeArray

# Of a minibatch's slabs: a larger one is taken in parts.
SLAB_BYTES_MAX = 2 << 30
# A gradient is summed in so many parts at most, each from a slice of all terms.
SLICES_MAX, PART_FLOATS_MAX = 32, 1 << 24
# What comes back: each block's sum of squares of the gradient; then, as many of them further on
# each, of the kinds of errors.
SQUARES, REBUILT, FOLLOWING, SUMS = 0, 1, 2, 4


class CudaLearner:
    """Losses and gradients of one architecture on the device; not for concurrent calls.

    windows         of a minibatch, at most
    noise, burn_in  as of `Learner`
    parameters, gradient  (P,) on the device
    """

    def __init__(
        self,
        architecture: Architecture,
        steps: int,
        backend: CudaBackend,
        windows: int,
        noise: float = 0.0,
        burn_in: int = 0,
    ) -> None:
        self.architecture, self.steps = architecture, steps
        self.noise, self.burn_in = noise, burn_in
        self.stream = cuda.stream()
        plan = plan_for(architecture, steps)
        self.chunk = SLAB_BYTES_MAX // (FLOAT * floats_of_window(architecture, steps, plan))
        self.chunk = max(1, min(windows, self.chunk))
        self.network = lay_out(architecture, steps, plan, self._take)
        size = Parameters(architecture).flat.size
        slices = max(1, min(SLICES_MAX, PART_FLOATS_MAX // size))
        self.parameters, self.gradient, parts, packed = (
            cuda.device_array(count, np.float32)
            for count in (size, size, slices * size, len(plan.index))
        )
        self.weights = Weighing(self.parameters, packed, parts, slices, size)
        self.index, self.factors = cuda.to_device(plan.index), cuda.to_device(plan.factor)
        self.rows, self.starts, self.lengths, self.told = (
            Mirror(kind, self.stream) for kind in (np.float32, np.int64, np.int64, np.float64)
        )
        self.kernels = TrainingKernels(architecture.hidden, self.chunk, backend, self.stream)
        self.kernels.allow(self.network.encoder[0][0], self.parameters, packed)
        self.told.room(SUMS * self.kernels.blocks)[:] = 0
        self.told.up(SUMS * self.kernels.blocks)

    def _take(self, floats: int) -> Any:
        return cuda.device_array(self.chunk * floats, np.float32)

    def load(self, parameters: Parameters) -> None:
        """Go on from these parameters."""
        self.parameters.copy_to_device(parameters.flat)

    def minibatch(
        self, rows: Float32Array, starts: TimeArray, lengths: TimeArray, key: int | None = None
    ) -> Compared:
        """Queue the gradient of windows; `collect` must be called before the next one.

        rows, starts, lengths  as of `WindowScorer.score`
        key                    of noise and dropout, 0 to 2^63 - 1; None: there are none
        """
        flat, starts, lengths = as_kernels_take(rows, starts, lengths)
        compared = Compared.of(self.architecture, self.steps, self.burn_in, flat, starts, lengths)
        self.kernels.pack(self.parameters, self.index, self.factors, self.weights.packed)
        self._upload(flat, starts, lengths)
        for first in range(0, len(starts), self.chunk):
            self._part(first, min(self.chunk, len(starts) - first), compared, key)
        return compared

    def collect(self, compared: Compared) -> tuple[Loss, float]:
        """Wait for what is queued; the loss of the newest minibatch, and its gradient's norm."""
        told = self.told.down(SUMS * self.kernels.blocks)
        self.stream.synchronize()
        sums = told.reshape(SUMS, -1).sum(axis=1)
        return compared.loss(sums[REBUILT:]), float(np.sqrt(sums[SQUARES]))

    def _upload(self, flat: Float32Array, starts: TimeArray, lengths: TimeArray) -> None:
        """The rows that the windows span, each once, and where the windows begin in them."""
        channels, count = self.architecture.channels, len(starts)
        self.rows.room(int(lengths.sum()) * channels)
        self.starts.room(count)
        self.lengths.room(count)[:] = lengths
        order = np.argsort(starts, kind="stable")
        gathered = gather_rows(
            flat, starts, lengths, order, channels, self.rows.host, self.starts.host
        )
        self.rows.up(gathered * channels)
        self.starts.up(count)
        self.lengths.up(count)

    def _part(self, first: int, batch: int, compared: Compared, key: int | None) -> None:
        """Windows first, first + 1, ...: their errors and gradient, added to those before them."""
        architecture, network, kernels = self.architecture, self.network, self.kernels
        add, channels, errors = int(first > 0), architecture.channels, self.told.device
        windows = (
            self.rows.device, self.starts.device, self.lengths.device, first, batch, self.steps,
            channels,
        )  # fmt: skip
        noise, left = (0.0, 1.0) if key is None else (self.noise, 1.0 - architecture.dropout)
        kernels.lay_out(*windows, np.float32(noise), *words(key or 0), network.x.raw)
        passing = Pass(
            kernels, network, self.weights, architecture.hidden, self.steps, first, batch,
            np.float32(left), key or 0,
        )  # fmt: skip
        passing.forward()
        rebuilt, following, ahead = compared.scales
        if network.rebuilding is not None:
            kernels.rebuilt_loss(
                *windows, rebuilt, network.rebuilding.out, errors, REBUILT * kernels.blocks, add
            )
        if network.forecasting is not None:
            kernels.forecast_loss(
                *windows, architecture.horizons, self.burn_in, following, ahead,
                network.forecasting.out, errors, FOLLOWING * kernels.blocks, add,
            )  # fmt: skip
        passing.backward()
        kernels.sum_parts(
            self.weights.parts, self.weights.slices, add, self.gradient, errors, SQUARES
        )
