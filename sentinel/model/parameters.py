"""All parameters of a model: one flat vector, and views of it by name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import numpy as np

from sentinel.kernels.layout import GATE_F, GATES
from sentinel.model.architecture import Architecture
from sentinel.records import Float32Array

Initialisation = Literal["glorot", "he", "uniform"]


def offsets(architecture: Architecture) -> dict[str, tuple[int, tuple[int, ...]]]:
    """Where each tensor begins in the flat vector, and its shape."""
    found, start = {}, 0
    for name, shape in architecture.shapes().items():
        found[name] = (start, shape)
        start += math.prod(shape)
    return found


class Parameters:
    """One flat float32 vector `flat` (P,), and the tensors of an architecture as views of it.

    Gradients and the optimiser's moments have the same form.
    """

    def __init__(self, architecture: Architecture, flat: Float32Array | None = None) -> None:
        self.architecture = architecture
        places = offsets(architecture).items()
        size = sum(math.prod(shape) for _, (_, shape) in places)
        self.flat = np.zeros(size, np.float32) if flat is None else flat
        self.tensors: dict[str, Float32Array] = {
            name: self.flat[start : start + math.prod(shape)].reshape(shape)
            for name, (start, shape) in places
        }

    def __getitem__(self, name: str) -> Float32Array:
        return self.tensors[name]

    @classmethod
    def from_tensors(
        cls, architecture: Architecture, tensors: Mapping[str, Float32Array]
    ) -> Parameters:
        """Parameters with the values of `tensors`, which must have exactly the right names."""
        made = cls(architecture)
        for name, tensor in made.tensors.items():
            tensor[...] = tensors[name]
        return made

    @classmethod
    def initial(
        cls,
        architecture: Architecture,
        rng: np.random.Generator,
        initialisation: Initialisation = "glorot",
    ) -> Parameters:
        """Random weights. Biases: of glorot and he 0 but for the forget gates' 1.

        glorot   uniform with variance 2 / (inputs + outputs), per gate (Glorot & Bengio 2010)
        he       normal with variance 2 / inputs (He et al. 2015)
        uniform  weights and biases within 1 / sqrt(H), as PyTorch begins its LSTM
        forget bias 1: Gers et al. 2000; Jozefowicz et al. 2015
        """
        made = cls(architecture)
        if initialisation == "uniform":
            limit = 1.0 / math.sqrt(architecture.hidden)
            made.flat[:] = rng.uniform(-limit, limit, made.flat.size)
            return made
        for name, tensor in made.tensors.items():
            head = name.startswith(("output", "forecast"))
            if tensor.ndim == 2:
                outputs, inputs = tensor.shape
                if not head:
                    outputs //= GATES
                if initialisation == "glorot":
                    limit = math.sqrt(6.0 / (inputs + outputs))
                    tensor[...] = rng.uniform(-limit, limit, tensor.shape)
                else:
                    tensor[...] = rng.normal(0.0, math.sqrt(2.0 / inputs), tensor.shape)
            elif not head:
                hidden = architecture.hidden
                tensor[GATE_F * hidden : (GATE_F + 1) * hidden] = 1.0
        return made
