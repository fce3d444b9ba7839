"""Claims about carried states: they are those of one long run, however the readings are cut."""

from __future__ import annotations

import numpy as np
import pytest

from sentinel.errors import ModelError
from sentinel.model import reference
from sentinel.model.architecture import Architecture
from sentinel.model.carrying import StateCarrier, zero_states
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import Backend
from tests.kernels.samples import Float32Array
from tests.model.laid_out import BACKENDS

ENTITIES, STEPS = 45, 6
ARCHITECTURES = {
    "outputs of two layers": Architecture(5, 13, encoder_layers=2),
    "forecasts": Architecture(3, 20, forecast=True),
    "far forecasts": Architecture(3, 20, decoder_layers=0, forecast=True, horizons=7),
}


def readings(architecture: Architecture) -> tuple[Parameters, Float32Array]:
    """A model, and the same number of readings of every entity, one entity after another."""
    rng = np.random.default_rng(3)
    parameters = Parameters.initial(architecture, rng)
    rows = rng.standard_normal((ENTITIES * STEPS, architecture.channels)).astype(np.float32)
    rows[rng.random(rows.shape) < 0.1] = np.nan
    return parameters, rows


def expected(parameters: Parameters, rows: Float32Array) -> np.ndarray:
    """(B, T, ...) in float64, by the reference."""
    architecture = parameters.architecture
    x = np.nan_to_num(rows).reshape(ENTITIES, STEPS, -1).transpose(1, 2, 0).astype(np.float64)
    if architecture.forecast:
        return reference.forecasts(parameters, x).transpose(2, 0, 1)
    return reference.outputs(parameters, x).transpose(2, 0, 1)


@pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)
@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_outputs_are_the_references(architecture: Architecture, backend: Backend) -> None:
    parameters, rows = readings(architecture)
    carrier = StateCarrier(parameters, STEPS, backend)
    found = carrier.advance(
        zero_states(architecture, ENTITIES), rows, np.arange(ENTITIES) * STEPS, np.arange(ENTITIES)
    )
    np.testing.assert_allclose(found, expected(parameters, rows), atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)
@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_a_weight_that_is_no_number_gives_no_plausible_output(
    architecture: Architecture, backend: Backend
) -> None:
    parameters, rows = readings(architecture)
    parameters.flat[0] = np.nan
    found = StateCarrier(parameters, STEPS, backend).advance(
        zero_states(architecture, ENTITIES), rows, np.arange(ENTITIES) * STEPS, np.arange(ENTITIES)
    )
    # One unit's output at first, and by it all of the next step's.
    assert np.isnan(found[:, 2:]).all()


@pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)
@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES)
@pytest.mark.parametrize("threads", [1, 2])
def test_one_reading_at_a_time_in_any_company_gives_the_bits_of_all_at_once(
    architecture: Architecture, backend: Backend, threads: int
) -> None:
    parameters, rows = readings(architecture)
    whole = zero_states(architecture, ENTITIES)
    carrier = StateCarrier(parameters, STEPS, backend)
    at_once = carrier.advance(whole, rows, np.arange(ENTITIES) * STEPS, np.arange(ENTITIES))
    single = zero_states(architecture, ENTITIES)
    carrier = StateCarrier(parameters, 1, Backend(backend.variant, threads))
    rng = np.random.default_rng(4)
    found = np.empty_like(at_once)
    for t in range(STEPS):
        for part in np.split(rng.permutation(ENTITIES), [1, 4, 14]):
            found[part, t] = carrier.advance(single, rows, part * STEPS + t, part)[:, 0]
    assert found.tobytes() == at_once.tobytes()
    assert single.tobytes() == whole.tobytes()


def test_entities_that_are_not_named_keep_their_states() -> None:
    parameters, rows = readings(ARCHITECTURES["forecasts"])
    carrier = StateCarrier(parameters, STEPS, Backend())
    states = zero_states(parameters.architecture, ENTITIES)
    carrier.advance(states, rows, np.arange(ENTITIES) * STEPS, np.arange(ENTITIES))
    before = states.copy()
    carrier.advance(states, rows, np.array([0, STEPS]), np.array([7, 30]))
    changed = np.flatnonzero((states != before).any(axis=(1, 2, 3)))
    assert changed.tolist() == [7, 30]


def test_a_bidirectional_encoder_has_no_state_to_carry() -> None:
    parameters = Parameters.initial(Architecture(2, 4, bidirectional=True), np.random.default_rng())
    with pytest.raises(ModelError, match="bidirectional"):
        StateCarrier(parameters, 1, Backend())
