"""The kernels: numpy, math and numba only. This docstring is their contract.

Axes, declared once: T time steps, K inputs of a layer (F channels for the first), F channels,
H hidden units, B windows. Windows are the last axis, so that neighbouring windows fill SIMD lanes
and no two windows ever share a sum: the result of a window is the same bits whatever the number of
windows beside it.

Weights of a layer: w_x (4H, K), w_h (4H, H), b (4H,); gates in the order i, f, g, o (`layout`).
Everything is float32 and C-contiguous; outputs are handed in and overwritten, gradients are handed
in and added to. A mask (T, F, B) holds 1 where a value is there and 0 where it is missing.

==================  ===========================================================================
cell                the only LSTM mathematics: activations, cell forward and backward
layout, jit         gate order and offsets; the only JIT options
affine              z += W x, and the two products of its gradient
cpu                 lstm_forward, lstm_backward, dense_forward, dense_backward
errors              masked squared errors of a reconstruction, loss and its gradient
optimizer           global norm, clipping, Adam, RMSprop
windows             gather windows out of columns of readings, scaled and masked
==================  ===========================================================================

Source: Hochreiter & Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997;
forget gate: Gers, Schmidhuber & Cummins, "Learning to Forget", Neural Computation 12(10), 2000.
"""
