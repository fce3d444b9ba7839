"""Why an LSTM: over 100 steps it learns what a plain tanh RNN of the same size does not.

The adding problem (Hochreiter & Schmidhuber 1997, experiment 4): 100 steps of numbers in 0 to 1,
two of them marked, one in each half; after the last step the network must give the sum of the two.
To answer with the mean, 1, costs 1/6. Both networks have the same hidden size, readout,
minibatches, optimiser, clipping and number of steps; the RNN may choose the better of two learning
rates. The LSTM's forget gates start open for 1 to T steps ("chrono": Tallec & Ollivier 2018), as a
cell that forgets by half every step has nothing yet to learn from. The RNN's weights are
Glorot's, as the LSTM's are.

The LSTM is the product's own: an encoder whose second head forecasts, after the last of the 100
steps, a third channel that is missing until then and is the sum. Whatever else an autoencoder
learns, to rebuild its input and to forecast the other channels, is cut off: the tensors that lead
there are zeros and stay so.
"""

from __future__ import annotations

import math
from typing import ClassVar, Protocol

import numpy as np
import pytest

from sentinel.kernels.optimizer import adam_step, global_norm
from sentinel.model.architecture import Architecture
from sentinel.model.learning import Learner
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import Backend
from tests.kernels import oracle
from tests.kernels.samples import Float32Array, float64, normal
from tests.model.laid_out import laid_out

T, H, B = 100, 16, 32
TRAINING_STEPS = 500
CHANCE = 1 / 6
SEEDS = [0, 1]


