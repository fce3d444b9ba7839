"""A training history spoilt on purpose: stretches of the series' own anomalies, spliced into it.

So it is with real histories: nobody looked through them, and the faults in them are of the kinds
that come again. A share of the rows of train is overwritten, in place, so that times and number of
rows stay: with pieces of the labelled events of test, each at most PIECE_ROWS rows and a quarter of
all that is overwritten, cut from an event chosen at random and put at a random place that no other
piece touches. So about a fifth of them falls into the part that calibrates.
"""

from __future__ import annotations

import zlib

import numpy as np
import numpy.typing as npt

PIECE_ROWS = 64
QUARTER = 4
TRIES_MAX = 1000

Values = npt.NDArray[np.floating]
Mask = npt.NDArray[np.bool_]


def seed_of(key: str) -> int:
    """Of a series by its name: the same places in every run, whatever series run with it."""
    return zlib.crc32(key.encode())


def spoil(
    train: Values, test: Values, label: npt.ArrayLike, share: float, seed: int
) -> tuple[Values, Mask]:
    """train (n, F) with this share of its rows overwritten, and which rows they are (n,).

    label  (m,) above 0 where a row of test is anomalous; without any, train stays as it is
    """
    first, stop = stretches(np.asarray(label) > 0)
    spoilt, spliced = train.copy(), np.zeros(len(train), np.bool_)
    budget = round(share * len(train))
    if not len(first) or not budget:
        return spoilt, spliced
    random = np.random.default_rng(seed)
    most = min(PIECE_ROWS, -(-budget // QUARTER))
    for _ in range(TRIES_MAX):
        if budget == 0:
            break
        event = random.integers(len(first))
        rows = int(min(most, stop[event] - first[event], budget))
        source = random.integers(first[event], stop[event] - rows + 1)
        place = random.integers(len(train) - rows + 1)
        # One row beside it stays as it was: two pieces never make one.
        if spliced[max(place - 1, 0) : place + rows + 1].any():
            continue
        spoilt[place : place + rows] = test[source : source + rows]
        spliced[place : place + rows] = True
        budget -= rows
    return spoilt, spliced


def stretches(marked: Mask) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where marked rows begin, and one past where they end, each (k,)."""
    edges = np.diff(marked.astype(np.int8), prepend=0, append=0)
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
