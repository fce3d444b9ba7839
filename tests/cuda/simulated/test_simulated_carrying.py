"""States carried by the CUDA twin are those that the CPU carries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numba import cuda

from sentinel.model.architecture import Architecture
from sentinel.model.backends import carried_states
from sentinel.model.carrying import zero_states
from sentinel.model.cuda.carrying import CudaCarriedStates
from sentinel.model.device import CudaBackend
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import Backend
from sentinel.model.protocols import CarriesStates
from tests.cuda.close import assert_twins
from tests.kernels.samples import random_parameters

CPU = Backend()
ENTITIES, READINGS = 9, 4
FORECASTS = Architecture(2, 3, forecast=True)
ARCHITECTURES = {
    "outputs of two layers": Architecture(3, 5, encoder_layers=2),
    "forecasts": FORECASTS,
    "forecasts of three horizons": Architecture(2, 3, 1, 0, forecast=True, horizons=3),
    "forecasts of three layers": Architecture(1, 4, encoder_layers=3, forecast=True),
}


def twins_of(parameters: Parameters, device: CudaBackend, steps: int) -> list[CarriesStates]:
    """Of so many entities, by the device and by the CPU."""
    start = zero_states(parameters.architecture, 1)
    made = [carried_states(parameters, start, which, (steps,)) for which in (device, CPU)]
    for twin in made:
        twin.grow(ENTITIES)
    return made


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
    twins = twins_of(parameters, device, steps)
    for t in range(0, READINGS, steps):
        # Each time some of the entities, in some order: the states of the others stay.
        entities = rng.permutation(ENTITIES)[: ENTITIES - t % 3]
        # Some begin anew.
        begins = (entities == 4) | (t == 0)
        gpu, cpu = (
            twin.advance(rows, entities * READINGS + t, entities, begins, steps) for twin in twins
        )
        assert_twins(gpu, cpu)
        if t:  # those of the device are fetched, and go on there
            assert_twins(*(twin.arrays(ENTITIES)["encoder"] for twin in twins))


def crossings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many numbers of states are sent to the device, and how many come back (less than 0)."""
    found: list[int] = []
    fetch, send = CudaCarriedStates.fetch, cuda.to_device

    def fetched(self: CudaCarriedStates) -> None:
        if self.ahead:
            found.append(-self.states.size)
        fetch(self)

    def sent(array: np.ndarray) -> Any:
        found.append(array.size)
        return send(array)

    monkeypatch.setattr(CudaCarriedStates, "fetch", fetched)
    monkeypatch.setattr(cuda, "to_device", sent)
    return found


def test_states_cross_the_bus_only_for_a_snapshot_and_where_their_number_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parameters = random_parameters(FORECASTS, seed=1)
    twins = twins_of(parameters, CudaBackend(CPU, 99 * 1024, 1), 1)
    crossed, size = crossings(monkeypatch), ENTITIES * 2 * FORECASTS.hidden
    rows = np.random.default_rng(7).standard_normal((ENTITIES + 8, 2)).astype(np.float32)
    number = 0

    def go_on() -> list[int]:
        """A few calls of both; what crossed the bus since the last time."""
        nonlocal number
        for _ in range(3):
            number += 1
            who = np.arange(number % 3, ENTITIES)
            found = [twin.advance(rows, who + number % 8, who, who == number, 1) for twin in twins]
            assert_twins(*found)
        told, crossed[:] = crossed[:], []
        return told

    assert go_on() == [size]
    assert go_on() == []
    snapshots = [twin.arrays(ENTITIES) for twin in twins]
    assert_twins(*(found["encoder"] for found in snapshots))
    assert go_on() == [-size]
    for twin in twins:
        twin.forget(np.array([2, 5]))
    assert go_on() == [-size, size]
    for twin in twins:
        twin.grow(ENTITIES + 3)
    assert go_on() == [-size, size + 3 * 2 * FORECASTS.hidden]
    for twin, found in zip(twins, snapshots, strict=True):
        twin.restore(found)
    assert go_on() == [size]
    assert_twins(*(twin.arrays(ENTITIES)["encoder"] for twin in twins))
