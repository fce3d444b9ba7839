"""A model's own history, looked through for stretches that had better not have taught it.

The part that fitted and the part that calibrated are each judged by their own medians and 90%
quantiles (`sentinel.score.oddity`), in the order of the stream. Limits: what the network has learnt
by heart, or what is wrong in more than a tenth of a part, does not look odd any more; and a rare
peak that belongs to the machine does, as long as it is rare.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sentinel.fitted import FittedModel
from sentinel.fitting.history import Allocate, History, cut
from sentinel.fitting.settings import FitSettings
from sentinel.fitting.stretches import Errors, measure_stretches
from sentinel.model.device import Device, call_windows
from sentinel.model.prepared import Backend
from sentinel.model.training import evenly
from sentinel.records import BoolArray, FloatArray, Readings, TimeArray
from sentinel.score.oddity import SUSPICIOUS, Oddity, oddity
from sentinel.scorers.measuring import Measurer
from sentinel.window.rings import Rings
from sentinel.window.segments import Segments
from sentinel.window.split import calibration_split

# What is looked through, in blocks spread evenly over a longer history: a few seconds' work.
ROWS_MAX, VALUES_MAX, BLOCK_ROWS = 65_536, 1 << 20, 4096
CLOSE_RATIO = 0.5


@dataclass(frozen=True, slots=True)
class Suspicious:
    """A stretch that looks anomalous.

    first, stop  its places [first, stop) of `segments.rows`
    peak_ratio   its highest oddity; 1 is suspicious
    shares       by channel's number, largest first, of that reading's oddity
    """

    entity: int
    first: int
    stop: int
    from_ns: int
    to_ns: int
    peak_ratio: float
    shares: tuple[tuple[int, float], ...]

    @property
    def readings(self) -> int:
        """Usable readings in it."""
        return self.stop - self.first


@dataclass(frozen=True, slots=True)
class Review:
    """What was found.

    segments    the usable rows
    looked_at   readings that were judged; a stretch begins with a window that is not
    suspicious  worst first
    """

    segments: Segments
    looked_at: int
    suspicious: tuple[Suspicious, ...]

    def leave_out(self, share: float, rows: BoolArray) -> tuple[Suspicious, ...]:
        """The worst stretches that together are at most this share of the readings.

        rows  (N,) of the history: theirs are set
        """
        left, chosen = int(share * len(self.segments.rows)), []
        for found in self.suspicious:
            if found.readings <= left:
                left -= found.readings
                chosen.append(found)
                rows[self.segments.rows[found.first : found.stop]] = True
        return tuple(chosen)


def review(
    readings: Readings,
    model: FittedModel,
    settings: FitSettings,
    *,
    backend: Device | None = None,
    excluded: BoolArray | None = None,
    allocate: Allocate = np.empty,
) -> Review:
    """Look through the history that a model with a recipe was fitted to, by the same arguments."""
    assert model.recipe is not None
    history = cut(readings, model.channels, settings, allocate, excluded)
    fitted, held_out = calibration_split(history.segments, model.window_length)
    whole = np.column_stack([fitted.ranges[:, 0], fitted.ranges])
    looked_at, suspicious = 0, []
    # Apart: errors of readings that were learnt are smaller than those of the others.
    for part in (whole, held_out):
        errors = _measured(history, part, model, backend or Backend())
        if not len(errors.place):
            continue
        looked_at += len(errors.place)
        judged = oddity(model.recipe.calibration.kinds, errors.begins, errors.errors)
        suspicious += list(_stretches(history, errors.place, judged, model.window_length))
    worst_first = sorted(suspicious, key=lambda found: (-found.peak_ratio, found.first))
    return Review(history.segments, looked_at, tuple(worst_first))


def _measured(history: History, part: TimeArray, model: FittedModel, backend: Device) -> Errors:
    """The errors of a part, or of blocks all over it.  part (R, 3) as of `measure_stretches`"""
    assert model.recipe is not None
    blocks = np.array(list(_blocks(part, model.window_length)), np.int64)
    most = min(ROWS_MAX, VALUES_MAX // len(model.channels))
    rows = int((blocks[:, 2] - blocks[:, 1]).sum())
    chosen = blocks[evenly(len(blocks), max(len(blocks) * most // max(rows, most), 1))]
    rings = Rings(
        model.scaling, model.window_length, model.window_stride, model.max_gap_ns,
        windows_max=call_windows(backend, len(model.channels)), in_turn=True,
    )  # fmt: skip
    measurer = Measurer(
        model.parameters, model.recipe.companions, model.recipe.calibration.kinds,
        model.window_length, model.window_stride, backend,
    )  # fmt: skip
    return measure_stretches(history, chosen, rings, measurer)


def _blocks(part: TimeArray, window_length: int) -> Iterator[tuple[int, int, int]]:
    for context, first, stop in part.tolist():
        for begin in range(first, stop, BLOCK_ROWS):
            yield max(context, begin - window_length), begin, min(begin + BLOCK_ROWS, stop)


def _stretches(
    history: History, place: TimeArray, judged: Oddity, window_length: int
) -> Iterator[Suspicious]:
    """Readings with half of what is suspicious, in a row, around one that is.

    Two with less than a window between them are one: what lies there is in no window of its own.
    Neighbours in `place` need not be any in the history: another entity may have come between.
    """
    segments, ratio = history.segments, judged.value / SUSPICIOUS
    odd = np.flatnonzero(ratio >= CLOSE_RATIO)
    if not len(odd):
        return
    apart = np.flatnonzero(np.diff(place[odd]) != 1) + 1
    runs = [run for run in np.split(odd, apart) if ratio[run].max() >= 1]
    if not runs:
        return
    segment = np.searchsorted(segments.starts, place, side="right")
    ends = np.array([(run[0], run[-1]) for run in runs])
    near = place[ends[1:, 0]] - place[ends[:-1, 1]] <= window_length
    near &= segment[ends[1:, 0]] == segment[ends[:-1, 1]]
    for group in np.split(ends, np.flatnonzero(~near) + 1):
        first, last = int(group[0, 0]), int(group[-1, 1])
        peak = first + int(ratio[first : last + 1].argmax())
        begin, stop = int(place[first]), int(place[last]) + 1
        shares: FloatArray = judged.shares(peak)
        yield Suspicious(
            entity=int(segments.entity[segment[first] - 1]),
            first=begin,
            stop=stop,
            from_ns=int(history.readings.time_ns[segments.rows[begin]]),
            to_ns=int(history.readings.time_ns[segments.rows[stop - 1]]),
            peak_ratio=float(ratio[peak]),
            shares=tuple((f, float(shares[f])) for f in np.argsort(-shares, kind="stable")),
        )
