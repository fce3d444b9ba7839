"""Whether the GPU finds on a small case what the CPU does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sentinel.model.architecture import Architecture
from sentinel.model.backends import CudaBackend, Device, state_carrier, window_scorer
from sentinel.model.carrying import zero_states
from sentinel.model.learning import Learner
from sentinel.model.parameters import Parameters
from sentinel.records import Float32Array, TimeArray

STEPS, WINDOWS = 4, 33
# |gpu - cpu| <= DIFFERENCE_MAX + SHARE_MAX |cpu|
DIFFERENCE_MAX, SHARE_MAX = 1e-5, 1e-4


def difference_of_twins(gpu: CudaBackend, architecture: Architecture) -> float:
    """Largest difference between both, in multiples of what is allowed.

    Of windows' errors and of carried states, as far as the model has either; of a GPU that trains,
    of the gradient, too. Infinite where one of both is NaN and the other is not.
    """
    rng = np.random.default_rng(0)
    parameters = Parameters.initial(replace(architecture, dropout=0.0), rng)
    rows = rng.standard_normal((WINDOWS + STEPS, architecture.channels)).astype(np.float32)
    rows[rng.random(rows.shape) < 0.1] = np.nan
    starts, pairs = np.arange(WINDOWS), []
    devices: tuple[Device, Device] = (gpu, gpu.cpu)
    if architecture.decoder_layers:
        there, here = (
            window_scorer(parameters, STEPS, device).score(rows, starts, np.full(WINDOWS, STEPS))
            for device in devices
        )
        pairs += [(there.errors, here.errors), (there.expected, here.expected)]
    if architecture.forecast:
        states = [zero_states(architecture, WINDOWS) for _ in range(2)]
        ahead, behind = (
            state_carrier(parameters, 1, device).advance(state, rows, starts, np.arange(WINDOWS))
            for device, state in zip(devices, states, strict=True)
        )
        pairs += [(ahead, behind), (states[0], states[1])]
    if gpu.trains:
        pairs.append(_gradients(gpu, parameters, rows, starts))
    return max(excess(found, right) for found, right in pairs)


def _gradients(
    gpu: CudaBackend, parameters: Parameters, rows: Float32Array, starts: TimeArray
) -> tuple[Float32Array, Float32Array]:
    """By both, of the loss of windows."""
    from sentinel.model.cuda.learning import CudaLearner

    places = rows, starts, np.full(len(starts), STEPS)
    with Learner(parameters.architecture, STEPS, gpu.cpu) as learner:
        _, here = learner.gradient(parameters, *places)
    twin = CudaLearner(parameters.architecture, STEPS, gpu, len(starts))
    twin.load(parameters)
    twin.collect(twin.minibatch(*places))
    return twin.gradient.copy_to_host(), here


def excess(gpu: Float32Array, cpu: Float32Array) -> float:
    """Largest difference of two arrays in multiples of what is allowed."""
    if not np.array_equal(np.isnan(gpu), np.isnan(cpu)):
        return float("inf")
    allowed = DIFFERENCE_MAX + SHARE_MAX * np.abs(cpu)
    return float(np.nanmax(np.abs(gpu - cpu) / allowed, initial=0.0))
