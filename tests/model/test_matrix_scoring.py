"""Scores by a matrix unit, on emulated instructions: as right as those of the other variants."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest

from sentinel.kernels.slabs import NEWEST, QUARTER, WHOLE
from sentinel.model.architecture import Architecture
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import Backend
from sentinel.model.scoring import WindowScorer
from sentinel.runtime.kernels import cpu_features, runnable
from tests.kernels import emulated_amx, oracle
from tests.kernels.samples import assert_close, float64, random_parameters, random_windows
from tests.model.laid_out import laid_out, padded_on_the_left

pytestmark = pytest.mark.skipif(
    "avx512" not in [variant.name for variant in runnable(cpu_features())],
    reason="all but the tile instructions is AVX-512, which this machine has not",
)

BACKEND = Backend(emulated_amx.VARIANT)
# channels, hidden, encoder and decoder layers, bidirectional, forecast; steps T, windows B
SHAPES = [
    (1, 1, 1, 1, False, False, 1, 1),
    (1, 16, 1, 1, False, False, 32, 33),
    (3, 5, 1, 1, False, True, 7, 3),
    (8, 64, 1, 1, False, False, 9, 32),
    (5, 37, 2, 2, False, False, 5, 40),
    (7, 17, 2, 1, True, False, 9, 11),
    (38, 50, 1, 2, True, False, 4, 20),
    (38, 128, 1, 1, False, False, 3, 8),
    (70, 8, 1, 3, False, False, 3, 5),
]


@pytest.fixture(autouse=True)
def _no_faults() -> Iterator[None]:
    yield
    assert emulated_amx.FAULTS == []


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_errors_and_expected_readings_are_the_oracles(shape: tuple[int, ...]) -> None:
    channels, hidden, encoders, decoders, bidirectional, forecast, steps, windows = shape
    architecture = Architecture(
        channels, hidden, encoders, decoders, bool(bidirectional), forecast=bool(forecast)
    )
    parameters = random_parameters(architecture, seed=1)
    x, mask = random_windows(steps, channels, windows, seed=2, missing=0.2)
    found = WindowScorer(parameters, steps, BACKEND).score(*laid_out(x, mask))
    x_hat = oracle.reconstruct(float64(parameters.tensors), x.astype(np.float64))
    assert_close(found.expected, x_hat[-1].T, tol=2e-6, eps=1e-6)
    squares = (x_hat - x) ** 2 * mask
    for span, first in ((WHOLE, 0), (QUARTER, steps - -(-steps // 4)), (NEWEST, steps - 1)):
        total, count = squares[first:].sum(axis=0), mask[first:].sum(axis=0)
        np.testing.assert_array_equal(np.isnan(found.errors[:, span]), count.T == 0)
        mean = (total / np.maximum(count, 1)).T
        assert_close(np.nan_to_num(found.errors[:, span]), mean, tol=2e-6, eps=5e-6)


def test_the_error_of_a_window_is_right_within_a_millionth() -> None:
    architecture, steps, windows = Architecture(8, 64), 32, 32
    parameters = Parameters.initial(architecture, np.random.default_rng(0))
    x, mask = random_windows(steps, 8, windows, seed=2)
    found = WindowScorer(parameters, steps, BACKEND).score(*laid_out(x, mask)).errors[:, WHOLE]
    x_hat = oracle.reconstruct(float64(parameters.tensors), x.astype(np.float64))
    right = np.mean((x_hat - x) ** 2, axis=(0, 1))
    assert np.abs(found.mean(axis=1, dtype=np.float64) - right).max() < 1e-6


STEPS, CHANNELS, POOL = 4, 5, 70
ARCHITECTURE = Architecture(CHANNELS, 11, 2, 2, bidirectional=True)


@cache
def pool() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, mask = random_windows(STEPS, CHANNELS, POOL, seed=6, missing=0.1)
    mask[:, 2, 3] = 0
    mask[:, :, 5] = 0
    rows, starts, lengths = laid_out(x, mask)
    starts[7] += 2
    lengths[7] -= 2
    return rows, starts, lengths


def bits(backend: Backend, chosen: list[int]) -> list[bytes]:
    rows, starts, lengths = pool()
    scorer = WindowScorer(random_parameters(ARCHITECTURE, seed=1), STEPS, backend)
    found = scorer.score(rows, starts[chosen], lengths[chosen])
    return [
        errors.tobytes() + expected.tobytes()
        for errors, expected in zip(found.errors, found.expected, strict=True)
    ]


@pytest.mark.parametrize("count", [1, 2, 31, 32, 33, POOL])
@pytest.mark.parametrize("threads", [1, 3])
def test_a_score_has_the_same_bits_in_any_batch(count: int, threads: int) -> None:
    together = bits(BACKEND, list(range(POOL)))
    chosen = np.random.default_rng(count).integers(0, POOL, count).tolist()
    found = bits(Backend(emulated_amx.VARIANT, threads), chosen)
    assert found == [together[b] for b in chosen]


def test_where_bits_may_differ_small_batches_are_left_to_tiles() -> None:
    free = Backend(emulated_amx.VARIANT, deterministic=False)
    avx512 = Backend(next(v for v in runnable(cpu_features()) if v.name == "avx512"))
    for count in (1, 7):
        chosen = list(range(count))
        assert bits(free, chosen) == bits(avx512, chosen) != bits(BACKEND, chosen)
    chosen = list(range(POOL))
    assert bits(free, chosen)[:64] == bits(BACKEND, chosen)[:64] != bits(avx512, chosen)[:64]
    assert bits(free, chosen)[64:] == bits(avx512, chosen)[64:]


def test_a_nan_among_the_weights_is_a_nan_among_the_scores_and_leaves_no_trace() -> None:
    rows, starts, lengths = pool()
    chosen = [0, 1, 4]
    clean = random_parameters(ARCHITECTURE, seed=1)
    scorer = WindowScorer(clean, STEPS, BACKEND)
    before = scorer.score(rows, starts[chosen], lengths[chosen])
    for name in clean.tensors:
        broken = Parameters(ARCHITECTURE, clean.flat.copy())
        # Every pattern of bits that is a NaN, not only the usual.
        broken[name].view(np.uint32).flat[-1] = 0xFFFFFFFF
        scorer.load(broken)
        found = scorer.score(rows, starts[chosen], lengths[chosen])
        reached = slice(-1, None) if name.startswith("output") else slice(None)
        assert np.isnan(found.expected[:, reached]).all(), name
        scorer.load(clean)
        after = scorer.score(rows, starts[chosen], lengths[chosen])
        assert after.errors.tobytes() == before.errors.tobytes(), name


@pytest.mark.parametrize("value", [np.inf, 3e38])
def test_an_overflowing_reading_never_has_a_plausible_score_nor_an_effect(value: float) -> None:
    """Neither beside it nor later, in the lane where it was."""
    x, _ = random_windows(STEPS, CHANNELS, 40, seed=3)
    scorer = WindowScorer(random_parameters(ARCHITECTURE, seed=1), STEPS, BACKEND)
    clean = scorer.score(*laid_out(x)).errors
    x[1, 2, 9] = value
    found = scorer.score(*laid_out(x)).errors
    assert not np.isfinite(found[9, WHOLE, 2])
    others = np.arange(40) != 9
    assert found[others].tobytes() == clean[others].tobytes()
    x[1, 2, 9] = 0
    again = scorer.score(*laid_out(x)).errors
    assert np.isfinite(again).all()
    assert again[others].tobytes() == clean[others].tobytes()


def test_a_short_window_is_one_whose_first_steps_hold_nothing() -> None:
    lengths = np.random.default_rng(4).integers(2, 6, 11)
    short, whole = padded_on_the_left(6, 3, lengths, seed=3)
    scorer = WindowScorer(random_parameters(Architecture(3, 9), seed=1), 6, BACKEND)
    found, expected = scorer.score(*short), scorer.score(*whole)
    assert np.isfinite(found.errors).all()
    assert found.errors.tobytes() == expected.errors.tobytes()
    assert found.expected.tobytes() == expected.expected.tobytes()
