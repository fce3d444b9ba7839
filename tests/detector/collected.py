"""A detector's whole answer to a stream, however it was cut, in a form that compares bit by bit."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sentinel.detector import Detector
from sentinel.records import EpisodeEvent, Readings, Scores, Suppressed


@dataclass
class Collected:
    """scores (N,) of all readings; events with the offset of their reading in place of its row.

    suppressed  None of a part of the stream: what ended in it is not known
    """

    scores: Scores
    events: list[EpisodeEvent]
    windows: int
    suppressed: list[Suppressed] | None = None

    def of_entity(self, readings: Readings, entity: int) -> Collected:
        """What concerns one entity."""
        mine = readings.entity == entity
        columns = {f.name: getattr(self.scores, f.name)[mine] for f in dataclasses.fields(Scores)}
        events = [event for event in self.events if event.entity == entity]
        return Collected(Scores(**columns), events, -1)


def collect(detector: Detector, readings: Readings, cuts: Sequence[int] = ()) -> Collected:
    """Readings in several poll batches, cut at these rows."""
    edges = [0, *sorted(cut for cut in cuts if 0 < cut < len(readings)), len(readings)]
    parts, events, suppressed, windows = [], [], [], 0
    for start, stop in pairwise(edges):
        detection = detector.process(readings.slice(start, stop))
        parts.append(detection.scores)
        suppressed += detection.suppressed
        windows += detection.windows
        for event in detection.events:
            offset = int(readings.offset[start + event.row])
            events.append(dataclasses.replace(event, row=offset))
    columns = {
        f.name: np.concatenate([getattr(part, f.name) for part in parts])
        for f in dataclasses.fields(Scores)
    }
    return Collected(Scores(**columns), events, windows, suppressed)


def assert_same_bits(found: Collected, expected: Collected) -> None:
    """Equal to the last bit: floats are compared as bytes, NaN and all."""
    for f in dataclasses.fields(Scores):
        one, other = getattr(found.scores, f.name), getattr(expected.scores, f.name)
        assert one.dtype == other.dtype
        assert one.tobytes() == other.tobytes(), f.name
    # repr shows every bit of a float and lets NaN equal NaN.
    assert [repr(event) for event in found.events] == [repr(event) for event in expected.events]
    if expected.suppressed is not None:
        assert repr(found.suppressed) == repr(expected.suppressed)
