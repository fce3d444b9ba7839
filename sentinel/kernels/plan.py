"""What a kernel must know of a model: where its tensors and its slabs stand, as a table of numbers.

A kernel walks the table, so that one compiled kernel serves every model: any number of layers, one
or two directions, any T, F and H. Tensors stand in one packed vector, slabs in one scratch vector.
A slab is (slots, rows, S) where windows are in lanes, (slots, S, rows) where hidden units are; its
offset is counted in rows, a kernel multiplies it by S.

    slots of Y, C, DY   0: zero, before the first step; t + 1: step t; T + 1: zero, after the last

Where nobody wants but the newest outputs, Y has two slots, in turns those of even and odd numbers:
they stay in the first cache.
"""

from __future__ import annotations

from typing import Final

# Columns of the table; one row for each layer and direction, in the order of the forward pass.
INPUTS: Final = 0  # K
REVERSE: Final = 1  # 1: reads the window backwards
REPEATED: Final = 2  # 1: one input for all steps
W_X: Final = 3  # offsets into the packed vector
W_H: Final = 4
BIAS: Final = 5
X: Final = 6  # slab of the inputs, from that of step 0 on
X_ROWS: Final = 7
Y: Final = 8  # (T + 2, Y_ROWS), or (2, Y_ROWS)
Y_ROWS: Final = 9
FIRST_ROW: Final = 10  # of this direction, in each slot of Y
C: Final = 11  # (T + 2, UNIT_ROWS) where the states are kept, else (1, UNIT_ROWS)
PROJECTED: Final = 12  # (GATE_ROWS) bias + w_x x of a repeated input; backward: sum of the dz
# Columns for training alone.
Z: Final = 13  # (T, Z_ROWS) pre-activations, then their gradients
W_X_T: Final = 14  # offsets of the transposed tensors in the packed vector
W_H_T: Final = 15
G_W_X: Final = 16  # offsets of the tensors in the flat vector of all gradients
G_W_H: Final = 17
G_BIAS: Final = 18
DY: Final = 19  # as Y: the gradient by the outputs
DX: Final = 20  # the gradient by the inputs, from that of step 0 on
DX_ROWS: Final = 21  # 0: not wanted
Y_SLOTS: Final = 22  # slot s of Y is the (s & Y_SLOTS)th: -1 or 1
COLUMNS: Final = 23

# A boundary between layers, where dropout acts: a factor for every value.
B_LAYER: Final = 0  # the first row of the table that reads the dropped values
B_STEPS: Final = 1
B_ROWS: Final = 2
B_SOURCE: Final = 3  # slabs of B_STEPS x B_ROWS: what is dropped, what is left of it,
B_DROPPED: Final = 4
B_FACTOR: Final = 5  # and the factors
B_DSOURCE: Final = 6  # the gradients of both
B_DDROPPED: Final = 7
BOUNDARY_COLUMNS: Final = 8


def padded(count: int, to: int) -> int:
    """count, rounded up to a multiple."""
    return -(-count // to) * to
