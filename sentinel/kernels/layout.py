"""Where the gates stand in the rows of w_x, w_h and b: i, f, g, o, each H rows (as in cuDNN)."""

from typing import Final

GATES: Final = 4
GATE_I: Final = 0
GATE_F: Final = 1
GATE_G: Final = 2
GATE_O: Final = 3
