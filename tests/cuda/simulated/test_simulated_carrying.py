"""States carried by the CUDA twin are those that the CPU carries."""

from __future__ import annotations

import numpy as np
import pytest

from sentinel.model.architecture import Architecture
from sentinel.model.backends import state_carrier
from sentinel.model.carrying import StateCarrier, zero_states
from sentinel.model.device import CudaBackend
from sentinel.model.prepared import Backend
from tests.cuda.close import assert_twins
from tests.kernels.samples import random_parameters

CPU = Backend()
ENTITIES, READINGS = 9, 4
ARCHITECTURES = {
    "outputs of two layers": Architecture(3, 5, encoder_layers=2),
    "forecasts": Architecture(2, 3, forecast=True),
    "forecasts of three horizons": Architecture(2, 3, 1, 0, forecast=True, horizons=3),
    "forecasts of three layers": Architecture(1, 4, encoder_layers=3, forecast=True),
}


@pytest.mark.parametrize("multiprocessors", [1, 100], ids=["wide tiles", "narrow tiles"])
@pytest.mark.parametrize("steps", [1, 2])
@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_states_and_outputs_are_those_of_the_cpu(
    architecture: Architecture, steps: int, multiprocessors: int
) -> None:
    rng = np.random.default_rng(5)
    parameters = random_parameters(architecture, seed=1)
    rows = rng.standard_normal((ENTITIES * READINGS, architecture.channels)).astype(np.float32)
    rows[rng.random(rows.shape) < 0.2] = np.nan
    device = CudaBackend(CPU, 99 * 1024, multiprocessors)
    twins = [state_carrier(parameters, steps, device), StateCarrier(parameters, steps, CPU)]
    states = [zero_states(architecture, ENTITIES) for _ in twins]
    for t in range(0, READINGS, steps):
        # Each time some of the entities, in some order: the states of the others stay.
        entities = rng.permutation(ENTITIES)[: ENTITIES - t % 3]
        starts = entities * READINGS + t
        gpu, cpu = (
            twin.advance(state, rows, starts, entities)
            for twin, state in zip(twins, states, strict=True)
        )
        assert_twins(gpu, cpu)
        assert_twins(*states)
