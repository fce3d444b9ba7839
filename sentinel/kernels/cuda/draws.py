"""Random numbers by place: a function of a key and of four counters, whoever asks, in any order.

Nothing is stored and nothing crosses the bus; what a forward pass drew, the backward pass draws
again.

Source: Salmon, Moraes, Dror & Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011
(Philox4x32-10, with its constants).
"""

from __future__ import annotations

import math

import numpy as np

from sentinel.kernels.jit import shared

ROUNDS = 10
WORD_BITS, WORD = 32, 0xFFFFFFFF
MULTIPLIER_0, MULTIPLIER_1 = 0xD2511F53, 0xCD9E8D57
WEYL_0, WEYL_1 = 0x9E3779B9, 0xBB67AE85
# A float32 between 0 and 1 has 24 bits of a word.
SPARE_BITS, UNIT = 8, np.float32(2.0**-24)
MINUS_TWO, TURN, ONE = np.float32(-2), np.float32(2 * math.pi), np.float32(1)
# The last counter of a draw: the noise on the inputs, or FACTORS + number of a boundary.
NOISE, FACTORS = 0, 1


@shared
def philox(
    c0: int, c1: int, c2: int, c3: int, key_low: int, key_high: int
) -> tuple[int, int, int, int]:
    """Four random words of 32 bits; so are all arguments."""
    for _ in range(ROUNDS):
        # A product may overflow the 64 bits of a signed integer: the masked words are right.
        p0, p1 = MULTIPLIER_0 * c0, MULTIPLIER_1 * c2
        c0, c2 = (p1 >> WORD_BITS) & WORD ^ c1 ^ key_low, (p0 >> WORD_BITS) & WORD ^ c3 ^ key_high
        c1, c3 = p1 & WORD, p0 & WORD
        key_low, key_high = (key_low + WEYL_0) & WORD, (key_high + WEYL_1) & WORD
    return c0, c1, c2, c3


@shared
def normal(row: int, window: int, t: int, key_low: int, key_high: int) -> np.float32:
    """The noise of one input, standard normal (Box & Muller)."""
    first, second, _, _ = philox(row, window, t, NOISE, key_low, key_high)
    size = math.sqrt(MINUS_TWO * np.float32(math.log(np.float32((first >> SPARE_BITS) + 1) * UNIT)))
    angle = TURN * np.float32(second >> SPARE_BITS) * UNIT
    return np.float32(size) * np.float32(math.cos(angle))


@shared
def drop_factor(
    row: int, window: int, t: int, boundary: int, left: np.float32, key_low: int, key_high: int
) -> np.float32:
    """What dropout makes of one value at a boundary: 0, or 1 / left for the share that is left."""
    word, _, _, _ = philox(row, window, t, FACTORS + boundary, key_low, key_high)
    return ONE / left if np.float32(word >> SPARE_BITS) * UNIT < left else np.float32(0)
