"""States that a GPU carries are those that the CPU carries."""

from __future__ import annotations

import numpy as np
import pytest

from sentinel.model.architecture import Architecture
from sentinel.model.backends import carried_states
from sentinel.model.carrying import zero_states
from sentinel.model.device import CudaBackend
from tests.cuda.close import assert_twins
from tests.cuda.gpu.sizes import ENTITIES
from tests.cuda.gpu_here import SIMULATED
from tests.kernels.samples import random_parameters

F, H = (2, 3) if SIMULATED else (5, 48)
READINGS = 3
ARCHITECTURES = {
    "outputs": Architecture(F, H),
    "outputs of three layers": Architecture(F, H, encoder_layers=3),
    "forecasts": Architecture(F, H, forecast=True),
    "forecasts of many horizons": Architecture(F, H, 1, 0, forecast=True, horizons=16),
    "forecasts of two layers": Architecture(F, H, 2, 0, forecast=True, horizons=2),
    "one unit": Architecture(1, 1, forecast=True),
    "wide": Architecture(F, 5 if SIMULATED else 129, forecast=True),
}


@pytest.mark.parametrize("entities", ENTITIES)
@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_states_and_outputs_are_those_of_the_cpu(
    gpu: CudaBackend, architecture: Architecture, steps: int, entities: int
) -> None:
    rng = np.random.default_rng(entities)
    parameters = random_parameters(architecture, seed=1)
    rows = rng.standard_normal((entities * READINGS, architecture.channels), np.float32)
    rows[rng.random(rows.shape) < 0.1] = np.nan
    start = zero_states(architecture, 1)
    twins = [carried_states(parameters, start, device, (steps,)) for device in (gpu, gpu.cpu)]
    for twin in twins:
        twin.grow(entities)
    for t in range(0, READINGS, steps):
        # Each time some of the entities, in some order: the states of the others stay.
        chosen = rng.permutation(entities)[: max(1, entities - t % 3)]
        begins = (chosen % 5 == 1) | (t == 0)  # some anew
        there, here = (
            twin.advance(rows, chosen * READINGS + t, chosen, begins, steps) for twin in twins
        )
        assert_twins(there, here)
        if t:
            assert_twins(*(twin.arrays(entities)["encoder"] for twin in twins))
