"""What a kernel must know of a model that belongs to no layer: positions in an array of integers.

An array, not a tuple of named fields: Numba compiles a tuple anew into every function it is handed
to, which doubles the time of a cold start.
"""

from __future__ import annotations

from typing import Final

STEPS: Final = 0  # T
CHANNELS: Final = 1  # F
CHANNEL_ROWS: Final = 2  # F, padded to what a tile takes where lanes are channels
HIDDEN: Final = 3  # H
UNIT_ROWS: Final = 4  # H, padded
GATE_ROWS: Final = 5  # 4H, padded
Z_ROWS: Final = 6  # rows of a step of Z, where it is kept
DIRECTIONS: Final = 7  # 1 or 2
ENCODER_LAYERS: Final = 8  # rows of the table that are the encoder
KEPT: Final = 9  # 1: states and pre-activations are kept, for the gradient
CARRIED: Final = 10  # 1: the states before the first step are given, else they are zero
X: Final = 11  # slab (T, CHANNEL_ROWS), as MASK, and X_HAT unless X_HAT_ROWS is 0
MASK: Final = 12
X_HAT: Final = 13  # -1: there is no decoder, and nothing is rebuilt
ERRORS: Final = 14  # slabs (SPANS, CHANNEL_ROWS): the errors, how many values each is of
PADDING: Final = 15  # slab (1): steps of each window that are padding
LATENT: Final = 16  # slab of the decoder's repeated input
LATENT_ROWS: Final = 17
OUTPUTS: Final = 18  # the encoder's last Y, from slot 0 on
OUTPUT_ROWS: Final = 19
DECODED: Final = 20  # the decoder's last Y, from that of step 0 on
DECODED_ROWS: Final = 21
OUTPUT_W: Final = 22  # offsets into the packed vector
OUTPUT_BIAS: Final = 23
FORECAST: Final = 24  # slab (T, FORECAST_ROWS): by the outputs up to t; -1: none
FORECAST_W: Final = 25  # offsets into the packed vector
FORECAST_BIAS: Final = 26
# Of training alone.
TARGET: Final = 27  # slab as X, which is without noise; meant where NOISY
NOISE: Final = 28  # slab as X, added to it
NOISY: Final = 29  # 1: noise is added
DC: Final = 30  # slab (UNIT_ROWS)
PARTS: Final = 31  # slab (1) for the lanes of a sum
TURNED: Final = 32  # slab of a layer's inputs at some steps, units in lanes
SUMS_X: Final = 33  # slabs of the sums for a layer's w_x and w_h, tile by tile
SUMS_H: Final = 34
DOUTPUTS: Final = 35  # gradients by OUTPUTS (from that of step 0 on), DECODED, LATENT
DDECODED: Final = 36
DLATENT: Final = 37
OUTPUT_W_T: Final = 38  # offsets of transposed tensors in the packed vector
FORECAST_W_T: Final = 39
G_OUTPUT_W: Final = 40  # offsets in the flat vector of all gradients
G_OUTPUT_BIAS: Final = 41
G_FORECAST_W: Final = 42
G_FORECAST_BIAS: Final = 43
# Of a matrix unit alone.
STARTS: Final = 44  # slab of what the sums of all gates, or channels, begin with
SUMS: Final = 45  # slab of two blocks
FACTORS: Final = 46  # slab of the right factors, twice
FORECAST_ROWS: Final = 47  # HORIZONS x F, padded: forecasts of the readings t + 1, t + 2, ...
HORIZONS: Final = 48
BURN_IN: Final = 49  # of training: steps whose forecasts do not count
X_HAT_ROWS: Final = 50  # from a step of X_HAT to the next; 0: each takes the last one's place
SIZE: Final = 51
