"""How odd each reading of a history is among its neighbours, when the history may be spoilt itself.

A calibration takes every reading for normal: a few faults in it raise the mean errors and the tails
until they look usual. Here nothing but medians and 90% quantiles is taken from the readings, and
both stay where they are while less than a tenth of the readings is wrong. (A quantile in place of
the tails' means is too coarse to tell how rare a normal reading is; so scores are not made by it.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sentinel.records import BoolArray, Float32Array, FloatArray, TimeArray
from sentinel.score.kinds import DISPERSION, PEAKS, STREAMS, WHOLE
from sentinel.score.streams import amplitudes, smooth

# Errors that tell of the newest readings: the others stand for a whole window after a fault.
NEW = tuple((kind, form) for kind, form in STREAMS if kind not in (WHOLE, DISPERSION))
QUICK = (1.0, 0.3)  # smoothing constants
# Oddity of what is suspicious. Of 14 series of the quality command, nine as they are reach it with
# no reading or with a thousandth of them; the others are full of rare peaks.
SUSPICIOUS = 6.0
SPREAD_SHARE, SPREAD_MIN = 0.1, 1e-3
SIZE_SHARE, SIZE_MIN = 0.05, 1e-4


@dataclass(frozen=True, slots=True)
class Oddity:
    """Of N readings.

    value    (N,) distance from the median, over that of the 90% quantile: 1 is nothing special
    streams  (S, 2) position of the kind, and form, of what it is the fourth-power mean of
    weight   (N, S) what each of them adds
    ratios   (N, K, F) errors over their 90% quantile; NaN = unknown
    """

    value: FloatArray
    streams: TimeArray
    weight: Float32Array
    ratios: Float32Array

    def shares(self, reading: int) -> FloatArray:
        """What part of a reading's oddity each channel makes up, (F,); sum 1, or 0 of nothing."""
        ratios = np.nan_to_num(self.ratios[reading, self.streams[:, 0]].astype(np.float64))
        total = ratios.sum(axis=1, keepdims=True)
        parts = np.divide(ratios, total, out=np.zeros_like(ratios), where=total > 0)
        shares = (self.weight[reading][:, None] * parts).sum(axis=0)
        return np.asarray(shares / max(shares.sum(), np.finfo(np.float64).tiny))


def oddity(kinds: tuple[int, ...], begins: BoolArray, errors: Float32Array) -> Oddity:
    """Judge readings by each other.

    kinds, begins, errors  of N readings, as of `Judge.judge`; errors is overwritten
    """
    streams = np.array([(kinds.index(kind), form) for kind, form in NEW
                        if kind in kinds and form != PEAKS], np.int64)  # fmt: skip
    errors *= np.float32(1) / _sizes(errors)
    amplitude = np.empty((len(errors), len(streams)))
    amplitudes(errors, streams, np.ones(errors.shape[2], np.float32), amplitude)
    start = np.zeros(len(streams))
    known = np.isfinite(amplitude).any(axis=0)
    start[known] = np.nanmedian(amplitude[:, known], axis=0)
    signals = np.empty((*amplitude.shape, len(QUICK)))
    smooth(
        amplitude, np.zeros(len(errors), np.int32), begins, start, np.array(QUICK),
        np.zeros((1, *signals.shape[1:])), signals,
    )  # fmt: skip
    middle, high = np.quantile(signals, (0.5, 0.9), axis=0)
    spread = np.maximum(high - middle, SPREAD_SHARE * middle + SPREAD_MIN)
    excess = np.maximum((signals - middle) / spread, 0) ** 4
    return Oddity(
        np.asarray(excess.mean(axis=(1, 2)) ** 0.25), streams,
        excess.mean(axis=2).astype(np.float32), errors,
    )  # fmt: skip


def _sizes(errors: Float32Array) -> Float32Array:
    """90% quantile (K, F) of errors (N, K, F), and a share of all channels' together."""
    found, known = np.zeros(errors.shape[1:]), np.isfinite(errors).any(axis=0)
    found[known] = np.nanquantile(errors[:, known], 0.9, axis=0)
    sizes = found + SIZE_SHARE * found.mean(axis=1, keepdims=True) + SIZE_MIN
    return np.asarray(sizes, np.float32)
