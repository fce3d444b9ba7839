"""Where the gates stand in the rows of w_x, w_h and b: i, f, g, o, each H rows (as in cuDNN)."""

from typing import Final

GATES: Final = 4
GATE_I: Final = 0
GATE_F: Final = 1
GATE_G: Final = 2
GATE_O: Final = 3

# Packed tensors: blocks of as many rows as a tile of registers takes, each (K, rows). Of gates, a
# block holds the units of a tile, gate by gate; of a dense layer, so many channels where windows
# are in lanes.
CHANNELS_PER_BLOCK: Final = 4

# Of transposed tensors, for the gradient by a layer's inputs: blocks of so many inputs.
TRANSPOSED_ROWS: Final = 8

# Of the gradient by weights: steps that are summed at once, while they are in the caches.
STEPS_PER_SUM: Final = 4
