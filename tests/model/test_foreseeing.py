"""Forecasts of one carried state: those of an encoder that has read the entity's whole life."""

from __future__ import annotations

import numpy as np
import pytest

from sentinel.model import reference
from sentinel.model.architecture import Architecture
from sentinel.model.foreseeing import Foreseer
from sentinel.model.prepared import Backend
from sentinel.records import Float32Array
from tests.kernels.samples import random_parameters
from tests.model.test_forecasting import CHANNELS, ENTITIES, lives, stream

ARCHITECTURES = {
    "one layer": Architecture(CHANNELS, 8, decoder_layers=0, forecast=True, horizons=4),
    "two layers": Architecture(CHANNELS, 5, 2, decoder_layers=0, forecast=True, horizons=3),
}


def foreseer_of(architecture: Architecture) -> Foreseer:
    made = Foreseer(random_parameters(architecture, seed=1), Backend())
    made.grow(ENTITIES)
    return made


def advance(
    foreseer: Foreseer, width: int, values: Float32Array, entity: np.ndarray, filled: np.ndarray
) -> tuple[Float32Array, np.ndarray]:
    """The forecasts after each reading, and the entity's age there; rows laid out as rings do."""
    order = np.argsort(entity, kind="stable")
    place = np.empty(len(entity), np.int64)
    place[order] = np.arange(len(entity)) + 7 * entity[order]
    rows = np.full((len(entity) + 7 * ENTITIES, CHANNELS), np.inf, np.float32)
    rows[place] = values
    forecasts = np.full((len(entity), width), np.nan, np.float32)
    age = np.full(len(entity), -1)
    seen = np.full(ENTITIES, -1)
    for found in foreseer.advance(rows, entity, place, filled):
        assert (entity[found.row] == found.entity[:, None]).all()
        assert (np.diff(found.row, axis=1) > 0).all()
        assert (found.row[:, 0] > seen[found.entity]).all(), "not in the order of its readings"
        seen[found.entity] = found.row[:, -1]
        forecasts[found.row] = found.forecasts
        age[found.row] = found.age[:, None] + np.arange(found.row.shape[1])
    return forecasts, age


@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES)
def test_forecasts_are_those_after_all_readings_since_the_entity_began(
    architecture: Architecture,
) -> None:
    values, entity, filled = stream(400, seed=1)
    foreseer, width = foreseer_of(architecture), architecture.horizons * CHANNELS
    forecasts, age = advance(foreseer, width, values, entity, filled)
    parameters = random_parameters(architecture, seed=1)
    for rows in filter(None, lives(entity, filled)):
        x = np.nan_to_num(values[rows]).astype(np.float64)[:, :, None]
        right = reference.forecasts(parameters, x)[:, :, 0]
        np.testing.assert_allclose(forecasts[rows], right, atol=2e-6)
        assert age[rows].tolist() == list(range(len(rows)))


@pytest.mark.parametrize("edges", [[], [30, 31, 100], list(range(1, 400))])
def test_cuts_change_no_bit(edges: list[int]) -> None:
    readings, architecture = stream(400, seed=2), ARCHITECTURES["one layer"]
    whole, _ = advance(foreseer_of(architecture), 12, *readings)
    foreseer = foreseer_of(architecture)
    parts = np.split(np.arange(400), edges)
    found = [advance(foreseer, 12, *(column[part] for column in readings))[0] for part in parts]
    assert np.concatenate(found).tobytes() == whole.tobytes()


def test_no_readings_change_nothing() -> None:
    readings, foreseer = stream(100, seed=6), foreseer_of(ARCHITECTURES["one layer"])
    before = foreseer.arrays(ENTITIES)
    none, _ = advance(foreseer, 12, *(column[:0] for column in readings))
    assert none.shape == (0, 12)
    assert all((array == before[name]).all() for name, array in foreseer.arrays(ENTITIES).items())
