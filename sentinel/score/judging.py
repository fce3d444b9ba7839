"""From the errors of readings to their scores: normalised, smoothed, calibrated, fused.

Every state is an array over entities and costs the same for each reading, however long the stream.
The parts tell the story in order: `following`, `streams`, `tails`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from sentinel.entities import EntityArrays
from sentinel.records import BoolArray, Float32Array, FloatArray, IndexArray, TimeArray
from sentinel.score.following import normalise
from sentinel.score.kinds import FORECAST, SCALES, STREAMS, SUBSPACE
from sentinel.score.streams import amplitudes, attribute, smooth
from sentinel.score.tails import SURPRISE_MAX, TailMap, Tails, fit_tails, fuse

RECENT_GAIN = 0.1
USUAL_SHARE = 0.05
USUAL_MIN = 1e-4
PEAK_QUANTILE = 0.99


@dataclass(frozen=True, slots=True)
class Usual:
    """The errors of normal readings.

    size   (K, F) float32 usual size of each kind of error of each channel
    peak   (F,) float32 the same of the forecast error's peaks
    level  (K, F) float32 where the following normaliser begins
    """

    size: Float32Array
    peak: Float32Array
    level: Float32Array


@dataclass(frozen=True, slots=True)
class Calibration:
    """What scores are made by: everything that normal readings have taught.

    kinds      which kinds of error there are, ascending; K counts these
    amplitude  (S,) usual amplitude of each stream of these kinds
    signals    tails of the S x A smoothed streams
    fused      tails of the fused score
    """

    kinds: tuple[int, ...]
    usual: Usual
    amplitude: FloatArray
    signals: Tails
    fused: Tails


@dataclass(frozen=True, slots=True)
class Judged:
    """The scores of N readings.

    anomaly_score  (N,) surprise of the fused score: 2.3 is the 90% quantile of normal readings
    shares         (N, F) what part each channel has in it
    """

    anomaly_score: FloatArray
    shares: Float32Array


class JudgeState(NamedTuple):
    """Arrays over the E entities.

    level     (E, K, F) where the usual sizes have got to
    smoothed  (E, S, A) the streams' exponentially weighted means
    recent    (E, K, F) smoothed error of each channel and kind, over its calibrated size
    """

    level: Float32Array
    smoothed: FloatArray
    recent: Float32Array


def streams_of(kinds: tuple[int, ...]) -> TimeArray:
    """(S, 2) position of the kind among these, and form, of the streams that these kinds make."""
    return np.array(
        [(kinds.index(kind), form) for kind, form in STREAMS if kind in kinds], np.int64
    )


class Judge(EntityArrays[JudgeState]):
    """Scores of readings, in the order of each entity's stream."""

    def __init__(self, calibration: Calibration) -> None:
        self.calibration = calibration
        self.signals, self.fused = TailMap(calibration.signals), TailMap(calibration.fused)
        usual = calibration.usual
        self.streams = streams_of(calibration.kinds)
        super().__init__(
            JudgeState(
                usual.level[None],
                np.zeros((1, len(self.streams), len(SCALES))),
                np.zeros((1, *usual.size.shape), np.float32),
            )
        )
        self.follows = np.array([kind != SUBSPACE for kind in calibration.kinds])
        self.usual_of_peak = _usual_of_peak(usual, calibration.kinds)

    def judge(self, entity: IndexArray, begins: BoolArray, errors: Float32Array) -> Judged:
        """Score readings.

        entity  (N,)
        begins  (N,) the entity begins with this reading, or anew after a gap
        errors  (N, K, F) overwritten; NaN = unknown
        """
        calibration, state = self.calibration, self.state
        calibrated = errors / calibration.usual.size
        normalise(errors, entity, calibration.usual.size, self.follows, state.level)
        signals = _signals(
            errors, self.streams, self.usual_of_peak, entity, begins, calibration.amplitude,
            state.smoothed,
        )  # fmt: skip
        fused, weight = _fused(signals, self.signals)
        anomaly_score = self.fused.surprise(fused[:, None])[:, 0]
        shares = np.empty((len(entity), errors.shape[2]), np.float32)
        attribute(
            calibrated, entity, begins, weight, self.streams, RECENT_GAIN, state.recent, shares
        )
        return Judged(anomaly_score, shares)


