"""States of many entities, carried on by their newest readings: one step a reading."""

from __future__ import annotations

import numpy as np

from sentinel.errors import ModelError
from sentinel.kernels.states import STATES, advance_few, advance_many
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import Backend, Kernels, as_kernels_take, makers
from sentinel.records import Float32Array, TimeArray


class StateCarrier:
    """The encoder's states (h, c) of E entities, all zero at first.

    steps   readings that every entity of a call is advanced by
    states  (E, layers, 2, H) float32
    Not for concurrent calls: the scratch is the carrier's own.
    """

    def __init__(self, parameters: Parameters, steps: int, entities: int, backend: Backend) -> None:
        architecture = parameters.architecture
        if architecture.bidirectional:
            raise ModelError("a bidirectional encoder has no state to carry")
        self.steps = steps
        layers, hidden = architecture.encoder_layers, architecture.hidden
        self.states = np.zeros((entities, layers, STATES, hidden), np.float32)
        self.width = architecture.channels if architecture.forecast else hidden
        number, one = np.zeros(0, np.float32), np.zeros(0, np.int64)
        arguments = (number, one, one, one, number, one, np.zeros((0, 0, 0), np.float32))
        self.kernels = Kernels(
            makers(advance_many, advance_few, architecture, steps, backend, arguments, carried=True)
        )
        self.kernels.load(parameters.flat)

    def advance(self, rows: Float32Array, starts: TimeArray, entities: TimeArray) -> Float32Array:
        """Advance the states of some entities, each by its next readings.

        rows      (N, F) scaled; NaN = missing: read as 0
        starts    (B,) int64, first row of each entity's readings
        entities  (B,) int64, each at most once
        Returns (B, steps, F) forecasts of the reading after each, or (B, steps, H) outputs of the
        last layer where the model has no forecasting head.
        """
        flat, starts, entities = as_kernels_take(rows, starts, entities)
        states = self.states.reshape(-1)
        lengths = np.full(len(starts), self.steps)
        outputs = np.empty((len(starts), self.steps, self.width), np.float32)
        for kernel, part in self.kernels.parts(len(starts)):
            which = (starts[part], lengths[part], entities[part])
            queue = np.zeros(1, np.int64)
            kernel(part.stop - part.start, flat, *which, states, queue, outputs[part])
        return outputs
