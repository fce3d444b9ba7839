"""The dense head, the masked errors, and the loss with its gradient."""

from __future__ import annotations

import numpy as np
import pytest

from sentinel.kernels.cpu import dense_backward, dense_forward
from sentinel.kernels.errors import channel_errors, normalised_error, squared_error_gradient
from tests.kernels import oracle
from tests.kernels.samples import assert_close, normal, random_windows

SHAPES = [(1, 1, 1, 1), (5, 3, 7, 2), (8, 5, 16, 33), (3, 38, 50, 65)]


@pytest.mark.parametrize(("steps", "channels", "hidden", "windows"), SHAPES)
def test_dense_head_is_the_matrix_product_of_every_step(
    steps: int, channels: int, hidden: int, windows: int
) -> None:
    rng = np.random.default_rng(0)
    y, w, bias = (
        normal(rng, steps, hidden, windows),
        normal(rng, channels, hidden),
        normal(rng, channels),
    )
    out = np.full((steps, channels, windows), np.nan, np.float32)
    dense_forward(y, w, bias, out)
    expected = np.einsum("fh,thb->tfb", w.astype(np.float64), y) + bias[:, None]
    assert_close(out, expected, tol=1e-5, eps=1e-6)


@pytest.mark.parametrize("name", ["y", "w", "bias"])
@pytest.mark.parametrize(("steps", "channels", "hidden", "windows"), SHAPES)
def test_dense_gradient_is_exact_and_added(
    name: str, steps: int, channels: int, hidden: int, windows: int
) -> None:
    rng = np.random.default_rng(1)
    y, w = normal(rng, steps, hidden, windows), normal(rng, channels, hidden)
    dout = normal(rng, steps, channels, windows)
    found = {
        "y": np.ones_like(y),
        "w": np.ones_like(w),
        "bias": np.ones(channels, np.float32),
    }
    dense_backward(y, w, dout, found["y"], found["w"], found["bias"])
    d, y64, w64 = map(np.float64, (dout, y, w))
    expected = {
        "y": np.einsum("fh,tfb->thb", w64, d),
        "w": np.einsum("tfb,thb->fh", d, y64),
        "bias": d.sum(axis=(0, 2)),
    }
    assert_close(found[name], 1 + expected[name], tol=3e-5, eps=1e-6)


@pytest.mark.parametrize("first", [0, 4, 6])
def test_channel_errors_are_means_over_the_values_that_are_there(first: int) -> None:
    x, mask = random_windows(7, 3, 5, 0, missing=0.4)
    x_hat = normal(np.random.default_rng(1), *x.shape)
    mask[:, 1, 2] = 0
    out = np.full((3, 5), 9.0, np.float32)
    channel_errors(x, x_hat, mask, first, out)
    for f in range(3):
        for b in range(5):
            there = mask[first:, f, b] == 1
            squares = (x_hat[first:, f, b].astype(np.float64) - x[first:, f, b])[there] ** 2
            if there.any():
                assert out[f, b] == pytest.approx(squares.mean(), rel=1e-6)
            else:
                assert np.isnan(out[f, b])
    assert np.isnan(out[1, 2])


def test_normalised_error_leaves_out_channels_without_a_value() -> None:
    errors = np.array([[2.0, np.nan, np.nan], [9.0, 6.0, np.nan]], np.float32)
    out = np.zeros(3)
    normalised_error(errors, np.array([2.0, 3.0]), out)
    np.testing.assert_array_equal(out, [(1.0 + 3.0) / 2, 2.0, np.nan])


def test_loss_is_the_masked_sum_and_its_gradient_the_finite_difference() -> None:
    x, mask = random_windows(4, 3, 5, 2, missing=0.3)
    x_hat, scale = normal(np.random.default_rng(3), *x.shape), 1 / float(mask.sum())
    dx_hat = np.full_like(x, np.nan)
    total = squared_error_gradient(x, x_hat, mask, scale, dx_hat)

    def loss(guess: oracle.Array) -> float:
        return float(np.sum(mask * (guess - x) ** 2))

    assert total == pytest.approx(loss(x_hat.astype(np.float64)), rel=1e-6)
    slopes = oracle.finite_differences(loss, x_hat.astype(np.float64))
    assert_close(dx_hat, scale * slopes, tol=1e-8, eps=1e-6)
    assert np.all(dx_hat[mask == 0] == 0)


def test_what_stands_under_a_mask_moves_neither_loss_nor_gradient_nor_errors() -> None:
    x, mask = random_windows(6, 3, 5, 2, missing=0.4)
    x_hat = normal(np.random.default_rng(3), *x.shape)
    other = np.where(mask == 1, x, np.float32(7.0))

    def everything(target: np.ndarray) -> list[bytes]:
        dx_hat, errors = np.empty_like(x), np.empty(x.shape[1:], np.float32)
        total = squared_error_gradient(target, x_hat, mask, 0.1, dx_hat)
        channel_errors(target, x_hat, mask, 0, errors)
        # 0 and -0 are equal.
        return [np.float64(total).tobytes(), (dx_hat + 0).tobytes(), errors.tobytes()]

    assert np.any(other != x)
    assert everything(other) == everything(x)
