"""What the kernel benchmarks compute: windows of one shape, a model for them, and what is right."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from sentinel.model.architecture import Architecture
from sentinel.model.parameters import Parameters
from sentinel.model.reference import loss, reconstruct
from sentinel.records import Float32Array, FloatArray, TimeArray

# So many windows are enough to find a wrong kernel; float64 takes its time.
CHECKED_MAX = 256


class Shape(NamedTuple):
    """T, F, H."""

    steps: int
    channels: int
    hidden: int

    @property
    def flops(self) -> int:
        """Useful ones of a window: sums of products, the decoder's constant input only once."""
        T, F, H = self
        return T * (8 * H * (F + H) + 8 * H * H + 2 * H * F) + 8 * H * H

    def __str__(self) -> str:
        return f"({self.steps}, {self.channels}, {self.hidden})"


class JointShape(Shape):
    """Of a joint model: after every reading, the next one is forecast."""

    @property
    def flops(self) -> int:
        """With the second head."""
        T, F, H = self
        return super().flops + T * 2 * H * F


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that is timed, and found right before.

    run    the work, timed whole
    check  what it computes, to be compared: errors of windows (B,), or a gradient (P,)
    """

    run: Callable[[], Any]
    check: Callable[[], Float32Array]


@dataclass(frozen=True, slots=True)
class Case:
    """A model, and windows (B, T, F) that stand one after the other in the rows of readings."""

    shape: Shape
    parameters: Parameters
    windows: Float32Array

    @classmethod
    def of(cls, shape: Shape, batch: int) -> Case:
        """The same values for the same shape, whatever the batch: fewer windows are its first."""
        rng = np.random.default_rng(0)
        forecast = isinstance(shape, JointShape)
        architecture = Architecture(shape.channels, shape.hidden, forecast=forecast)
        parameters = Parameters.initial(architecture, rng)
        # No bias is 0, so that a peer that has gates or biases in another order is found out.
        parameters.flat += rng.uniform(-0.05, 0.05, parameters.flat.size).astype(np.float32)
        windows = rng.standard_normal((batch, shape.steps, shape.channels), np.float32)
        return cls(shape, parameters, windows)

    @property
    def batch(self) -> int:
        """B."""
        return len(self.windows)

    @property
    def rows(self) -> Float32Array:
        """All windows as rows of readings (B T, F)."""
        return self.windows.reshape(-1, self.shape.channels)

    @property
    def places(self) -> tuple[TimeArray, TimeArray]:
        """First row and number of rows of each window."""
        steps = np.full(self.batch, self.shape.steps, np.int64)
        return np.arange(self.batch) * steps, steps

    def time_major(self) -> Float32Array:
        """The windows as the peers like them best (T, B, F)."""
        return np.ascontiguousarray(self.windows.transpose(1, 0, 2))


def window_errors(parameters: Parameters, windows: FloatArray) -> FloatArray:
    """Mean squared error of each window, in float64.  windows (B, T, F)"""
    x = windows.transpose(1, 2, 0).astype(np.float64)
    return np.mean((reconstruct(parameters, x) - x) ** 2, axis=(0, 1))


class Judge(ABC):
    """Knows what is right for a case, and by how much float32 may miss it."""

    error_max: float

    @abstractmethod
    def error_of(self, found: Float32Array) -> float:
        """The largest error of what a candidate's `check` gave; NaN where one is NaN."""

    def validate(self, name: str, case: Case, candidate: Candidate) -> float:
        """The largest error of a candidate; one that is wrong ends the run."""
        error = self.error_of(candidate.check())
        if not error <= self.error_max:  # a NaN is wrong
            sys.exit(
                f"{name} is wrong at {case.shape}, B = {case.batch}: "
                f"error {error:.2g}, at most {self.error_max:.0e} is right"
            )
        return error


class RightErrors(Judge):
    """For candidates that score, on some of the windows where there are many."""

    # What a mean squared error near 1 may be off by in float32.
    error_max = 1e-5

    def __init__(self, case: Case) -> None:
        rng = np.random.default_rng(1)
        # Any of them: evenly spaced ones would all stand in the same lane.
        self.chosen = rng.permutation(case.batch)[:CHECKED_MAX]
        self.right = window_errors(case.parameters, case.windows[self.chosen])

    def error_of(self, found: Float32Array) -> float:
        """Absolute."""
        return float(np.max(np.abs(found[self.chosen] - self.right)))


class RightGradient(Judge):
    """For candidates that train: their gradient must predict the slope of the loss in float64.

    One random direction for each tensor, slopes by central differences. For normal directions d
    the product with a gradient g is as large as |g|, and so is the error with the error of g.
    """

    error_max = 1e-3
    step = 1e-6

    def __init__(self, case: Case) -> None:
        rng = np.random.default_rng(1)
        architecture = case.parameters.architecture
        flat = case.parameters.flat.astype(np.float64)
        x = case.windows.transpose(1, 2, 0).astype(np.float64)
        self.directions, self.slopes = [], []
        for name, tensor in case.parameters.tensors.items():
            direction = Parameters(architecture, np.zeros_like(flat))
            direction[name][...] = rng.standard_normal(tensor.shape)
            self.directions.append(direction.flat)
            ahead, behind = (
                loss(Parameters(architecture, moved), x)
                for moved in (
                    flat + self.step * direction.flat,
                    flat - self.step * direction.flat,
                )
            )
            self.slopes.append((ahead - behind) / (2 * self.step))

    def error_of(self, found: Float32Array) -> float:
        """Of a tensor's gradient, as a share of its norm."""
        shares = [
            (found @ direction - slope) / np.linalg.norm(found[direction != 0])
            for direction, slope in zip(self.directions, self.slopes, strict=True)
        ]
        return float(np.max(np.abs(shares)))
