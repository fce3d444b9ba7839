"""The companions of the network, fitted on windows of the rows that train it."""

from __future__ import annotations

import numpy as np

from sentinel.fitted import Companions
from sentinel.model.training import evenly
from sentinel.model.windows import WindowSet
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
    """Fit all of them. No look-back is longer than a window."""
    channels, most = windows.rows.shape[1], windows.window_length
    starts, lengths = windows.places(evenly(len(windows), WINDOWS_MAX))
    # A padded window of a short piece has less behind it than some companion looks at.
    newest = (starts + most - 1)[lengths == most]
    length = min(_subspace_length(channels), most)
    subspace = fit_subspace(window_rows(windows.rows, newest, length, 1), 1, length)
    reach = min(nearest.REACH, most)
    samples = newest[evenly(len(newest), nearest.SAMPLES_MAX)]
    return Companions(
        subspace,
        fit_nearest(window_rows(windows.rows, samples, reach, 1).astype(np.float32)),
        fit_dispersion(windows.rows, newest, min(dispersion.REACH, most)),
        _blocks(windows, newest),
    )


def _subspace_length(channels: int) -> int:
    if channels == 1:
        return SUBSPACE_ONE
    return SUBSPACE_FEW if channels <= FEW_CHANNELS else max(1, SUBSPACE_NUMBERS // channels)


def _blocks(windows: WindowSet, newest: np.ndarray) -> Subspace | None:
    """A longer look at fewer numbers; one channel has it already, and it takes many rows."""
    channels = windows.rows.shape[1]
    if channels == 1 or windows.window_length < BLOCK_READINGS or len(windows) < BLOCK_ROWS_MIN:
        return None
    block = -(-BLOCK_READINGS * channels // BLOCK_NUMBERS)
    if block > BLOCK_READINGS:
        return None
    length = BLOCK_READINGS // block
    means = window_rows(windows.rows, newest, length, block)
    return fit_subspace(means, block, max(1, length // 4))
