"""States of many entities, carried on by their newest readings: one step a reading."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sentinel.errors import ModelError
from sentinel.kernels.states import STATES, advance_few, advance_many
from sentinel.model.architecture import Architecture
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import (
    Backend,
    Kernels,
    PreparedKernel,
    as_kernels_take,
    makers,
)  # fmt: skip
from sentinel.records import Float32Array, TimeArray


def zero_states(architecture: Architecture, entities: int) -> Float32Array:
    """The encoder's states (E, layers, 2, H) of so many entities before their first readings."""
    shape = entities, architecture.encoder_layers, STATES, architecture.hidden
    return np.zeros(shape, np.float32)


class StateCarrier:
    """Carries the encoder's states (h, c) of entities on, some readings at a call.

    steps   readings that every entity of a call is advanced by
    Not for concurrent calls: the scratch is the carrier's own.
    """

    def __init__(self, parameters: Parameters, steps: int, backend: Backend) -> None:
        architecture = parameters.architecture
        if architecture.bidirectional:
            raise ModelError("a bidirectional encoder has no state to carry")
        self.steps = steps
        hidden = architecture.hidden
        forecasts = architecture.horizons * architecture.channels
        self.width = forecasts if architecture.forecast else hidden
        self.kernels = Kernels(carrying_makers(architecture, steps, backend))
        self.kernels.load(parameters.flat)

    def advance(
        self, states: Float32Array, rows: Float32Array, starts: TimeArray, entities: TimeArray
    ) -> Float32Array:
        """Advance the states of some entities, each by its next readings.

        states    (E, layers, 2, H) from `zero_states`; updated
        rows      (N, F) scaled; NaN = missing: read as 0
        starts    (B,) int64, first row of each entity's readings
        entities  (B,) int64, each at most once
        Returns (B, steps, horizons x F) forecasts of the readings after each, or (B, steps, H)
        outputs of the last layer where the model has no forecasting head.
        """
        flat, starts, entities = as_kernels_take(rows, starts, entities)
        states = states.reshape(-1)
        lengths = np.full(len(starts), self.steps)
        outputs = np.empty((len(starts), self.steps, self.width), np.float32)
        for kernel, part in self.kernels.parts(len(starts)):
            which = (starts[part], lengths[part], entities[part])
            queue = np.zeros(1, np.int64)
            kernel(part.stop - part.start, flat, *which, states, queue, outputs[part])
        return outputs


def carrying_makers(
    architecture: Architecture, steps: int, backend: Backend
) -> list[Callable[[], PreparedKernel]]:
    """What makes each of the kernels of a `StateCarrier` ready, in any order and any process."""
    number, one = np.zeros(0, np.float32), np.zeros(0, np.int64)
    nothing = (number, one, one, one, number, one, np.zeros((0, 0, 0), np.float32))
    return makers(advance_many, advance_few, architecture, steps, backend, nothing, carried=True)
