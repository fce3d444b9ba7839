"""What is not a number never becomes a plausible score."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.kernels.slabs import WHOLE
from sentinel.model.architecture import Architecture
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import Backend
from sentinel.model.scoring import WindowErrors, WindowScorer
from sentinel.model.training import mean_loss
from sentinel.model.windows import WindowSet
from sentinel.score.reconstruction import WindowScores
from tests.kernels.samples import Float32Array, random_parameters, random_windows
from tests.model.fitted import fitted, plain_scorer
from tests.model.laid_out import BACKENDS, laid_out

STEPS, CHANNELS, WINDOWS = 9, 3, 7
ARCHITECTURES = {
    "one layer": Architecture(CHANNELS, 16),
    "deep, bidirectional": Architecture(CHANNELS, 10, 2, 2, bidirectional=True),
}
EVERY_BACKEND = pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)


def errors_of(parameters: Parameters, x: Float32Array, backend: Backend) -> WindowErrors:
    return WindowScorer(parameters, len(x), backend).score(*laid_out(x))


def scores_of(parameters: Parameters, x: Float32Array, backend: Backend) -> WindowScores:
    return plain_scorer(fitted(parameters, len(x)), backend).score_windows(*laid_out(x))


@EVERY_BACKEND
@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES)
@settings(deadline=None)
@given(
    t=st.integers(0, STEPS - 1),
    f=st.integers(0, CHANNELS - 1),
    b=st.integers(0, WINDOWS - 1),
)
def test_a_nan_is_a_missing_value_and_changes_no_other_window(
    backend: Backend, architecture: Architecture, t: int, f: int, b: int
) -> None:
    """The network reads a zero there, which nothing is compared with."""
    parameters = random_parameters(architecture, seed=1)
    x, _ = random_windows(STEPS, CHANNELS, WINDOWS, seed=2)
    x[t, f, b] = 0.0
    with_zero = errors_of(parameters, x, backend)
    x[t, f, b] = np.nan
    found = errors_of(parameters, x, backend)
    np.testing.assert_array_equal(found.expected, with_zero.expected)
    same = np.ones((WINDOWS, CHANNELS), bool)
    same[b, f] = False
    np.testing.assert_array_equal(found.errors[:, WHOLE][same], with_zero.errors[:, WHOLE][same])
    assert found.errors[b, WHOLE, f] != with_zero.errors[b, WHOLE, f]
    assert np.isfinite(found.errors[:, WHOLE]).all()


@EVERY_BACKEND
@pytest.mark.parametrize("windows", [1, 3, WINDOWS, 40])
@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e30, -3e38])
def test_an_infinite_or_overflowing_value_scores_nan_or_infinity(
    backend: Backend, windows: int, value: float
) -> None:
    parameters = random_parameters(ARCHITECTURES["one layer"], seed=1)
    x, _ = random_windows(STEPS, CHANNELS, windows, seed=2)
    for t in (0, 4, STEPS - 1):
        broken = x.copy()
        broken[t, 1, windows // 2] = value
        scores = scores_of(parameters, broken, backend).anomaly_score
        assert not np.isfinite(scores[windows // 2])
        assert np.isfinite(np.delete(scores, windows // 2)).all()


@EVERY_BACKEND
def test_a_window_without_any_value_scores_nan(backend: Backend) -> None:
    parameters = random_parameters(ARCHITECTURES["one layer"], seed=1)
    for windows in (1, 2, 40):
        nothing = np.full((STEPS, CHANNELS, windows), np.nan, np.float32)
        assert np.isnan(scores_of(parameters, nothing, backend).anomaly_score).all()


@EVERY_BACKEND
@pytest.mark.parametrize("windows", [1, 3, WINDOWS, 40])
@pytest.mark.parametrize(
    "name", [n for n in ARCHITECTURES["one layer"].shapes() if n != "output.bias"]
)
def test_a_nan_among_the_weights_reaches_every_window(
    backend: Backend, windows: int, name: str
) -> None:
    parameters = random_parameters(ARCHITECTURES["one layer"], seed=1)
    x, _ = random_windows(STEPS, CHANNELS, windows, seed=2)
    assert np.isfinite(errors_of(parameters, x, backend).errors).all()
    parameters[name].flat[0] = np.nan
    found = errors_of(parameters, x, backend)
    reached = slice(0, 1) if name == "output.w" else slice(None)  # a head's row: one channel
    assert np.isnan(found.errors[:, :, reached]).all()
    assert np.isnan(found.expected[:, reached]).all()


def test_the_mean_loss_of_a_model_with_a_nan_weight_is_nan() -> None:
    """A model that gives NaN must never pass for one that makes no error."""
    parameters = random_parameters(ARCHITECTURES["one layer"], seed=1)
    parameters["output.w"][0, 0] = np.nan
    rows, starts, lengths = laid_out(random_windows(STEPS, CHANNELS, WINDOWS, seed=2)[0])
    scorer = WindowScorer(parameters, STEPS, Backend())
    windows = WindowSet(rows, starts, lengths, STEPS)
    assert np.isnan(mean_loss(scorer, windows, np.arange(WINDOWS)))
