"""The kernels: numpy, math, numba and LLVM only. This docstring is their contract.

Axes, declared once: T time steps, K inputs of a layer (F channels for the first), F channels,
H hidden units, B windows, S windows of a tile. All numbers are float32 in flat arrays. A missing
value is NaN in the rows of readings; in a slab it is 0, and 0 in the mask beside it.

Two ways to fill SIMD lanes share one order of every sum, so that a window's score is the same bits
in both, wherever it stands, whatever stands beside it and however many threads share the work:

windows in lanes   a lane is a window, a register tile a few units' gates of many windows
units in lanes     a lane is a hidden unit, a row of the tile one of a few windows

=================  ============================================================================
cell               the only LSTM mathematics: exp2, activations, cell forward and backward
lanes, tiles       a SIMD value with ordinary operators; accumulators that stay in registers
avx512             its own instructions, behind some of these operators
squares            rows into lanes
variants           which lanes and tiles: portable, AVX2, AVX-512, AMX
layout             gate order; how tensors are packed
plan, shape        where a model's tensors and slabs stand: tables that one kernel walks
slabs              readings into slabs; errors of a reconstruction
windows_in_lanes,  LSTM layer and dense layer, twice
units_in_lanes
score_windows      windows to errors: encoder, decoder, dense layer
amx, parts,        the same by a matrix unit: its instructions; a float32 as bfloat16; layers and
windows_in_amx     windows to errors, in an order of sums of their own
states             carried states of many entities, one step a reading
gradient,          backpropagation through time; sums over windows and steps for the weights;
weight_gradient,   loss and gradient of a tile of windows
train_windows
optimizer          global norm, Adam, AdamW, RMSprop
errors, windows    a score from errors; scaling and counting of readings
tables             elements of plan and shape, at little cost for the compiler
work_queue, jit    how threads share work; the only JIT options
inlined, rolled,   how what kernels are made of is compiled: not on its own; kernels of tiles; what
typed_once         Numba need not work out twice
types              arrays, in the signatures of kernels
cuda               the twins for an NVIDIA GPU
=================  ============================================================================

Windows are read where they stand in the rows, but for one turn into lanes; the product of a
reading with the input's weights is summed anew in each window that holds it. Kept, it would be 4 H
floats to load and, where each lane is another machine, to turn, for F now. Measured where that is
best, with 256 consecutive windows of one machine, which need no turn: reading it takes as long as
summing it at F of 1 and 8 (within 5%), and saves 7 to 15% of the time at (T, F, H) = (128, 25, 64)
and (100, 38, 128). That is for files of many channels of one machine that are scored at every
reading. The default model rebuilds one window in 16 only, and a daemon's lanes are machines; one
kernel more, for the rare case, would cost every first start a second or two of CPU to compile.

A kernel is handed its tile as a type, as it would be handed a dtype, and is compiled for it. A new
variant is a row in `variants`; a new machine that needs other instructions is one in `lanes`.

Source: Hochreiter & Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997;
forget gate: Gers, Schmidhuber & Cummins, "Learning to Forget", Neural Computation 12(10), 2000.
"""
