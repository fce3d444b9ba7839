"""Scores of windows from their reconstruction: the channels' errors, each against its usual size.

The whole window's error, normalised per channel, separates better than the newest reading's: see
Malhotra et al., "LSTM-based encoder-decoder for multi-sensor anomaly detection", 2016, for the
plain error this departs from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sentinel.kernels.errors import channel_errors, normalised_error
from sentinel.records import Float32Array, FloatArray

ERROR_SCALE_SHARE = 0.05
ERROR_SCALE_MIN = 1e-4


@dataclass(frozen=True, slots=True)
class WindowScores:
    """Scores of B windows.

    anomaly_score   (B,) float64, larger = more anomalous; NaN where nothing could be compared
    channel_errors  (F, B) float32 mean squared error over the window; NaN where masked throughout
    expected        (F, B) float32, the newest reading as reconstructed, scaled units
    """

    anomaly_score: FloatArray
    channel_errors: Float32Array
    expected: Float32Array

    @classmethod
    def concatenate(cls, parts: Sequence[WindowScores]) -> WindowScores:
        """The windows of all parts, in order."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            np.concatenate([part.anomaly_score for part in parts]),
            np.concatenate([part.channel_errors for part in parts], axis=1),
            np.concatenate([part.expected for part in parts], axis=1),
        )


def score_reconstruction(
    x: Float32Array, x_hat: Float32Array, mask: Float32Array, error_scale: FloatArray
) -> WindowScores:
    """Mean over the channels of (window's mean squared error / the channel's usual one).

    x, x_hat, mask  (T, F, B) scaled;  error_scale  (F,) from `error_scale`
    """
    errors = np.empty(x.shape[1:], np.float32)
    channel_errors(x, x_hat, mask, 0, errors)
    anomaly_score = np.empty(x.shape[2], np.float64)
    normalised_error(errors, error_scale, anomaly_score)
    return WindowScores(anomaly_score, errors, x_hat[-1])


def usual_errors(errors: Float32Array) -> FloatArray:
    """The error_scale (F,) of held-out windows' channel errors (F, B).

    The mean, plus a share of all channels' mean: a channel that never errs (a constant one) must
    not turn the slightest movement into an alarm.
    """
    count = np.maximum(np.isfinite(errors).sum(axis=1), 1)
    mean = np.nansum(errors.astype(np.float64), axis=1) / count
    return np.asarray(mean + ERROR_SCALE_SHARE * mean.mean() + ERROR_SCALE_MIN)


def shares(errors: Float32Array, error_scale: FloatArray) -> FloatArray:
    """What part of a window's score each channel makes up: (F,) of its errors (F,), sum 1."""
    parts = np.nan_to_num(errors.astype(np.float64)) / error_scale
    total = parts.sum()
    return parts / total if total > 0 else parts
