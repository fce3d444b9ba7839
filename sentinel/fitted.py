"""A fitted model: everything that scoring needs, as one value. The store writes and reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from sentinel.kernels.slabs import WHOLE
from sentinel.model.parameters import Parameters
from sentinel.model.prepared import Backend
from sentinel.model.scoring import WindowScorer
from sentinel.records import Float32Array, FloatArray, TimeArray
from sentinel.score.reconstruction import WindowScores, score_errors
from sentinel.window.scaling import Scaling


@dataclass(frozen=True, slots=True)
class FittedModel:
    """What `sentinel fit` makes.

    channels       names, in the order of every array over F
    interval_ns    median time between two readings of the history; 0: unknown
    max_gap_ns     a longer gap restarts the window
    scaling        raw to scaled units
    error_scale    (F,) usual mean squared reconstruction error of each channel, scaled units
    threshold      anomaly_score at which score_ratio is 1
    summary        how it was trained: numbers and texts, for people
    name, version  given by the store; the version is a hash of everything above
    """

    channels: tuple[str, ...]
    window_length: int
    window_stride: int
    interval_ns: int
    max_gap_ns: int
    scaling: Scaling
    parameters: Parameters
    error_scale: FloatArray
    threshold: float
    summary: Mapping[str, object] = field(default_factory=dict)
    name: str = ""
    version: str = ""


class Scorer:
    """A fitted model's scores of windows, by the kernels of a backend, compiled when it is made."""

    def __init__(self, model: FittedModel, backend: Backend) -> None:
        self._error_scale = model.error_scale
        self._windows = WindowScorer(model.parameters, model.window_length, backend)

    def score(self, rows: Float32Array, starts: TimeArray, lengths: TimeArray) -> WindowScores:
        """Score any number of windows; each one's bits do not depend on the others.

        rows, starts, lengths  (N, F) scaled, (B,), (B,): see `WindowScorer.score`
        """
        found = self._windows.score(rows, starts, lengths)
        whole = np.ascontiguousarray(found.errors[:, WHOLE])
        return score_errors(whole, found.expected, self._error_scale)
