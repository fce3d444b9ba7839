"""What a reading is judged by: kinds of squared error, and the streams made of them.

Recipe: the network's three errors, the residual of a linear subspace, and three small companions
that see what a network of one window forgets. Each is a squared error of each channel.
"""

from __future__ import annotations

from typing import Final

# Kinds of error, in the order of every array over K.
FORECAST: Final = 0  # of the newest reading, against its forecast
QUARTER: Final = 1  # of the last quarter of the window, against its reconstruction
WHOLE: Final = 2  # of the whole window, against its reconstruction
SUBSPACE: Final = 3  # of a short window, against the linear subspace of usual ones
NEAREST: Final = 4  # of the newest readings, against the most similar ones of the history
DISPERSION: Final = 5  # of the spread within the window, against the usual spread
BLOCKS: Final = 6  # of the newest block means of a window, against their linear subspace
KINDS: Final = 7

# Streams, in the order of every array over S: the kind, and how its channels become one number.
ROOTS: Final = 0  # the mean over the channels of the root: one loud channel does not drown the rest
ENERGY: Final = 1  # the root of the mean
PEAKS: Final = 2  # the root of the mean, against the usual peaks instead of the usual mean
STREAMS: Final = (
    (FORECAST, ROOTS),
    (FORECAST, PEAKS),
    (QUARTER, ROOTS),
    (WHOLE, ROOTS),
    (SUBSPACE, ENERGY),
    (NEAREST, ROOTS),
    (DISPERSION, ROOTS),
    (BLOCKS, ENERGY),
)

# Smoothing constants of the four scales of each stream.
SCALES: Final = (1.0, 0.3, 0.1, 0.03)