def calibrate(
    kinds: tuple[int, ...], entity: IndexArray, begins: BoolArray, errors: Float32Array
) -> tuple[Calibration, FloatArray]:
    """Learn what is usual from the errors of normal readings; their scores come with it.

    kinds, entity, begins, errors  as of `Judge.judge`; errors is overwritten
    """
    size, peak = _usual_sizes(errors), np.ones(errors.shape[2], np.float32)
    if FORECAST in kinds:
        peak = _usual_sizes(errors[:, kinds.index(FORECAST)][:, None], PEAK_QUANTILE)[0]
    streams = streams_of(kinds)
    follows = np.array([kind != SUBSPACE for kind in kinds])
    level = np.repeat(size[None], int(entity.max()) + 1, axis=0)
    normalise(errors, entity, size, follows, level)
    # The stream goes on where its calibration ended; a new machine begins where the others are.
    usual = Usual(
        size, peak, level[np.unique(entity)].mean(axis=0, dtype=np.float64).astype(np.float32)
    )
    amplitude = np.empty((len(entity), len(streams)))
    usual_of_peak = _usual_of_peak(usual, kinds)
    amplitudes(errors, streams, usual_of_peak, amplitude)
    usual_amplitude = np.nan_to_num(np.nanmean(amplitude, axis=0))
    smoothed = np.zeros((len(level), len(streams), len(SCALES)))
    signals = _signals(errors, streams, usual_of_peak, entity, begins, usual_amplitude, smoothed)
    tails = fit_tails(signals.reshape(len(entity), -1))
    fused, _ = _fused(signals, TailMap(tails))
    of_fused = fit_tails(fused[:, None])
    found = Calibration(kinds, usual, usual_amplitude, tails, of_fused)
    return found, TailMap(of_fused).surprise(fused[:, None])[:, 0]


def _usual_sizes(errors: Float32Array, quantile: float | None = None) -> Float32Array:
    """Usual size (K, F) of errors (N, K, F): the mean, or a quantile, of each channel.

    And a share of all channels' together: a channel that never errs (a constant one) must not turn
    the slightest movement into an alarm.
    """
    if quantile is None:
        with np.errstate(invalid="ignore"):
            count = np.isfinite(errors).sum(axis=0)
            found = np.nansum(errors, axis=0, dtype=np.float64) / np.maximum(count, 1)
    else:
        found, known = np.zeros(errors.shape[1:]), np.isfinite(errors).any(axis=0)
        found[known] = np.nanquantile(errors[:, known].astype(np.float64), quantile, axis=0)
    sizes = found + USUAL_SHARE * found.mean(axis=1, keepdims=True) + USUAL_MIN
    return np.asarray(sizes, np.float32)


def _usual_of_peak(usual: Usual, kinds: tuple[int, ...]) -> Float32Array:
    if FORECAST not in kinds:
        return np.ones_like(usual.peak)
    return np.asarray(usual.size[kinds.index(FORECAST)] / usual.peak)


def _signals(
    ratios: Float32Array,
    streams: TimeArray,
    usual_of_peak: Float32Array,
    entity: IndexArray,
    begins: BoolArray,
    start: FloatArray,
    smoothed: FloatArray,
) -> FloatArray:
    amplitude = np.empty((len(entity), len(streams)))
    amplitudes(ratios, streams, usual_of_peak, amplitude)
    signals = np.empty((len(entity), len(streams), len(SCALES)))
    smooth(amplitude, entity, begins, start, np.array(SCALES), smoothed, signals)
    return signals


def _fused(signals: FloatArray, tails: TailMap) -> tuple[FloatArray, FloatArray]:
    surprise = tails.surprise(signals.reshape(len(signals), len(tails.tails.knots)), SURPRISE_MAX)
    fused, weight = np.empty(len(signals)), np.empty(signals.shape[:2])
    fuse(surprise.reshape(signals.shape), fused, weight)
    return fused, weight
