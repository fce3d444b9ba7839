"""Intervals, as arrays of their two ends: where a mask holds, and how intervals meet."""

from __future__ import annotations

import numpy as np

from sentinel.records import BoolArray, TimeArray


def runs(mask: BoolArray) -> tuple[TimeArray, TimeArray]:
    """Where `mask`, (N,), holds: the first row of each run, (K,), and the row after its last."""
    edges = np.diff(mask.astype(np.int8), prepend=0, append=0)
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)


def meeting(
    first: TimeArray, last: TimeArray, other_first: TimeArray, other_last: TimeArray
) -> TimeArray:
    """How many of the others each interval shares a point with, (K,).

    first, last              (K,) both ends of each interval, which belong to it; first <= last
    other_first, other_last  (M,) the others, in any order
    """
    # Of the others that begin by our end, those that end before our beginning are no meeting.
    begun = np.searchsorted(np.sort(other_first), last, side="right")
    over = np.searchsorted(np.sort(other_last), first, side="left")
    return np.asarray(begun - over)
