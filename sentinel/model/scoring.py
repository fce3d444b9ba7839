"""Windows to errors, by the kernels of a backend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sentinel.kernels.score_windows import score_few, score_many
from sentinel.kernels.slabs import SPANS
from sentinel.kernels.windows_in_amx import score_by_unit
from sentinel.model.architecture import Architecture
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import (
    Backend,
    Kernels,
    PreparedKernel,
    as_kernels_take,
    makers,
)  # fmt: skip
from sentinel.model.ring_windows import RingWindows
from sentinel.records import Float32Array, TimeArray


@dataclass(frozen=True, slots=True)
class WindowErrors:
    """What a model makes of B windows.

    errors    (B, SPANS, F) float32 mean squared errors, scaled units, over the whole window, its
              last quarter, its newest reading; NaN where nothing could be compared
    expected  (B, F) float32, the newest reading as rebuilt, scaled units
    """

    errors: Float32Array
    expected: Float32Array


class WindowScorer:
    """Scores windows; the bits of each do not depend on the others, nor on the threads.

    steps  T
    Not for concurrent calls: the scratch is the scorer's own.
    """

    def __init__(self, parameters: Parameters, steps: int, backend: Backend) -> None:
        self.channels, self.steps = parameters.architecture.channels, steps
        self.kernels = Kernels(scoring_makers(parameters.architecture, steps, backend))
        self.load(parameters)

    def load(self, parameters: Parameters) -> None:
        """Score with these parameters from now on."""
        self.kernels.load(parameters.flat)

    def score(self, rows: Float32Array, starts: TimeArray, lengths: TimeArray) -> WindowErrors:
        """Score windows of consecutive rows.

        rows     (N, F) scaled; NaN = missing
        starts   (B,) int64, first row of each window
        lengths  (B,) int64, rows of each window, at most T; fewer: padded on the left and masked
        """
        flat, starts, lengths = as_kernels_take(rows, starts, lengths)
        found = _arguments(flat, starts, lengths, self.channels)
        errors, expected = found[-2:]
        for kernel, part in self.kernels.parts(len(starts)):
            queue = np.zeros(1, np.int64)
            windows = (starts[part], lengths[part], queue, errors[part], expected[part])
            kernel(part.stop - part.start, found[0], *windows)
        return WindowErrors(errors, expected)

    def score_rings(self, windows: RingWindows) -> WindowErrors:
        """Score full windows of a stream, T rows each."""
        return self.score(windows.rows, windows.starts, np.full(len(windows.starts), self.steps))


def scoring_makers(
    architecture: Architecture, steps: int, backend: Backend
) -> list[Callable[[], PreparedKernel]]:
    """What makes each of the kernels of a `WindowScorer` ready, in any order and any process."""
    none = np.zeros(0, np.int64)
    nothing = _arguments(np.zeros(0, np.float32), none, none, 0)
    return makers(
        score_many, score_few, architecture, steps, backend, nothing, by_unit=score_by_unit
    )


def _arguments(
    flat: Float32Array, starts: TimeArray, lengths: TimeArray, channels: int
) -> tuple[Float32Array, TimeArray, TimeArray, TimeArray, Float32Array, Float32Array]:
    """What a kernel is called with, its outputs last."""
    errors = np.empty((len(starts), SPANS, channels), np.float32)
    expected = np.empty((len(starts), channels), np.float32)
    return flat, starts, lengths, np.zeros(1, np.int64), errors, expected
