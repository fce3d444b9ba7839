"""The linear companions: NumPy's principal components, their residual, and blocks of means."""

from __future__ import annotations

import numpy as np
import pytest

from sentinel.model.prepared import Backend
from sentinel.records import Float32Array, FloatArray
from sentinel.score.subspace import Subspace, SubspaceMeter, fit_subspace, window_rows
from tests.model.laid_out import BACKENDS


def measured(
    subspace: Subspace, rows: Float32Array, newest: list[int], backend: Backend | None = None
) -> Float32Array:
    """Errors (M, F) of the readings at these rows."""
    variant = (backend or Backend()).variant
    found = np.full((len(newest), rows.shape[1]), np.nan, np.float32)
    SubspaceMeter(subspace, variant.dense(variant.many)).errors(rows, np.array(newest), found)
    return found


def history(rows: int, channels: int, seed: int = 0, missing: float = 0.0) -> Float32Array:
    """A few waves that the channels share, and noise of each."""
    rng = np.random.default_rng(seed)
    t = np.arange(rows)[:, None]
    waves = np.sin(t / [5.0, 17.0] + rng.uniform(0, 6, 2)) @ rng.normal(size=(2, channels))
    found = (waves + 0.3 * rng.normal(size=(rows, channels))).astype(np.float32)
    found[rng.random(found.shape) < missing] = np.nan
    return found


def plain_windows(rows: Float32Array, newest: list[int], length: int, block: int) -> FloatArray:
    """(M, L F) means over blocks, the oldest first."""
    found = []
    for last in newest:
        window = np.nan_to_num(rows[last + 1 - length * block : last + 1].astype(np.float64))
        found.append(np.array([part.mean(axis=0) for part in np.split(window, length)]).ravel())
    return np.array(found)


def plain_subspace(windows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The mean (D,), and (R, D) the fewest principal components with 90% of the variance, by SVD.

    Of windows of which the quarter that is farthest from the middle is drawn nearer.
    """
    middle = windows.mean(axis=0)
    near = np.quantile([np.linalg.norm(window - middle) for window in windows], 0.75)
    drawn = [
        middle + (window - middle) * min(1, near / np.linalg.norm(window - middle))
        for window in windows
    ]
    mean = np.mean(drawn, axis=0)
    _, singular, directions = np.linalg.svd(drawn - mean, full_matrices=False)
    share = np.cumsum(singular**2) / (singular**2).sum()
    return mean, directions[: int((share < 0.9).sum()) + 1]


CASES = pytest.mark.parametrize(
    ("channels", "length", "block", "judged"),
    [(1, 64, 1, 64), (3, 16, 1, 16), (12, 8, 1, 8), (3, 32, 2, 8), (5, 21, 3, 5), (2, 4, 16, 1)],
)


@CASES
@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_errors_are_the_residual_of_the_principal_components(
    channels: int, length: int, block: int, judged: int, missing: float
) -> None:
    rows = history(400, channels, missing=missing)
    fitted = list(range(length * block - 1, 300))
    windows = plain_windows(rows, fitted, length, block)
    subspace = fit_subspace(window_rows(rows, np.array(fitted), length, block), block, judged)
    assert subspace.reach(channels) == length * block
    mean, components = plain_subspace(windows)
    assert len(subspace.components) == len(components)
    newest = list(range(320, 400))
    others = plain_windows(rows, newest, length, block) - mean
    residual = others - others @ components.T @ components
    judged_part = residual.reshape(len(newest), length, channels)[:, length - judged :]
    found = measured(subspace, rows, newest)
    np.testing.assert_allclose(found, (judged_part**2).mean(axis=1), rtol=1e-3, atol=1e-6)


@CASES
def test_blocks_are_means_of_readings(channels: int, length: int, block: int, judged: int) -> None:
    rows = history(300, channels, missing=0.2)
    newest = [length * block - 1, 200, 299]
    found = window_rows(rows, np.array(newest), length, block)
    np.testing.assert_allclose(found, plain_windows(rows, newest, length, block), atol=1e-12)


def test_the_same_windows_make_the_same_bytes_and_components_are_orthonormal() -> None:
    windows = plain_windows(history(400, 3), list(range(15, 400)), 16, 1)
    one, other = fit_subspace(windows, 1, 16), fit_subspace(windows.copy(), 1, 16)
    assert one.components.tobytes() == other.components.tobytes()
    identity = one.components @ one.components.T
    np.testing.assert_allclose(identity, np.eye(len(identity)), atol=1e-6)
    largest = np.abs(one.components).argmax(axis=1)
    assert (one.components[np.arange(len(largest)), largest] > 0).all()


def test_something_is_always_left_to_see() -> None:
    """All variance in a single direction, none at all, or as much in every direction."""
    line = np.outer(np.arange(50.0), np.ones(6))
    assert len(fit_subspace(line, 1, 2).components) == 1
    still = fit_subspace(np.full((50, 6), 3.0), 1, 2)
    assert np.isfinite(still.components).all()
    noise = np.random.default_rng(0).normal(size=(500, 6))
    for made in (still, fit_subspace(noise, 1, 2)):
        assert len(made.components) < 6


def test_a_few_foreign_windows_do_not_take_the_components() -> None:
    """Without a bound, one component would hold 90% of the variance, and usual windows none."""
    rows = history(600, 3)
    windows = window_rows(rows, np.arange(15, 500), 16, 1)
    foreign = 10 * np.sign(np.random.default_rng(1).normal(size=windows.shape[1]))
    clean = fit_subspace(windows, 1, 16)
    spoilt = fit_subspace(np.concatenate([windows, windows[:15] + foreign]), 1, 16)
    newest = list(range(520, 600))
    usual, now = (measured(one, rows, newest).mean() for one in (clean, spoilt))
    assert now < 1.2 * usual


def test_a_channel_that_is_off_has_the_largest_error() -> None:
    rows = history(600, 3)
    windows = window_rows(rows, np.arange(15, 500), 16, 1)
    subspace = fit_subspace(windows, 1, 16)
    calm = measured(subspace, rows, [599])[0]
    rows[-1, 1] += 10
    found = measured(subspace, rows, [599])[0]
    assert found.argmax() == 1
    assert found[1] > 5 * calm[1]


@pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)
def test_each_reading_has_the_bits_it_has_alone(backend: Backend) -> None:
    rows = history(300, 3, missing=0.1)
    subspace = fit_subspace(window_rows(rows, np.arange(15, 300), 16, 1), 1, 16)
    newest = list(range(20, 73))
    together = measured(subspace, rows, newest, backend)
    alone = [measured(subspace, rows, [n], backend) for n in newest]
    assert np.concatenate(alone).tobytes() == together.tobytes()
    np.testing.assert_allclose(together, measured(subspace, rows, newest), rtol=1e-4, atol=1e-6)
