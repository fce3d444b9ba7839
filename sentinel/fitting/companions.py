"""The companions of the network, fitted on windows of the rows that train it."""

from __future__ import annotations

import numpy as np

from sentinel.fitted import Companions
from sentinel.model.training import evenly
from sentinel.model.windows import WindowSet
from sentinel.records import TimeArray
from sentinel.score import dispersion, nearest
from sentinel.score.dispersion import fit_dispersion
from sentinel.score.nearest import fit_nearest
from sentinel.score.subspace import Subspace, fit_subspace, window_rows

WINDOWS_MAX = 20_000
# Numbers in a window of the subspace; one with many channels looks at few readings.
SUBSPACE_ONE, SUBSPACE_FEW, SUBSPACE_NUMBERS = 64, 16, 192
FEW_CHANNELS = 8
BLOCK_NUMBERS, BLOCK_READINGS, BLOCK_ROWS_MIN = 128, 64, 640


def fit_companions(windows: WindowSet) -> Companions:
    """Fit all of them, each on windows as long as its own look-back, at most the network's."""
    channels, most = windows.rows.shape[1], windows.window_length
    length = min(_subspace_length(channels), most)
    subspace = window_rows(windows.rows, _newest(windows, length, WINDOWS_MAX), length, 1)
    reach = min(nearest.REACH, most)
    samples = _newest(windows, reach, nearest.SAMPLES_MAX)
    spread = min(dispersion.REACH, most)
    return Companions(
        fit_subspace(subspace, 1, length),
        fit_nearest(window_rows(windows.rows, samples, reach, 1).astype(np.float32)),
        fit_dispersion(windows.rows, _newest(windows, spread, WINDOWS_MAX), spread),
        _blocks(windows),
    )


def _newest(windows: WindowSet, reach: int, most: int) -> TimeArray:
    """Rows with so many of the same run, themselves among them, up to here: evenly, at most these.

    A short history has many of them that no whole window of the network ends with.
    """
    shorter = windows.shorter(reach)
    return shorter.places(evenly(len(shorter), most))[0] + reach - 1


def _subspace_length(channels: int) -> int:
    if channels == 1:
        return SUBSPACE_ONE
    return SUBSPACE_FEW if channels <= FEW_CHANNELS else max(1, SUBSPACE_NUMBERS // channels)


def _blocks(windows: WindowSet) -> Subspace | None:
    """A longer look at fewer numbers; one channel has it already, and it takes many rows."""
    channels = windows.rows.shape[1]
    if channels == 1 or windows.window_length < BLOCK_READINGS or len(windows) < BLOCK_ROWS_MIN:
        return None
    block = -(-BLOCK_READINGS * channels // BLOCK_NUMBERS)
    if block > BLOCK_READINGS:
        return None
    length = BLOCK_READINGS // block
    newest = _newest(windows, length * block, WINDOWS_MAX)
    means = window_rows(windows.rows, newest, length, block)
    return fit_subspace(means, block, max(1, length // 4))
