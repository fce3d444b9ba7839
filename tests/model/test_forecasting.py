"""Forecasts: those of an encoder begun from zero at the right readings, however they are cut."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from sentinel.model.architecture import Architecture
from sentinel.model.forecasting import Forecaster
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import Backend
from sentinel.records import Float32Array, FloatArray
from tests.kernels.samples import random_parameters
from tests.model.plain_forecasts import plain_forecasts

CHANNELS, ENTITIES = 3, 5
PARAMETERS = random_parameters(Architecture(CHANNELS, 8, forecast=True), seed=1)
DEEP = random_parameters(Architecture(CHANNELS, 5, encoder_layers=2, forecast=True), seed=2)
LENGTHS = [4, 5, 15, 16]


def stream(rows: int, seed: int) -> tuple[Float32Array, np.ndarray, np.ndarray]:
    """Values, some missing; entities in any order; readings since each began, at most enough.

    An entity begins with its first reading, and anew after a few gaps.
    """
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rows, CHANNELS)).astype(np.float32)
    values[rng.random(values.shape) < 0.1] = np.nan
    entity = rng.integers(0, ENTITIES, rows).astype(np.int32)
    filled, count = np.empty(rows, np.int32), dict.fromkeys(range(ENTITIES), 0)
    for n, e in enumerate(entity.tolist()):
        count[e] = 1 if rng.random() < 0.01 else count[e] + 1
        filled[n] = min(count[e], 16)
    return values, entity, filled


def advance(
    forecaster: Forecaster, values: Float32Array, entity: np.ndarray, filled: np.ndarray
) -> Float32Array:
    """Lay the readings out as rings do: an entity's one after another, and other rows between."""
    order = np.argsort(entity, kind="stable")
    place = np.empty(len(entity), np.int64)
    place[order] = np.arange(len(entity)) + 7 * entity[order]
    rows = np.full((len(entity) + 7 * ENTITIES, CHANNELS), np.inf, np.float32)
    rows[place] = values
    return forecaster.advance(rows, entity, place, filled)


def forecaster_of(window_length: int, parameters: Parameters = PARAMETERS) -> Forecaster:
    made = Forecaster(parameters, window_length, Backend())
    made.grow(ENTITIES)
    return made


def lives(entity: np.ndarray, filled: np.ndarray) -> Iterator[list[int]]:
    """The rows of each entity from one beginning to the next."""
    for e in range(ENTITIES):
        mine = np.flatnonzero(entity == e)
        yield from (part.tolist() for part in np.split(mine, np.flatnonzero(filled[mine] == 1)))


def expected_of(
    parameters: Parameters,
    window_length: int,
    values: Float32Array,
    entity: np.ndarray,
    filled: np.ndarray,
) -> FloatArray:
    expected = np.full(values.shape, np.nan)
    for rows in lives(entity, filled):
        expected[rows] = plain_forecasts(parameters, window_length, values[rows])
    return expected


@pytest.mark.parametrize("window_length", LENGTHS)
@pytest.mark.parametrize("parameters", [PARAMETERS, DEEP], ids=["one layer", "two layers"])
def test_forecasts_are_those_of_an_encoder_begun_half_a_period_to_a_whole_one_ago(
    window_length: int, parameters: Parameters
) -> None:
    readings = stream(400, seed=window_length)
    found = advance(forecaster_of(window_length, parameters), *readings)
    expected = expected_of(parameters, window_length, *readings)
    np.testing.assert_allclose(found, expected, atol=2e-6)
    assert np.isnan(found[readings[2] == 1]).all()


@pytest.mark.parametrize("window_length", LENGTHS)
@pytest.mark.parametrize("seed", range(4))
def test_cuts_change_no_bit(window_length: int, seed: int) -> None:
    readings = stream(400, seed)
    whole = advance(forecaster_of(window_length), *readings)
    rng, cut = np.random.default_rng(seed), forecaster_of(window_length)
    edges = np.sort(rng.integers(0, 400, (0, 3, 40, 400)[seed]))
    if seed == 3:
        edges = np.arange(1, 400)
    parts = np.split(np.arange(400), edges)
    found = np.concatenate([advance(cut, *(column[part] for column in readings)) for part in parts])
    assert found.tobytes() == whole.tobytes()


def test_an_entity_is_forecast_alone_as_in_company() -> None:
    values, entity, filled = stream(400, seed=5)
    together = advance(forecaster_of(16), values, entity, filled)
    for e in range(ENTITIES):
        mine = entity == e
        alone = advance(forecaster_of(16), values[mine], entity[mine], filled[mine])
        assert alone.tobytes() == together[mine].tobytes()


def test_no_readings_have_no_forecasts_and_change_nothing() -> None:
    readings = stream(100, seed=6)
    steady, made = forecaster_of(16), forecaster_of(16)
    for part in (slice(0, 60), slice(60, 60), slice(60, 100)):
        some = tuple(column[part] for column in readings)
        found = advance(made, *some)
        assert found.shape == (len(some[1]), CHANNELS)
        if len(some[1]):
            assert found.tobytes() == advance(steady, *some).tobytes()


def test_room_for_more_entities_changes_nothing_of_the_others() -> None:
    values, entity, filled = stream(300, seed=7)
    whole = advance(forecaster_of(16), values, entity, filled)
    made, found = forecaster_of(16), []
    for part, room in ((slice(0, 150), 40), (slice(150, 300), 41)):
        found.append(advance(made, values[part], entity[part], filled[part]))
        made.grow(room)
    assert np.concatenate(found).tobytes() == whole.tobytes()


def test_no_reading_is_seen_by_its_own_forecast() -> None:
    values, entity, filled = stream(200, seed=8)
    other = values.copy()
    other[120] += 5
    one = advance(forecaster_of(16), values, entity, filled)
    two = advance(forecaster_of(16), other, entity, filled)
    changed = np.flatnonzero((one != two).any(axis=1) & ~np.isnan(one).any(axis=1))
    assert changed.min() > 120
    assert (entity[changed] == entity[120]).all()
