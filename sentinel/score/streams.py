"""From normalised errors of channels to the streams of a reading, each smoothed at four scales."""

from __future__ import annotations

import numpy as np

from sentinel.kernels.jit import jit
from sentinel.records import BoolArray, Float32Array, FloatArray, IndexArray, TimeArray
from sentinel.score.kinds import PEAKS, ROOTS


@jit
def amplitudes(
    ratios: Float32Array, streams: TimeArray, usual_of_peak: Float32Array, out: FloatArray
) -> None:
    """How far each reading is off, by stream; amplitudes, not energies: 1 is as usual.

    ratios         (N, K, F) errors over their usual size; NaN = unknown
    streams        (S, 2) kind and form of each, as of `kinds.STREAMS`
    usual_of_peak  (F,) usual size of the forecast error over its 99% quantile
    out            (N, S) overwritten; NaN where no channel has an error
    """
    for n in range(ratios.shape[0]):
        for s in range(len(streams)):
            kind, form = streams[s, 0], streams[s, 1]
            total, count = 0.0, 0
            for f in range(ratios.shape[2]):
                ratio = ratios[n, kind, f]
                if np.isnan(ratio):
                    continue
                count += 1
                if form == ROOTS:
                    total += np.sqrt(ratio)
                elif form == PEAKS:
                    total += ratio * usual_of_peak[f]
                else:
                    total += ratio
            mean = total / count if count > 0 else np.nan
            out[n, s] = mean if form == ROOTS else np.sqrt(mean)


@jit
def smooth(
    amplitude: FloatArray,
    entity: IndexArray,
    begins: BoolArray,
    start: FloatArray,
    scales: FloatArray,
    smoothed: FloatArray,
    signals: FloatArray,
) -> None:
    """Exponentially weighted means of each stream.

    amplitude  (N, S), in order; NaN = unknown: the means stay
    begins     (N,) the entity begins anew with this reading: from `start`
    start      (S,) the usual amplitude
    scales     (A,) weight of the newest reading
    smoothed   (E, S, A) updated
    signals    (N, S, A) overwritten
    """
    for n in range(len(entity)):
        e = entity[n]
        for s in range(amplitude.shape[1]):
            for a in range(len(scales)):
                if begins[n]:
                    smoothed[e, s, a] = start[s]
                if not np.isnan(amplitude[n, s]):
                    smoothed[e, s, a] += scales[a] * (amplitude[n, s] - smoothed[e, s, a])
                signals[n, s, a] = smoothed[e, s, a]


@jit
def attribute(
    ratios: Float32Array,
    entity: IndexArray,
    begins: BoolArray,
    weight: FloatArray,
    streams: TimeArray,
    gain: float,
    recent: Float32Array,
    out: Float32Array,
) -> None:
    """What part each channel has in each reading's score.

    Every stream names its channels, and has as much to say as it is surprising. In the score itself
    the loudest stream counts for nearly all; but where a channel is far off, the network's errors
    of the others grow, too, so that the loudest stream alone names the wrong one.

    ratios  (N, K, F) errors over their calibrated size, in order; NaN = unknown. Not over the one
            that follows: a channel that wears out slowly would hide itself
    weight  (N, S) how surprising each stream is
    gain    weight of the newest reading in a channel's recent error
    recent  (E, K, F) updated: each channel's smoothed error of each kind. Errors are smoothed, not
            shares of them: so one reading that is far off names its channel at once
    out     (N, F) overwritten; sum 1, or 0 where no stream adds anything
    """
    channels = ratios.shape[2]
    for n in range(len(entity)):
        e = entity[n]
        for k in range(ratios.shape[1]):
            for f in range(channels):
                ratio = ratios[n, k, f]
                known = ratio if ratio == ratio else np.float32(0)
                before = known if begins[n] else recent[e, k, f]
                recent[e, k, f] = before + np.float32(gain) * (known - before)
        out[n] = 0
        total_weight = 0.0
        for s in range(len(streams)):
            of_kind = recent[e, streams[s, 0]]
            total = of_kind.sum()
            if not total > 0:
                continue
            total_weight += weight[n, s]
            part = np.float32(weight[n, s]) / total
            for f in range(channels):
                out[n, f] += part * of_kind[f]
        if total_weight > 0:
            for f in range(channels):
                out[n, f] /= np.float32(total_weight)
