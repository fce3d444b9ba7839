"""One LSTM layer, forward and backward, against the float64 oracle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest

from sentinel.kernels.cpu import lstm_backward, lstm_forward
from tests.kernels import oracle
from tests.kernels.samples import Float32Array, FloatArray, assert_close, float64, normal


@dataclass(frozen=True)
class Layer:
    """T steps, K inputs, H hidden units, B windows; how the layer reads its input."""

    steps: int
    inputs: int
    hidden: int
    windows: int
    reverse: bool = False
    repeated: bool = False


FORWARD = [
    Layer(1, 1, 1, 1),
    Layer(1, 3, 16, 5, repeated=True),
    Layer(2, 5, 7, 3, reverse=True),
    Layer(7, 1, 16, 1),
    Layer(33, 3, 50, 5),
    Layer(64, 8, 64, 32),
    Layer(21, 5, 200, 7, reverse=True),
    Layer(17, 38, 64, 65),
    Layer(31, 50, 50, 9, repeated=True),
    Layer(9, 13, 13, 13, reverse=True, repeated=True),
]
BACKWARD = {
    "plain": Layer(6, 3, 4, 3),
    "reversed": Layer(6, 2, 5, 4, reverse=True),
    "repeated": Layer(7, 3, 3, 2, repeated=True),
    "repeated, reversed": Layer(5, 3, 3, 5, repeated=True, reverse=True),
    "one step": Layer(1, 3, 4, 3),
    "one window": Layer(6, 1, 2, 1),
}
TENSORS = ("x", "w_x", "w_h", "bias")


def tensors_of(layer: Layer) -> dict[str, Float32Array]:
    rng = np.random.default_rng(7)
    rows, width = 4 * layer.hidden, 1.5 / np.sqrt(layer.hidden)
    return {
        "x": normal(rng, 1 if layer.repeated else layer.steps, layer.inputs, layer.windows),
        "w_x": normal(rng, rows, layer.inputs, scale=1.0 / np.sqrt(layer.inputs)),
        "w_h": normal(rng, rows, layer.hidden, scale=width),
        "bias": normal(rng, rows),
    }


def run_forward(
    layer: Layer, t: Mapping[str, Float32Array], *, keep: bool = True
) -> tuple[Float32Array, Float32Array, Float32Array]:
    """y, c, gates; what the kernel must overwrite holds NaN before."""
    shape = (layer.steps, layer.hidden, layer.windows)
    y, c = np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32)
    kept = layer.steps if keep else 1
    gates = np.full((kept, 4 * layer.hidden, layer.windows), np.nan, np.float32)
    lstm_forward(t["x"], t["w_x"], t["w_h"], t["bias"], layer.reverse, y, c, gates)
    return y, c, gates


def oracle_outputs(layer: Layer, t: Mapping[str, FloatArray]) -> FloatArray:
    x = np.repeat(t["x"], layer.steps, axis=0) if layer.repeated else t["x"]
    return oracle.lstm(x, t["w_x"], t["w_h"], t["bias"], reverse=layer.reverse)


@pytest.mark.parametrize("layer", FORWARD, ids=str)
def test_every_output_is_the_oracles(layer: Layer) -> None:
    t = tensors_of(layer)
    y, _, _ = run_forward(layer, t)
    assert_close(y, oracle_outputs(layer, float64(t)), tol=2e-6, eps=1e-6)


@pytest.mark.parametrize("layer", FORWARD, ids=str)
def test_outputs_are_the_same_bits_without_the_gates_kept(layer: Layer) -> None:
    t = tensors_of(layer)
    y, c, _ = run_forward(layer, t, keep=True)
    y_scoring, c_scoring, _ = run_forward(layer, t, keep=False)
    np.testing.assert_array_equal(y_scoring, y)
    np.testing.assert_array_equal(c_scoring, c)


@cache
def gradients(case: str) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    """The kernel's and the oracle's gradients of sum(y * pull), by tensor."""
    layer = BACKWARD[case]
    t = tensors_of(layer)
    y, c, gates = run_forward(layer, t)
    pull = normal(np.random.default_rng(8), *y.shape)
    found = {name: np.zeros_like(tensor) for name, tensor in t.items()}
    lstm_backward(
        t["x"], t["w_x"], t["w_h"], layer.reverse, y, c, gates, pull,
        found["x"], found["w_x"], found["w_h"], found["bias"],
    )  # fmt: skip
    exact = float64(t)

    def slopes(name: str) -> FloatArray:
        return oracle.finite_differences(
            lambda value: float(np.sum(pull * oracle_outputs(layer, {**exact, name: value}))),
            exact[name],
        )

    expected = {name: slopes(name) for name in TENSORS}
    return float64(found), expected


@pytest.mark.parametrize("name", TENSORS)
@pytest.mark.parametrize("case", BACKWARD)
def test_gradient_is_the_finite_difference_of(case: str, name: str) -> None:
    found, expected = gradients(case)
    assert_close(found[name], expected[name], tol=3e-6, eps=3e-6)
    if (case, name) != ("one step", "w_h"):  # a single step starts from h = 0
        assert np.abs(expected[name]).max() > 0.01


@pytest.mark.parametrize("case", BACKWARD)
def test_gradients_are_added_to_what_is_there(case: str) -> None:
    layer = BACKWARD[case]
    t = tensors_of(layer)
    results = []
    for before in (0.0, 1.0):
        y, c, gates = run_forward(layer, t)
        found = {name: np.full_like(tensor, before) for name, tensor in t.items()}
        lstm_backward(
            t["x"], t["w_x"], t["w_h"], layer.reverse, y, c, gates, np.ones_like(y),
            found["x"], found["w_x"], found["w_h"], found["bias"],
        )  # fmt: skip
        results.append(found)
    for name in TENSORS:
        assert_close(results[1][name], results[0][name] + 1.0, tol=1e-5, eps=1e-6)


@pytest.mark.parametrize("case", BACKWARD)
def test_an_unwanted_input_gradient_changes_nothing_else(case: str) -> None:
    layer = BACKWARD[case]
    t = tensors_of(layer)
    y, c, gates = run_forward(layer, t)
    found = {name: np.zeros_like(tensor) for name, tensor in t.items()}
    # What lies behind the empty array must stay as it is: the kernel checks no bounds.
    guard = np.full((2, layer.inputs, layer.windows), 7.0, np.float32)
    pull = normal(np.random.default_rng(8), *y.shape)
    lstm_backward(
        t["x"], t["w_x"], t["w_h"], layer.reverse, y, c, gates, pull,
        guard[:0], found["w_x"], found["w_h"], found["bias"],
    )  # fmt: skip
    assert np.all(guard == 7.0)
    expected = gradients(case)[0]
    for name in ("w_x", "w_h", "bias"):
        np.testing.assert_array_equal(found[name], expected[name].astype(np.float32))
