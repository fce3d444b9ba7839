"""The temporal split of a history: train, validation, test; no reading is in two of them.

Every part is a run of whole rows, and a window lies within one part. So between the last window of
a part and the first of the next, the newest readings are window_length rows apart: the
window_length - 1 rows between them are only ever the past of the later part's first window.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sentinel.errors import DataError
from sentinel.records import TimeArray
from sentinel.window.segments import Segments

WINDOW_LENGTH_MIN = 4
WINDOW_LENGTH_MAX = 64
PART_WINDOWS_MIN = 8  # windows that validation and test have at the least
HELD_OUT_SHARE = 0.15  # of the rows, for validation and for test each
ROWS_MIN = 3 * (WINDOW_LENGTH_MIN + PART_WINDOWS_MIN)


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


def auto_window_length(rows: int) -> int:
    """A window length for an entity with so many rows: a fifth of them, 4 to 64.

    Never so long that a part would stay empty, given ROWS_MIN rows.
    """
    return max(WINDOW_LENGTH_MIN, min(WINDOW_LENGTH_MAX, rows // 5, rows // 3 - PART_WINDOWS_MIN))


def longest_entity(segments: Segments) -> int:
    """Rows of the entity that has most of them."""
    lengths = np.diff(segments.starts)
    return int(np.bincount(segments.entity, weights=lengths).max()) if len(lengths) else 0


def split(segments: Segments, window_length: int, window_stride: int) -> Split:
    """Cut every entity's rows into 70, 15 and 15 percent, and each part into windows.

    Validation and test get at least window_length + 8 rows each. An entity too short for that stays
    whole and trains; where all are too short, they are dealt out whole in the order in which they
    first appear: the first ones train, the last ones test.
    Raises DataError where a part would stay empty.
    """
    least = window_length + PART_WINDOWS_MIN
    parts: list[list[tuple[int, int]]] = [[], [], []]
    short: list[tuple[int, int]] = []
    changes = np.flatnonzero(np.diff(segments.entity)) + 1
    bounds = [0, *changes.tolist(), len(segments.entity)] if len(segments.entity) else [0]
    for first, stop in pairwise(bounds):
        begin, end = int(segments.starts[first]), int(segments.starts[stop])
        rows = end - begin
        if rows < 3 * least:
            short.append((begin, end))
            continue
        held_out = max(least, round(HELD_OUT_SHARE * rows))
        cuts = (begin, end - 2 * held_out, end - held_out, end)
        for part, bounds_of_part in zip(parts, pairwise(cuts), strict=True):
            part.append(bounds_of_part)
    if short and not parts[0]:
        _deal(short, parts)
    else:
        parts[0].extend(short)
    made = [_windows(segments, part, window_length, window_stride) for part in parts]
    if not all(part.windows for part in made):
        rows = len(segments.rows)
        raise DataError(
            f"{rows} usable rows in {len(segments.entity)} stretches without a gap are too few for "
            f"windows of {window_length} readings",
            hint=f"one stretch needs at least {max(3 * least, ROWS_MIN)} rows"
            + (f"; a shorter window_length needs {ROWS_MIN}" if window_length > 4 else ""),
        )
    return Split(*made)


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
        part = max(min(wanted, part + 1), 3 - left)
        parts[part].append((begin, end))
        done += end - begin


def _windows(
    segments: Segments, ranges: list[tuple[int, int]], window_length: int, window_stride: int
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
