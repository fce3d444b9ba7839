"""A fitted model: everything that scoring needs, as one value. The store writes and reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from sentinel.kernels.cpu import WINDOWS_PER_CALL
from sentinel.model.autoencoder import reconstruct
from sentinel.model.parameters import Parameters
from sentinel.records import Float32Array, FloatArray
from sentinel.score.reconstruction import WindowScores, score_reconstruction
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

    def score(self, x: Float32Array, mask: Float32Array) -> WindowScores:
        """Score any number of windows; each one's bits do not depend on the others.

        x, mask  (T, F, B), scaled, 0 where masked
        """
        parts = []
        for start in range(0, x.shape[2], WINDOWS_PER_CALL):
            few = slice(start, start + WINDOWS_PER_CALL)
            x_few = np.ascontiguousarray(x[:, :, few])
            mask_few = np.ascontiguousarray(mask[:, :, few])
            x_hat = reconstruct(self.parameters, x_few)
            parts.append(score_reconstruction(x_few, x_hat, mask_few, self.error_scale))
        return WindowScores.concatenate(parts)

    def warm_up(self) -> None:
        """Compile (or load) every kernel that scoring uses, for this model's shape."""
        shape = (self.window_length, len(self.channels), 1)
        self.score(np.zeros(shape, np.float32), np.ones(shape, np.float32))
