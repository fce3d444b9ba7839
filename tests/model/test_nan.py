"""What is not a number never becomes a plausible score."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.model.architecture import Architecture
from sentinel.model.autoencoder import reconstruct
from sentinel.model.parameters import Parameters
from tests.kernels.samples import random_parameters, random_windows
from tests.model.fitted import fitted

STEPS, CHANNELS, WINDOWS = 9, 3, 7
ARCHITECTURES = {
    "one layer": Architecture(CHANNELS, 16),
    "deep, bidirectional": Architecture(CHANNELS, 10, 2, 2, bidirectional=True),
}


@pytest.mark.parametrize("architecture", ARCHITECTURES.values(), ids=ARCHITECTURES)
@settings(deadline=None)
@given(
    t=st.integers(0, STEPS - 1),
    f=st.integers(0, CHANNELS - 1),
    b=st.integers(0, WINDOWS - 1),
    masked=st.booleans(),
)
def test_a_nan_that_slips_in_makes_its_windows_score_nan_and_no_other(
    architecture: Architecture, t: int, f: int, b: int, masked: bool
) -> None:
    model = fitted(random_parameters(architecture, seed=1), STEPS)
    x, mask = random_windows(STEPS, CHANNELS, WINDOWS, seed=2)
    clean = model.score(x, mask)
    x[t, f, b] = np.nan
    mask[t, f, b] = 0.0 if masked else 1.0
    scores = model.score(x, mask)
    assert np.isnan(scores.anomaly_score[b])
    assert np.all(np.isnan(scores.channel_errors[:, b]))
    assert np.all(np.isnan(scores.expected[:, b]))
    others = np.arange(WINDOWS) != b
    np.testing.assert_array_equal(scores.anomaly_score[others], clean.anomaly_score[others])


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e30, -3e38])
def test_an_infinite_or_overflowing_value_scores_nan_or_infinity(value: float) -> None:
    model = fitted(random_parameters(ARCHITECTURES["one layer"], seed=1), STEPS)
    x, mask = random_windows(STEPS, CHANNELS, WINDOWS, seed=2)
    for t in (0, 4, STEPS - 1):
        broken = x.copy()
        broken[t, 1, 3] = value
        scores = model.score(broken, mask).anomaly_score
        assert not np.isfinite(scores[3])
        assert np.isfinite(np.delete(scores, 3)).all()


def test_a_window_without_any_value_scores_nan() -> None:
    model = fitted(random_parameters(ARCHITECTURES["one layer"], seed=1), STEPS)
    nothing = np.zeros((STEPS, CHANNELS, 2), np.float32)
    assert np.isnan(model.score(nothing, nothing).anomaly_score).all()


@pytest.mark.parametrize(
    "name", [n for n in ARCHITECTURES["one layer"].shapes() if n != "output.bias"]
)
def test_a_nan_among_the_weights_reaches_the_reconstruction(name: str) -> None:
    parameters = random_parameters(ARCHITECTURES["one layer"], seed=1)
    broken = Parameters(parameters.architecture, parameters.flat.copy())
    broken[name].flat[0] = np.nan
    x, _ = random_windows(STEPS, CHANNELS, WINDOWS, seed=2)
    found = reconstruct(broken, x)
    assert np.isfinite(reconstruct(parameters, x)).all()
    reached = found[:, 0] if name == "output.w" else found[1:]
    assert np.isnan(reached).all()
