"""Whether the GPU finds on a small case what the CPU does."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

import numpy as np

from sentinel.model.architecture import Architecture
from sentinel.model.backends import carried_states, window_scorer
from sentinel.model.carrying import zero_states
from sentinel.model.cuda.tilings import tiling_of
from sentinel.model.device import CudaBackend
from sentinel.model.learning import Learner
from sentinel.model.parameters import Parameters
from sentinel.model.protocols import CarriesStates
from sentinel.records import Float32Array, TimeArray

STEPS, WINDOWS = 4, 33
# |gpu - cpu| <= DIFFERENCE_MAX + SHARE_MAX |cpu|
DIFFERENCE_MAX, SHARE_MAX = 1e-5, 1e-4

Pair: TypeAlias = tuple[Float32Array, Float32Array]


def difference_of_twins(gpu: CudaBackend, architecture: Architecture) -> float:
    """Largest difference between both, in multiples of what is allowed.

    Of windows' errors and of carried states, as far as the model has either; of a GPU that trains,
    of the gradient, too. Infinite where one of both is NaN and the other is not.
    """
    rng = np.random.default_rng(0)
    parameters = Parameters.initial(replace(architecture, dropout=0.0), rng)
    rows = rng.standard_normal((WINDOWS + STEPS, architecture.channels)).astype(np.float32)
    rows[rng.random(rows.shape) < 0.1] = np.nan
    pairs = []
    if architecture.decoder_layers:
        pairs += _scores(gpu, parameters, rows)
    if architecture.forecast:
        pairs += _states(gpu, parameters, rows)
    if gpu.trains:
        pairs.append(_gradients(gpu, parameters, rows, np.arange(WINDOWS)))
    return max(excess(found, right) for found, right in pairs)


def _counts(gpu: CudaBackend, architecture: Architecture, *, carried: bool) -> tuple[int, int]:
    """So few windows, or entities, that the device gets narrow tiles, and so many that it does not.

    Many are few that are there again and again: all of them are checked, and the CPU does not wait.
    """
    wide = tiling_of(architecture, gpu.shared_bytes, carried=carried).windows
    return WINDOWS, gpu.multiprocessors * wide + 1


def _scores(gpu: CudaBackend, parameters: Parameters, rows: Float32Array) -> list[Pair]:
    """By both, of windows."""
    there, here = (window_scorer(parameters, STEPS, device) for device in (gpu, gpu.cpu))
    starts = np.arange(WINDOWS)
    right = here.score(rows, starts, np.full(WINDOWS, STEPS))
    pairs = []
    for count in _counts(gpu, parameters.architecture, carried=False):
        which = np.arange(count) % WINDOWS
        found = there.score(rows, starts[which], np.full(count, STEPS))
        pairs += [(found.errors, right.errors[which]), (found.expected, right.expected[which])]
    return pairs


def _states(gpu: CudaBackend, parameters: Parameters, rows: Float32Array) -> list[Pair]:
    """By both, of entities that take two readings each: what is forecast, and their states."""
    counts = _counts(gpu, parameters.architecture, carried=True)
    start = zero_states(parameters.architecture, 1)
    there, here = (carried_states(parameters, start, device, (1,)) for device in (gpu, gpu.cpu))
    there.grow(max(counts))
    here.grow(WINDOWS)

    def forecasts(of: CarriesStates, count: int) -> Float32Array:
        which, slots = np.arange(count) % WINDOWS, np.arange(count)
        begins = np.ones(count, np.bool_)
        return np.concatenate(
            [of.advance(rows, which + t, slots, begins & (t == 0), 1) for t in range(2)], axis=1
        )

    right, right_states = forecasts(here, WINDOWS), here.arrays(WINDOWS)["encoder"]
    pairs = []
    for count in counts:
        which = np.arange(count) % WINDOWS
        pairs.append((forecasts(there, count), right[which]))
        pairs.append((there.arrays(count)["encoder"], right_states[which]))
    return pairs


def _gradients(
    gpu: CudaBackend, parameters: Parameters, rows: Float32Array, starts: TimeArray
) -> Pair:
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
