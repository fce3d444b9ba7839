"""The twins of the CPU's kernels for an NVIDIA GPU. Imported on demand only: it needs numba-cuda.

The mathematics is that of `sentinel.kernels.cell`, compiled once more; tables, packing and results
are those of the CPU's kernels, and functions of the same names do the same work. What differs is
loops, tiling and launch:

block    takes one tile of windows after another, each through all layers and all steps: one
         launch scores everything
thread   has some hidden units (their four gates) of some windows of the tile, in registers
shared   outputs of the step and inputs of the step, twice each: one is read while the other is
memory   written, so that one barrier a step is enough; and a layer's weights where they fit

=================  ============================================================================
tiling             how a model is cut: a value, which kernels are made for
jit                the only options of the compiler
readings           rows of readings, or a layer's outputs, into shared memory
layers             LSTM layer, step by step
score_windows      windows to errors: the twin of `kernels.score_windows`
states             carried states of many entities: the twin of `kernels.states`
rings              a stream's readings, kept by the device: new ones to their places
recurrent          training: a layer through all steps, forward and backward
products           products of matrices over all windows and steps: what no step waits for
handing            what layers hand each other, dropout included
losses             windows laid out; errors and their gradients
optimizer          parts of a gradient to the next parameters: the twin of `kernels.optimizer`
draws              random numbers by place, of noise and dropout
=================  ============================================================================

Windows are last in every slab of shared memory, and a slab's rows are four floats longer than the
tile is wide: neighbouring threads that write one window each of neighbouring rows, and those that
read neighbouring windows of one row, both meet all banks.

A kernel is made by a function of a `Tiling`, once for each. Its numbers become constants of the
code: loops over what a thread owns are unrolled, and the sums stay in registers. The order of every
sum is the same in every tiling: a window's bits do not depend on the windows beside it.

Training is a launch for each layer's steps, forward or backward, and products of matrices between
them. What it keeps stands in slabs (steps, B, rows) of global memory, units last. A gradient is a
sum over all windows and steps, cut into slices whose parts are added in order: no atomics, and the
same minibatch has the same bits again on the same device.
"""
