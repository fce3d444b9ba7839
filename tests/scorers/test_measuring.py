"""What every reading is measured by: its forecast, the newest rebuilt window, the companions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sentinel.fitted import FittedModel
from sentinel.model import reference
from sentinel.model.prepared import Backend
from sentinel.records import Float32Array, FloatArray, Readings
from sentinel.score.kinds import DISPERSION, FORECAST, NEAREST, QUARTER, SUBSPACE, WHOLE
from sentinel.scorers.measuring import Measured, Measurer
from sentinel.scorers.run import Run
from sentinel.window.rings import Outcome, Rings
from tests.detector.joint import CHANNELS, EVERY, WINDOW_LENGTH, joint_model, scaled
from tests.detector.toy import toy_readings
from tests.model.plain_forecasts import plain_forecasts
from tests.score.plain_foresight import plain_foresight

T = WINDOW_LENGTH
OF_THE_READING = (FORECAST, SUBSPACE, NEAREST, DISPERSION)


def measure(model: FittedModel, readings: Readings, every: int = EVERY) -> Measured:
    """All readings in one run."""
    assert model.recipe is not None
    entities = int(readings.entity.max()) + 1
    rings = Rings(model.scaling, T, every, model.max_gap_ns, windows_max=4096, in_turn=True)
    measurer = Measurer(
        model.parameters, model.recipe.companions, model.recipe.calibration.kinds, T, every,
        Backend(),
    )  # fmt: skip
    rings.grow(entities)
    measurer.grow(entities)
    outcome = Outcome.of(len(readings))
    taken = rings.fill(readings, 0, outcome)
    assert taken.stop == len(readings)
    return measurer.measure(Run(readings, 0, taken, outcome, rings))


def window_squares(model: FittedModel, window: Float32Array) -> FloatArray:
    """(T, F) squared errors of a window's reconstruction; NaN = missing."""
    x = np.nan_to_num(window).astype(np.float64)
    rebuilt = reference.reconstruct(model.parameters, x[:, :, None])[:, :, 0]
    return np.asarray((rebuilt - window.astype(np.float64)) ** 2)


def holed(count: int, entity: int = 0) -> Readings:
    """Tidy readings of one entity, a tenth of the values missing, and a gap in the middle."""
    readings = toy_readings(count, channels=CHANNELS, seed=entity + 1, tidy=True)
    holes = np.random.default_rng(entity).random(readings.values.shape) < 0.1
    readings.values[holes & (np.arange(count) % 4 > 0)[:, None]] = np.nan
    readings.time_ns[count // 2 :] += 10**12
    return replace(readings, entity=np.full(count, entity, np.int32))


@pytest.mark.parametrize("entity", [0, 3])
@pytest.mark.parametrize("every", [1, EVERY])
def test_errors_are_those_of_the_forecast_and_of_the_newest_rebuilt_window(
    entity: int, every: int
) -> None:
    """The first full window is rebuilt; the second one sooner, for entities to take turns."""
    model, readings = joint_model(), holed(120, entity)
    found, x = measure(model, readings, every), scaled(model, readings.values)
    rows = []
    for life in (range(60), range(60, 120)):
        here = x[life.start : life.stop]
        forecasts = plain_forecasts(model.parameters, T, here)
        rebuilt, turn = T - 1, int(every * (entity * (5**0.5 - 1) / 2 % 1))
        for n in range(T - 1, 60):
            if n - rebuilt == (every if rebuilt > T - 1 else every - turn % every):
                rebuilt = n
            squares = window_squares(model, here[rebuilt + 1 - T : rebuilt + 1])
            at = len(rows)
            rows.append(life.start + n)
            expected = {
                FORECAST: (here[n] - forecasts[n]) ** 2,
                QUARTER: np.nanmean(squares[-T // 4 :], axis=0),
                WHOLE: np.nanmean(squares, axis=0),
            }
            for kind, errors in expected.items():
                np.testing.assert_allclose(found.errors[at, kind], errors, rtol=1e-3, atol=1e-5)
            np.testing.assert_allclose(found.expected[at], forecasts[n], atol=1e-5)
    assert found.row.tolist() == rows
    assert rows[np.flatnonzero(found.begins)[1]] == 60 + T - 1
    assert found.begins.sum() == 2


def test_a_light_model_compares_a_reading_with_all_that_was_forecast_of_it() -> None:
    """Its state goes on for good, and begins anew after a gap."""
    model, readings = joint_model("light"), holed(120)
    found, x = measure(model, readings), scaled(model, readings.values)
    rows = []
    for life in (range(60), range(60, 120)):
        here = x[life.start : life.stop]
        state = np.nan_to_num(here).astype(np.float64)[:, :, None]
        forecasts = reference.forecasts(model.parameters, state)[:, :, 0]
        newest, errors = plain_foresight(here, forecasts, T)
        at = slice(len(rows), len(rows) + 60 - (T - 1))
        rows += life[T - 1 :]
        np.testing.assert_allclose(
            found.errors[at][:, [FORECAST, QUARTER, WHOLE]], errors[T - 1 :], rtol=1e-3, atol=1e-5
        )
        np.testing.assert_allclose(found.expected[at], newest[T - 1 :], atol=1e-5)
    assert found.row.tolist() == rows


def test_the_companions_of_a_light_model_look_once_within_their_reach() -> None:
    model, readings = joint_model("light"), toy_readings(60, channels=CHANNELS, seed=3, tidy=True)
    assert model.recipe is not None
    seldom, often = (measure(model, readings, every).errors[:, SUBSPACE] for every in (EVERY, 1))
    looks = np.flatnonzero((np.diff(seldom, axis=0) != 0).any(axis=1)) + 1
    assert set(np.diff(looks).tolist()) == {EVERY}
    np.testing.assert_array_equal(seldom[looks], often[looks])


def test_a_missing_value_has_no_error_and_the_other_channels_keep_theirs() -> None:
    model, readings = joint_model(), toy_readings(60, channels=CHANNELS, seed=3, tidy=True)
    whole = measure(model, readings)
    readings.values[-1, 1] = np.nan
    found = measure(model, readings)
    of_the_reading = found.errors[-1, OF_THE_READING]
    assert np.isnan(of_the_reading[:, 1]).all()
    assert np.isfinite(of_the_reading[:, [0, 2]]).all()
    np.testing.assert_array_equal(found.errors[:-1], whole.errors[:-1])
    np.testing.assert_array_equal(
        found.errors[-1, FORECAST, [0, 2]], whole.errors[-1, FORECAST, [0, 2]]
    )


def test_a_channel_that_died_has_no_error_of_any_kind_once_its_values_have_left_the_window() -> (
    None
):
    model, readings = joint_model(), toy_readings(80, channels=CHANNELS, seed=4, tidy=True)
    readings.values[30:, 2] = np.nan
    found = measure(model, readings)
    gone = found.row >= 30 + T + EVERY
    assert np.isnan(found.errors[gone][:, :, 2]).all()
    assert np.isfinite(found.errors[gone][:, :, :2]).all()
    assert np.isfinite(found.errors[found.row < 30]).all()


def test_a_run_without_a_full_window_measures_nothing() -> None:
    model = joint_model()
    for count in (0, 1, T - 1):
        readings = toy_readings(20, channels=CHANNELS, tidy=True).slice(0, count)
        if count:
            assert len(measure(model, readings).row) == 0
    readings = toy_readings(3, channels=CHANNELS, tidy=True)
    readings.values[:] = np.nan
    assert len(measure(model, readings).row) == 0
