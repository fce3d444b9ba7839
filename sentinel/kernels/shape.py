"""What a kernel must know of a model that belongs to no layer: positions in an array of integers.

An array, not a tuple of named fields: Numba compiles a tuple anew into every function it is handed
to, which doubles the time of a cold start.
"""

from __future__ import annotations

from typing import Final

STEPS: Final = 0  # T
CHANNELS: Final = 1  # F
CHANNEL_ROWS: Final = 2  # F, padded to what a tile takes
HIDDEN: Final = 3  # H
UNIT_ROWS: Final = 4  # H, padded
GATE_ROWS: Final = 5  # 4H, padded
DIRECTIONS: Final = 6  # 1 or 2
ENCODER_LAYERS: Final = 7  # rows of the table that are the encoder
KEPT: Final = 8  # 1: states and pre-activations are kept, for the gradient
CARRIED: Final = 9  # 1: the states before the first step are given, else they are zero
X: Final = 10  # slab (T, CHANNEL_ROWS), as MASK and X_HAT
MASK: Final = 11
X_HAT: Final = 12
ERRORS: Final = 13  # slab (SPANS, CHANNEL_ROWS)
PADDING: Final = 14  # slab (1): steps of each window that are padding
LATENT: Final = 15  # slab of the decoder's repeated input
LATENT_ROWS: Final = 16
OUTPUTS: Final = 17  # the encoder's last Y, from slot 0 on
OUTPUT_ROWS: Final = 18
DECODED: Final = 19  # the decoder's last Y, from that of step 0 on
DECODED_ROWS: Final = 20
OUTPUT_W: Final = 21  # offsets into the packed vector
OUTPUT_BIAS: Final = 22
FORECAST: Final = 23  # slab as X_HAT: of step t + 1, by the outputs up to t; -1: none
FORECAST_W: Final = 24  # offsets into the packed vector
FORECAST_BIAS: Final = 25
# Of training alone.
TARGET: Final = 26  # slab as X, which is without noise; meant where NOISY
NOISE: Final = 27  # slab as X, added to it
NOISY: Final = 28  # 1: noise is added
DC: Final = 29  # slab (UNIT_ROWS)
PRODUCT: Final = 30  # slab for the sums of one tile
DOUTPUTS: Final = 31  # gradients by OUTPUTS (from that of step 0 on), DECODED, LATENT
DDECODED: Final = 32
DLATENT: Final = 33
OUTPUT_W_T: Final = 34  # offsets of transposed tensors in the packed vector
FORECAST_W_T: Final = 35
G_OUTPUT_W: Final = 36  # offsets in the flat vector of all gradients
G_OUTPUT_BIAS: Final = 37
G_FORECAST_W: Final = 38
G_FORECAST_BIAS: Final = 39
SIZE: Final = 40
