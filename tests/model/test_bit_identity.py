"""A window's result is the same bits whatever stands beside it, and however many."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.fitted import FittedModel
from sentinel.kernels.cpu import WINDOWS_PER_CALL
from sentinel.model.architecture import Architecture
from sentinel.model.autoencoder import forward
from sentinel.score.reconstruction import WindowScores
from tests.kernels.samples import Float32Array, random_parameters, random_windows
from tests.model.fitted import fitted

STEPS, CHANNELS = 11, 5
POOL = 2 * WINDOWS_PER_CALL + 9
ARCHITECTURES = {
    "H 16": Architecture(CHANNELS, 16),
    "H 50, two layers": Architecture(CHANNELS, 50, 2, 2),
    "H 37, bidirectional": Architecture(CHANNELS, 37, 1, 1, bidirectional=True),
}


def bits(scores: WindowScores) -> list[bytes]:
    """All that is known of each window, byte for byte."""
    return [
        scores.anomaly_score[b].tobytes()
        + scores.channel_errors[:, b].tobytes()
        + scores.expected[:, b].tobytes()
        for b in range(len(scores.anomaly_score))
    ]


@cache
def pool() -> tuple[Float32Array, Float32Array]:
    x, mask = random_windows(STEPS, CHANNELS, POOL, seed=6, missing=0.1)
    mask[:, 2, 3] = 0  # a channel without a value
    mask[:, :, 5] = 0  # a window without one
    mask[:4, :, 7] = 0  # a short one
    return x * mask, mask


@cache
def model(name: str) -> FittedModel:
    return fitted(random_parameters(ARCHITECTURES[name], seed=1), STEPS)


@cache
def alone(name: str) -> list[bytes]:
    x, mask = pool()
    return [
        bits(model(name).score(x[:, :, [b]].copy(), mask[:, :, [b]].copy()))[0] for b in range(POOL)
    ]


@pytest.mark.parametrize("name", ARCHITECTURES)
@settings(deadline=None, max_examples=40)
@given(chosen=st.lists(st.integers(0, POOL - 1), min_size=1, max_size=POOL))
def test_scores_do_not_depend_on_the_neighbours(name: str, chosen: list[int]) -> None:
    x, mask = pool()
    found = bits(model(name).score(x[:, :, chosen], mask[:, :, chosen]))
    assert found == [alone(name)[b] for b in chosen]


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_all_windows_at_once_have_the_bits_of_each_alone(name: str) -> None:
    x, mask = pool()
    assert bits(model(name).score(x, mask)) == alone(name)
    assert len(set(alone(name))) == POOL


@pytest.mark.parametrize("name", ARCHITECTURES)
@settings(deadline=None, max_examples=30)
@given(first=st.integers(0, POOL - 1), count=st.integers(1, 40))
def test_every_output_of_the_encoder_has_the_same_bits_too(
    name: str, first: int, count: int
) -> None:
    x, _ = pool()
    some = np.ascontiguousarray(x[:, :, first : first + count])
    whole = forward(model(name).parameters, x, keep=False)
    part = forward(model(name).parameters, some, keep=True)
    for found, expected in (
        (part.encoding.outputs, whole.encoding.outputs),
        (part.encoding.latent, whole.encoding.latent),
        (part.x_hat, whole.x_hat),
    ):
        beside = expected[:, :, first : first + count]
        assert found.tobytes() == np.ascontiguousarray(beside).tobytes()
