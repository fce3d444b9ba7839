"""What trains a network that carries its state on: chunks of a life, not windows of it."""

from __future__ import annotations

from sentinel.model.windows import WindowSet
from sentinel.records import Float32Array
from sentinel.window.segments import Segments
from sentinel.window.split import Part, cut_windows

CHUNK_LENGTH, BURN_IN = 192, 32


def chunks(rows: Float32Array, segments: Segments, fitted: Part) -> tuple[WindowSet, int]:
    """The chunks of the part that fits, and so many readings of each that only warm its state up.

    As long as the longest stretch without a gap allows, so that there are at least two of that one.
    """
    ranges = [(first, stop) for first, stop in fitted.ranges.tolist()]
    longest = int(cut_windows(segments, ranges, CHUNK_LENGTH + 1).lengths.max())
    part = cut_windows(segments, ranges, longest - 1)
    found = WindowSet(rows, part.starts, part.lengths, longest - 1, part.runs)
    return found, min(BURN_IN, found.window_length // 4)