def adding_problem(rng: np.random.Generator, windows: int) -> tuple[Float32Array, Float32Array]:
    """x (T, 2, B): numbers and marks; the sum (B,) of the two marked numbers."""
    x = np.zeros((T, 2, windows), np.float32)
    x[:, 0] = rng.uniform(0, 1, (T, windows))
    window = np.arange(windows)
    early, late = rng.integers(0, T // 2, windows), rng.integers(T // 2, T, windows)
    x[early, 1, window] = x[late, 1, window] = 1
    return x, x[early, 0, window] + x[late, 0, window]


class Network(Protocol):
    """Something with parameters that reads windows and answers after the last step."""

    flat: Float32Array

    def answer(self, x: Float32Array) -> Float32Array: ...

    def gradient(self, x: Float32Array, target: Float32Array) -> Float32Array:
        """Of the mean squared error of the answers, as `flat`."""
        ...


def flat_and_views(
    shapes: dict[str, tuple[int, ...]],
) -> tuple[Float32Array, dict[str, Float32Array]]:
    """A flat vector of zeros, and views of it by name."""
    stops = np.cumsum([math.prod(shape) for shape in shapes.values()])
    flat = np.zeros(stops[-1], np.float32)
    parts = np.split(flat, stops[:-1])
    return flat, {
        name: part.reshape(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)
    }


def glorot(rng: np.random.Generator, w: Float32Array) -> None:
    outputs = min(w.shape[0], H)  # per gate
    w[...] = normal(rng, *w.shape, scale=math.sqrt(2 / (outputs + w.shape[1])))


class Lstm:
    """The product's kernels; of the decoder and the rest of the heads nothing is left."""

    ARCHITECTURE: ClassVar = Architecture(3, H, forecast=True)

    def __init__(self, rng: np.random.Generator) -> None:
        self.parameters = Parameters(self.ARCHITECTURE)
        self.flat = self.parameters.flat
        learns = Parameters(self.ARCHITECTURE)
        for name in ("w_x", "w_h", "bias"):
            learns[f"encoder.0.forward.{name}"][...] = 1
        learns["encoder.0.forward.w_x"][:, 2] = 0  # it is missing wherever it is read
        learns["forecast.w"][2] = learns["forecast.bias"][2] = 1
        self.learns = learns.flat
        for name in ("encoder.0.forward.w_x", "encoder.0.forward.w_h", "forecast.w"):
            glorot(rng, self.parameters[name])
        self.flat *= self.learns
        memory = np.log(rng.uniform(1, T - 1, H))
        bias = self.parameters["encoder.0.forward.bias"]
        bias[:H], bias[H : 2 * H] = -memory, memory
        self.learner = Learner(self.ARCHITECTURE, T + 1, Backend())

    def answer(self, x: Float32Array) -> Float32Array:
        tensors = float64(self.parameters.tensors)
        with_third = np.concatenate([x, np.zeros_like(x[:, :1])], axis=1).astype(np.float64)
        outputs, _ = oracle.encode(tensors, with_third)
        answer = tensors["forecast.w"][2] @ outputs[-1] + tensors["forecast.bias"][2]
        return answer.astype(np.float32)

    def gradient(self, x: Float32Array, target: Float32Array) -> Float32Array:
        windows = x.shape[2]
        with_answer = np.full((T + 1, 3, windows), np.nan, np.float32)
        with_answer[:T, :2], with_answer[T, 2] = x, target
        _, gradient = self.learner.gradient(self.parameters, *laid_out(with_answer))
        # Of the mean over all that is forecast: both channels of all steps but the first, the sum.
        forecast = windows * (2 * (T - 1) + 1)
        return gradient * self.learns * np.float32(forecast / windows)


class PlainRnn:
    """h = tanh(w_x x + w_h h + bias), and the same readout."""

    SHAPES: ClassVar = {"w_x": (H, 2), "w_h": (H, H), "bias": (H,), "out": (1, H), "mean": (1,)}

    def __init__(self, rng: np.random.Generator) -> None:
        self.flat, self.t = flat_and_views(self.SHAPES)
        for name in ("w_x", "w_h", "out"):
            glorot(rng, self.t[name])

    def answer(self, x: Float32Array) -> Float32Array:
        projected = self.t["w_x"] @ x + self.t["bias"][:, None]
        h = np.zeros((T + 1, H, x.shape[2]), np.float32)
        for t in range(T):
            h[t + 1] = np.tanh(projected[t] + self.t["w_h"] @ h[t])
        self.kept = x, h
        answer: Float32Array = (self.t["out"] @ h[-1])[0] + self.t["mean"]
        return answer

    def gradient(self, x: Float32Array, target: Float32Array) -> Float32Array:
        d_answer = 2 / np.float32(x.shape[2]) * (self.answer(x) - target)
        flat, d = flat_and_views(self.SHAPES)
        x, h = self.kept
        dz = np.empty_like(h[1:])
        dh = self.t["out"].T @ d_answer[None]
        for t in reversed(range(T)):
            dz[t] = dh * (1 - h[t + 1] ** 2)
            dh = self.t["w_h"].T @ dz[t]
        d["w_x"] += np.einsum("thb,tkb->hk", dz, x)
        d["w_h"] += np.matmul(dz, h[:-1].transpose(0, 2, 1)).sum(axis=0)
        d["bias"] += dz.sum(axis=(0, 2))
        d["out"] += d_answer[None] @ h[-1].T
        d["mean"] += d_answer.sum()
        return flat


def error_after_training(network: Network, seed: int, learning_rate: float) -> float:
    """Mean squared error over fresh windows, after TRAINING_STEPS minibatches of fresh ones."""
    rng = np.random.default_rng(seed)
    m, v = np.zeros_like(network.flat), np.zeros_like(network.flat)
    for step in range(1, TRAINING_STEPS + 1):
        x, target = adding_problem(rng, B)
        gradient = network.gradient(x, target)
        clip = min(1.0, 1.0 / max(global_norm(gradient), 1e-12))
        adam_step(network.flat, gradient, m, v, step, learning_rate, clip, 0.0)
    x, target = adding_problem(np.random.default_rng(10_000 + seed), 1000)
    return float(np.mean((network.answer(x) - target) ** 2))


@pytest.mark.parametrize("seed", SEEDS)
def test_an_lstm_learns_what_needs_a_memory_of_100_steps(seed: int) -> None:
    lstm = Lstm(np.random.default_rng(seed))
    assert error_after_training(lstm, seed, 1e-2) < CHANCE / 10


@pytest.mark.parametrize("seed", SEEDS)
def test_a_plain_rnn_of_the_same_size_stays_at_chance(seed: int) -> None:
    errors = [
        error_after_training(PlainRnn(np.random.default_rng(seed)), seed, learning_rate)
        for learning_rate in (1e-2, 1e-3)
    ]
    assert min(errors) > 0.9 * CHANCE


@pytest.mark.parametrize("network", [Lstm, PlainRnn])
def test_the_comparison_is_fair_both_gradients_are_right(network: type[Lstm | PlainRnn]) -> None:
    """Along the gradient the loss changes by its length: neither fails for want of a gradient."""
    made = network(np.random.default_rng(0))
    x, target = adding_problem(np.random.default_rng(1), B)

    def loss() -> float:
        return float(np.mean((made.answer(x).astype(np.float64) - target) ** 2))

    gradient = made.gradient(x, target)
    start, length = made.flat.copy(), np.linalg.norm(gradient)
    ends = []
    for step in (1e-3, -1e-3):
        made.flat[:] = start + np.float32(step) * gradient / length
        ends.append(loss())
    assert (ends[0] - ends[1]) / 2e-3 == pytest.approx(length, rel=0.01)


def test_a_plain_rnn_learns_where_no_long_memory_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same code on windows of 10 steps: it is the length that defeats it."""
    monkeypatch.setattr(f"{__name__}.T", 10)
    error = error_after_training(PlainRnn(np.random.default_rng(0)), 0, 1e-2)
    assert error < CHANCE / 10
