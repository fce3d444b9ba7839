"""The model: its shape, its parameters, forward and backward through its layers, its training."""
