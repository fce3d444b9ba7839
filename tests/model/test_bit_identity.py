"""A window's result is the same bits whatever stands beside it, however many, on any threads."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.kernels.variants import VARIANTS
from sentinel.model.architecture import Architecture
from sentinel.model.prepared import Backend
from sentinel.model.scoring import WindowErrors, WindowScorer
from tests.kernels.samples import Float32Array, random_parameters, random_windows
from tests.model.fitted import fitted, plain_scorer
from tests.model.laid_out import BACKENDS, laid_out

STEPS, CHANNELS = 11, 5
# Whole tiles of the widest kernel and a rest, in every variant.
POOL = 2 * max(variant.many.width for variant in VARIANTS.values()) + 9
ARCHITECTURES = {
    "H 16": Architecture(CHANNELS, 16),
    "H 50, two layers": Architecture(CHANNELS, 50, 2, 2),
    "H 37, bidirectional": Architecture(CHANNELS, 37, 1, 1, bidirectional=True),
}
EVERY_BACKEND = pytest.mark.parametrize("backend", BACKENDS)
EVERY_MODEL = pytest.mark.parametrize("name", ARCHITECTURES)


def bits(found: WindowErrors) -> list[bytes]:
    """All that is known of each window, byte for byte: the errors of every span, the reading."""
    return [
        found.errors[b].tobytes() + found.expected[b].tobytes() for b in range(len(found.errors))
    ]


@cache
def pool() -> tuple[Float32Array, np.ndarray, np.ndarray]:
    x, mask = random_windows(STEPS, CHANNELS, POOL, seed=6, missing=0.1)
    mask[:, 2, 3] = 0  # a channel without a value
    mask[:, :, 5] = 0  # a window without one
    rows, starts, lengths = laid_out(x, mask)
    starts[7] += 4
    lengths[7] -= 4  # a short one
    return rows, starts, lengths


@cache
def scorer(backend: str, name: str, threads: int = 1) -> WindowScorer:
    variant = BACKENDS[backend].variant
    parameters = random_parameters(ARCHITECTURES[name], seed=1)
    return WindowScorer(parameters, STEPS, Backend(variant, threads))


def score(backend: str, name: str, chosen: list[int], threads: int = 1) -> list[bytes]:
    rows, starts, lengths = pool()
    return bits(scorer(backend, name, threads).score(rows, starts[chosen], lengths[chosen]))


@cache
def alone(backend: str, name: str) -> list[bytes]:
    return [score(backend, name, [b])[0] for b in range(POOL)]


@EVERY_BACKEND
@EVERY_MODEL
@settings(deadline=None, max_examples=40)
@given(
    chosen=st.lists(st.integers(0, POOL - 1), min_size=1, max_size=POOL), threads=st.integers(1, 3)
)
def test_scores_do_not_depend_on_the_neighbours_or_the_threads(
    backend: str, name: str, chosen: list[int], threads: int
) -> None:
    expected = [alone(backend, name)[b] for b in chosen]
    assert score(backend, name, chosen, threads) == expected


@EVERY_BACKEND
@EVERY_MODEL
def test_any_number_of_windows_at_once_has_the_bits_of_each_alone(backend: str, name: str) -> None:
    """So every kernel is met: for one window, for a few, for some, for many, and rests of each."""
    for count in range(1, POOL + 1):
        assert score(backend, name, list(range(count))) == alone(backend, name)[:count]
    assert len(set(alone(backend, name))) == POOL


@EVERY_BACKEND
def test_one_threads_scratch_never_shows_in_anothers_windows(backend: str) -> None:
    """Many more tiles than threads, again and again: each scratch has held every other window."""
    name = "H 37, bidirectional"
    chosen = np.random.default_rng(0).integers(0, POOL, 40 * POOL).tolist()
    expected = [alone(backend, name)[b] for b in chosen]
    for threads in (1, 2, 5):
        assert score(backend, name, chosen, threads) == expected


@EVERY_MODEL
def test_anomaly_scores_of_a_fitted_model_do_not_depend_on_the_neighbours(name: str) -> None:
    rows, starts, lengths = pool()
    model = plain_scorer(fitted(random_parameters(ARCHITECTURES[name], seed=1), STEPS))
    together = model.score_windows(rows, starts, lengths).anomaly_score
    for b in range(POOL):
        one = model.score_windows(rows, starts[[b]], lengths[[b]]).anomaly_score
        assert one.tobytes() == together[[b]].tobytes()
