"""Scores of windows from their reconstruction: the channels' errors, each against its usual size.

The whole window's error, normalised per channel, separates better than the newest reading's: see
Malhotra et al., "LSTM-based encoder-decoder for multi-sensor anomaly detection", 2016, for the
plain error this departs from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sentinel.kernels.errors import normalised_error
from sentinel.records import Float32Array, FloatArray

ERROR_SCALE_SHARE = 0.05
ERROR_SCALE_MIN = 1e-4


@dataclass(frozen=True, slots=True)
class WindowScores:
    """Scores of B windows.

    anomaly_score   (B,) float64, larger = more anomalous; NaN where nothing could be compared
    channel_errors  (B, F) float32 mean squared error over the window; NaN where masked throughout
    expected        (B, F) float32, the newest reading as reconstructed, scaled units
    """

    anomaly_score: FloatArray
    channel_errors: Float32Array
    expected: Float32Array


def score_errors(
    channel_errors: Float32Array, expected: Float32Array, error_scale: FloatArray
) -> WindowScores:
    """Mean over the channels of (window's mean squared error / the channel's usual one).

    error_scale  (F,) from `usual_errors`
    """
    anomaly_score = np.empty(len(channel_errors), np.float64)
    normalised_error(channel_errors, error_scale, anomaly_score)
    return WindowScores(anomaly_score, channel_errors, expected)


def usual_errors(errors: Float32Array) -> FloatArray:
    """The error_scale (F,) of held-out windows' channel errors (B, F).

    The mean, plus a share of all channels' mean: a channel that never errs (a constant one) must
    not turn the slightest movement into an alarm.
    """
    count = np.maximum(np.isfinite(errors).sum(axis=0), 1)
    mean = np.nansum(errors.astype(np.float64), axis=0) / count
    return np.asarray(mean + ERROR_SCALE_SHARE * mean.mean() + ERROR_SCALE_MIN)


def shares(errors: Float32Array, error_scale: FloatArray) -> FloatArray:
    """What part of each window's score each channel makes up: (B, F) of errors (B, F), sum 1."""
    parts = np.nan_to_num(errors.astype(np.float64)) / error_scale
    total = parts.sum(axis=1, keepdims=True)
    return np.asarray(parts / np.where(total > 0, total, 1.0))
