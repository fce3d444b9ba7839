"""The temporal split of a history: train, validation, test; no reading is in two of them.

Every part is a run of whole rows, and a window lies within one part. Between two parts of an entity
window_length - 1 of its rows are left out: no window, wherever it begins, could hold readings of
both. Entities that are dealt out whole share nothing, and nothing is left out between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sentinel.errors import DataError
from sentinel.plural import counted
from sentinel.records import TimeArray
from sentinel.window.segments import Segments

WINDOW_LENGTH_MIN = 4
WINDOW_LENGTH_MAX = 64
TRAIN_WINDOWS_MIN = 32  # below that there is nothing to learn from
HELD_OUT_WINDOWS_MIN = 16  # of validation and of test each: the threshold is the tail of these
HELD_OUT_SHARE = 0.15  # of the rows, for validation and for test each
CALIBRATION_SHARE = 0.2
CALIBRATION_WINDOWS_MIN = 8


@dataclass(frozen=True, slots=True)
class Part:
    """Windows of one part, as runs of them, and the rows they are made of: all in `Segments.rows`.

    ranges   (R, 2) the part's rows: first, and one past the last; ascending
    starts   (P,) first row of the first window of each run; one begins every window_stride rows
    lengths  (P,) rows of each window of a run
    runs     (P + 1,) number of the first window of each run, and how many windows there are
    """

    ranges: TimeArray
    starts: TimeArray
    lengths: TimeArray
    runs: TimeArray

    @property
    def rows(self) -> int:
        """Rows of the part."""
        return int(np.diff(self.ranges, axis=1).sum())

    @property
    def windows(self) -> int:
        """Windows of the part."""
        return int(self.runs[-1])


@dataclass(frozen=True, slots=True)
class Split:
    """The three parts, oldest first."""

    train: Part
    validation: Part
    test: Part


def rows_min(window_length: int, window_stride: int) -> int:
    """Rows without a gap that make as many windows as the three parts need at the least."""
    steps = TRAIN_WINDOWS_MIN - 1 + 2 * (HELD_OUT_WINDOWS_MIN - 1)
    return 3 * window_length + steps * window_stride + 2 * (window_length - 1)


def auto_window_length(rows: int, window_stride: int = 1) -> int:
    """A window length for an entity with so many rows: an eighth of them, 4 to 64.

    An eighth, as the held-out parts of a short history and the rows left out before them take about
    four windows, and half of it should train. Never so long that a part would have too few windows,
    where a length of 4 has enough.
    """
    enough = (rows - rows_min(0, window_stride)) // 5
    return max(WINDOW_LENGTH_MIN, min(WINDOW_LENGTH_MAX, rows // 8, enough))


def longest_entity(segments: Segments) -> int:
    """Rows of the entity that has most of them."""
    lengths = np.diff(segments.starts)
    return int(np.bincount(segments.entity, weights=lengths).max()) if len(lengths) else 0


def split(segments: Segments, window_length: int, window_stride: int) -> Split:
    """Cut every entity's rows into 70, 15 and 15 percent, and each part into windows.

    Between two parts of an entity window_length - 1 rows are left out; the shares are of the rest.
    Validation and test get at least HELD_OUT_WINDOWS_MIN windows each. An entity too short for that
    and for TRAIN_WINDOWS_MIN stays whole and trains; where all are too short, they are dealt out
    whole in the order in which they first appear: the first ones train, the last ones test.
    Raises DataError where a part has too few windows.
    """
    held_out_min = window_length + (HELD_OUT_WINDOWS_MIN - 1) * window_stride
    between = window_length - 1
    parts: list[list[tuple[int, int]]] = [[], [], []]
    short: list[tuple[int, int]] = []
    for begin, end in _entities(segments):
        rows = end - begin
        if rows < rows_min(window_length, window_stride):
            short.append((begin, end))
            continue
        held_out = max(held_out_min, round(HELD_OUT_SHARE * (rows - 2 * between)))
        validation = end - 2 * held_out - between
        parts[0].append((begin, validation - between))
        parts[1].append((validation, validation + held_out))
        parts[2].append((end - held_out, end))
    if short and not parts[0]:
        _deal(short, parts)
    else:
        parts[0].extend(short)
    made = [cut_windows(segments, part, window_length, window_stride) for part in parts]
    least = (TRAIN_WINDOWS_MIN, HELD_OUT_WINDOWS_MIN, HELD_OUT_WINDOWS_MIN)
    if any(part.windows < count for part, count in zip(made, least, strict=True)):
        raise _too_few(segments, made, window_length, window_stride)
    return Split(*made)


def _too_few(
    segments: Segments, made: list[Part], window_length: int, window_stride: int
) -> DataError:
    stretches = len(segments.entity)
    train, validation, test = (part.windows for part in made)
    wide, narrow = rows_min(window_length, window_stride), rows_min(WINDOW_LENGTH_MIN, 1)
    hints = [f"{wide} rows of one entity without a gap are enough"]
    if narrow < wide:
        hints.append(f"{narrow} with --window-length {WINDOW_LENGTH_MIN} --window-stride 1")
    if stretches > len(np.unique(segments.entity)):
        hints.append("a larger --max-gap makes fewer stretches")
    return DataError(
        f"the history is too short: {counted(len(segments.rows), 'usable row')} in "
        f"{counted(stretches, 'stretch', 'stretches')} without a gap make "
        f"{counted(train, 'window')} of {window_length} readings to train, {validation} to "
        f"validate and {test} to test, where at least {TRAIN_WINDOWS_MIN}, {HELD_OUT_WINDOWS_MIN} "
        f"and {HELD_OUT_WINDOWS_MIN} are needed",
        hint=", ".join(hints),
    )


def _deal(short: list[tuple[int, int]], parts: list[list[tuple[int, int]]]) -> None:
    """Deal whole entities out, by rows: 70, 15, 15 percent; three or more leave no part empty."""
    # One without a window of its own would only take the place of one that has.
    usable = [(begin, end) for begin, end in short if end - begin >= WINDOW_LENGTH_MIN]
    total = sum(end - begin for begin, end in usable)
    done, part = 0, 0
    for number, (begin, end) in enumerate(usable):
        left = len(usable) - number
        share = done / total
        wanted = 0 if share < 1 - 2 * HELD_OUT_SHARE else 1 if share < 1 - HELD_OUT_SHARE else 2
        # A large entity may leap over validation; the last two are kept for the parts still empty.
        part = min(number, max(min(wanted, part + 1), 3 - left))
        parts[part].append((begin, end))
        done += end - begin


def cut_windows(
    segments: Segments,
    ranges: Sequence[tuple[int, int]],
    window_length: int,
    window_stride: int = 1,
) -> Part:
    """Windows within both a range and a segment.

    A piece shorter than a window makes one that is padded; one below WINDOW_LENGTH_MIN makes none.
    """
    bounds = np.array(sorted(ranges), np.int64).reshape(-1, 2)
    edges = np.union1d(segments.starts, bounds)
    of_range = np.searchsorted(bounds[:, 0], edges[:-1], "right") - 1
    inside = of_range >= 0
    inside[inside] = edges[:-1][inside] < bounds[of_range[inside], 1]
    starts, rows = edges[:-1][inside], np.diff(edges)[inside]
    usable = rows >= WINDOW_LENGTH_MIN
    starts, rows = starts[usable], rows[usable]
    lengths = np.minimum(rows, window_length)
    runs = np.concatenate(([0], np.cumsum((rows - lengths) // window_stride + 1)))
    return Part(bounds, starts, lengths, runs)


def calibration_window_length(rows: int) -> int:
    """A window length for an entity with so many rows: a fifth of them, 4 to 64."""
    return max(WINDOW_LENGTH_MIN, min(WINDOW_LENGTH_MAX, rows // 5))


def calibration_split(segments: Segments, window_length: int) -> tuple[Part, TimeArray]:
    """The older readings of each entity to fit, the newer ones to calibrate with.

    The newest fifth calibrates, at the least a window and some readings; their windows look back
    into the rows that fit, which are only their past. An entity too short for that fits, whole;
    where all are, the first ones fit and the last ones calibrate.
    Returns the fitting part, and (R, 3) of each stretch that calibrates: from where its readings
    may fill the windows, from where they calibrate, and one past the last.
    Raises DataError where too few windows are left to fit, or none to calibrate.
    """
    held_out_min = window_length + CALIBRATION_WINDOWS_MIN
    fit_min = window_length + TRAIN_WINDOWS_MIN - 1
    fit: list[tuple[int, int]] = []
    held_out: list[tuple[int, int, int]] = []
    short: list[tuple[int, int]] = []
    for begin, end in _entities(segments):
        count = max(round(CALIBRATION_SHARE * (end - begin)), held_out_min)
        if end - begin - count < fit_min:
            short.append((begin, end))
            continue
        fit.append((begin, end - count))
        held_out.append((begin, end - count, end))
    if fit:
        fit.extend(short)
    else:
        rows = np.cumsum([end - begin for begin, end in short])
        for number, (begin, end) in enumerate(short):
            last = number == len(short) - 1
            if rows[number] <= (1 - CALIBRATION_SHARE) * rows[-1] and not last:
                fit.append((begin, end))
            else:
                held_out.append((begin, begin, end))
    part = cut_windows(segments, fit, window_length, 1)
    # A padded window trains, but what is usual is learnt and judged by full ones.
    full = int(np.diff(part.runs)[part.lengths == window_length].sum())
    if full < TRAIN_WINDOWS_MIN or not any(
        _holds_a_window(segments, *stretch, window_length) for stretch in held_out
    ):
        needed = fit_min + held_out_min
        raise DataError(
            f"the history is too short: {counted(len(segments.rows), 'usable row')} in "
            f"{counted(len(segments.entity), 'stretch', 'stretches')} without a gap make "
            f"{counted(full, 'window')} of {window_length} readings to fit, where at least "
            f"{TRAIN_WINDOWS_MIN} are needed, and {held_out_min} readings more to calibrate with",
            hint=f"{needed} rows of one entity without a gap are enough; "
            f"{2 * WINDOW_LENGTH_MIN + TRAIN_WINDOWS_MIN - 1 + CALIBRATION_WINDOWS_MIN} with "
            f"--window-length {WINDOW_LENGTH_MIN}",
        )
    return part, np.array(held_out, np.int64)


def _holds_a_window(
    segments: Segments, context: int, first: int, stop: int, window_length: int
) -> bool:
    """Whether a reading from `first` on has a window without a gap behind it, from `context` on."""
    begins = np.maximum(segments.starts[:-1], context)
    ends = np.minimum(segments.starts[1:], stop)
    return bool(((ends - begins >= window_length) & (ends > first)).any())


def _entities(segments: Segments) -> list[tuple[int, int]]:
    """Where each entity's rows begin and end."""
    changes = np.flatnonzero(np.diff(segments.entity)) + 1
    bounds = [0, *changes.tolist(), len(segments.entity)] if len(segments.entity) else [0]
    return [
        (int(segments.starts[first]), int(segments.starts[stop]))
        for first, stop in pairwise(bounds)
    ]
