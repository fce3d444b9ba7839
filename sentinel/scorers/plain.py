"""The plain autoencoder: a window is as odd as its reconstruction is wrong."""

from __future__ import annotations

import numpy as np

from sentinel.entities import Parts
from sentinel.kernels.slabs import WHOLE
from sentinel.model.backends import window_scorer
from sentinel.model.device import Device
from sentinel.model.parameters import Parameters
from sentinel.model.scoring import WindowErrors
from sentinel.records import Float32Array, FloatArray, TimeArray
from sentinel.score.reconstruction import WindowScores, score_errors, shares
from sentinel.scorers.run import Run, RunScores


class PlainScorer(Parts):
    """Scores windows by their normalised mean squared error; nothing is carried."""

    def __init__(
        self,
        parameters: Parameters,
        window_length: int,
        error_scale: FloatArray,
        backend: Device,
    ) -> None:
        super().__init__()
        self._error_scale = error_scale
        self._windows = window_scorer(parameters, window_length, backend)

    def score(self, run: Run) -> RunScores:
        """Score the readings that complete a window of the stride."""
        found = self._normalised(self._windows.score_rings(run.windows))
        return RunScores(
            run.taken.windows,
            found.anomaly_score,
            shares(found.channel_errors, self._error_scale).astype(np.float32),
            found.expected,
        )

    def score_windows(
        self, rows: Float32Array, starts: TimeArray, lengths: TimeArray
    ) -> WindowScores:
        """Score any number of windows; each one's bits do not depend on the others.

        rows, starts, lengths  (N, F) scaled, (B,), (B,): see `WindowScorer.score`
        """
        return self._normalised(self._windows.score(rows, starts, lengths))

    def _normalised(self, found: WindowErrors) -> WindowScores:
        whole = np.ascontiguousarray(found.errors[:, WHOLE])
        return score_errors(whole, found.expected, self._error_scale)
