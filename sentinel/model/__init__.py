"""The model: its shape, its parameters, its kernels made ready, its training.

architecture, parameters   which tensors there are; one flat vector and views of it by name
packing, plan              the tensors as kernels read them, and where everything stands
prepared                   a kernel compiled for a model, with a scratch for each thread
scoring, carrying          windows to errors; states carried on reading by reading
device, backends           CPU or GPU, a value; what makes a model ready there
falling_back, twins        the CPU takes over from a GPU that fails; whether both find the same
learning, training         loss and gradient of a minibatch; epochs, optimiser, early stopping
schedule, windows          the learning rate over the steps; a set of training windows
reference, self_check      the same in NumPy and float64, and whether a variant agrees with it
"""
