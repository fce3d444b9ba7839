"""Forward and backward through a network on the device, one launch for a layer's steps or more.

What waits for no step is a product of matrices over all windows and steps at once: inputs by
weights before a layer's steps, gradients by inputs and by weights after them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sentinel.kernels.layout import GATES
from sentinel.model.cuda.network import Head, Layer, Network, Values
from sentinel.model.cuda.training_kernels import TrainingKernels

WORD_BITS, WORD = 32, 0xFFFFFFFF


def words(key: int) -> tuple[int, int]:
    """A key of random numbers as the kernels take it: two words of 32 bits."""
    return key & WORD, key >> WORD_BITS


@dataclass(frozen=True, slots=True)
class Weighing:
    """Vectors of a model's weights on the device.

    parameters  (P,);  packed  as the forward pass reads them
    parts       (slices, P) of the gradient
    """

    parameters: Any
    packed: Any
    parts: Any
    slices: int
    size: int


@dataclass(frozen=True, slots=True)
class Pass:
    """One minibatch, or a part of it, on its way: windows first, first + 1, ..., first + batch - 1.

    left  the share of values that dropout leaves;  key  of what is drawn
    """

    kernels: TrainingKernels
    network: Network
    weights: Weighing
    hidden: int
    steps: int
    first: int
    batch: int
    left: np.float32
    key: int

    def forward(self) -> None:
        """From x to the outputs of both heads."""
        network, kernels = self.network, self.kernels
        for level in network.encoder:
            for layer in level:
                self._layer(layer)
            self._hand_on(level[0].outputs)
        if network.latent is not None:
            encoded = network.encoder[-1][0].outputs
            kernels.copy_latent(
                encoded.raw, self.steps, self.batch, encoded.rows, self.hidden, network.latent.raw
            )
            self._hand_on(network.latent)
        for level in network.decoder:
            for layer in level:
                self._layer(layer)
            self._hand_on(level[0].outputs)
        for head in network.heads:
            kernels.multiply(
                head.inputs, self.steps * self.batch, head.rows, self.weights.packed,
                head.packed.w_x, head.columns, head.out, width=head.width, bias=head.packed.bias,
            )  # fmt: skip

    def backward(self) -> None:
        """From the gradients by the heads' outputs, which are in their place, to all parts."""
        network = self.network
        for head in network.heads:
            self._head_backward(head)
        self._levels_backward(network.decoder)
        if network.latent is not None:
            self._take_back(network.latent)
            encoded = network.encoder[-1][0].outputs
            self.kernels.latent_backward(
                network.latent.gradient, self.steps, self.batch, encoded.rows, self.hidden,
                int(network.forecasting is not None), encoded.gradient,
            )  # fmt: skip
        self._levels_backward(network.encoder)

    def _layer(self, layer: Layer) -> None:
        inputs, gates = layer.inputs, GATES * self.hidden
        self.kernels.multiply(
            inputs.given, inputs.steps * self.batch, inputs.rows, self.weights.packed,
            layer.packed.w_x, gates, layer.base, bias=layer.packed.bias,
        )  # fmt: skip
        self.kernels.forward(layer, self.weights.packed, self.steps, self.batch)

    def _levels_backward(self, levels: tuple[tuple[Layer, ...], ...]) -> None:
        for level in reversed(levels):
            self._take_back(level[0].outputs)
            for number, layer in enumerate(level):
                # Two directions read the same inputs: the second one's gradient is added.
                self._layer_backward(layer, add=number > 0)

    def _layer_backward(self, layer: Layer, *, add: bool) -> None:
        kernels, weights, gates = self.kernels, self.weights, GATES * self.hidden
        inputs, outputs, batch = layer.inputs, layer.outputs, self.batch
        kernels.backward(layer, weights.parameters, self.steps, batch)
        terms = inputs.steps * batch
        if layer.repeated:
            kernels.sum_steps(layer.z, self.steps, batch * gates, layer.dz)
        self._weights_backward(
            layer.dz, gates, inputs.given, inputs.rows, terms, layer.flat.w_x, layer.flat.bias
        )
        # Of each step with the outputs of the step before.
        later, sooner = batch * gates, batch * outputs.rows
        kernels.sum_products(
            layer.z, gates, outputs.raw, self.hidden, (self.steps - 1) * batch, weights.parts,
            weights.slices, weights.size, layer.flat.w_h, dz_at=0 if layer.reverse else later,
            x_at=layer.first_row + (sooner if layer.reverse else 0), x_rows=outputs.rows,
        )  # fmt: skip
        if inputs.gradient is not None:
            kernels.multiply(
                layer.dz, terms, gates, weights.parameters, layer.flat.w_x, inputs.rows,
                inputs.gradient, add=add,
            )  # fmt: skip

    def _head_backward(self, head: Head) -> None:
        terms, weights = self.steps * self.batch, self.weights
        self._weights_backward(
            head.out, head.columns, head.inputs, head.rows, terms, head.flat.w_x, head.flat.bias
        )
        self.kernels.multiply(
            head.out, terms, head.columns, weights.parameters, head.flat.w_x, head.rows,
            head.dinputs,
        )  # fmt: skip

    def _weights_backward(
        self, dz: Any, rows: int, x: Any, inputs: int, terms: int, to: int, bias: int
    ) -> None:
        weights = self.weights
        self.kernels.sum_products(
            dz, rows, x, inputs, terms, weights.parts, weights.slices, weights.size, to, bias=bias
        )

    def _hand_on(self, values: Values) -> None:
        if values.boundary >= 0:
            self._drop(values, values.raw, values.given)

    def _take_back(self, values: Values) -> None:
        if values.boundary >= 0:
            self._drop(values, values.gradient, values.gradient)

    def _drop(self, values: Values, source: Any, dropped: Any) -> None:
        self.kernels.drop(
            source, values.steps, self.batch, values.rows, self.first, values.boundary, self.left,
            *words(self.key), dropped,
        )  # fmt: skip
