"""The kernels of training, made for one model, and how each is launched."""

from __future__ import annotations

from typing import Any

from sentinel.kernels.cuda.handing import drop_kernel, latent_kernels, sum_steps_kernel
from sentinel.kernels.cuda.jit import make_ready
from sentinel.kernels.cuda.losses import (
    forecast_loss_kernel,
    inputs_kernel,
    rebuilt_loss_kernel,
)  # fmt: skip
from sentinel.kernels.cuda.optimizer import pack_kernel, step_kernels, sum_parts_kernel
from sentinel.kernels.cuda.products import Blocking, multiply_kernel, sum_products_kernel
from sentinel.kernels.cuda.recurrent import backward_kernel, forward_kernel
from sentinel.kernels.layout import GATES
from sentinel.model.cuda.network import Layer
from sentinel.model.cuda.tilings import recurrent_tiling
from sentinel.model.device import CudaBackend

# Of kernels whose threads take one value after another. As many blocks hand in a sum each: their
# number decides about the order of sums, and is the same for every launch.
BLOCKS, THREADS = 128, 256
BLOCKING = Blocking()


class TrainingKernels:
    """All launches are queued on the stream.

    windows  of a minibatch; a device with many multiprocessors gets narrow tiles of them
    """

    def __init__(self, hidden: int, windows: int, backend: CudaBackend, stream: Any) -> None:
        self.hidden, self.stream, self.blocks = hidden, stream, BLOCKS
        self.tiling = recurrent_tiling(
            hidden, backend.shared_bytes, -(-windows // backend.multiprocessors)
        )
        self._multiply = multiply_kernel(BLOCKING)
        self._sum_products = sum_products_kernel(BLOCKING)
        self._forward, self._backward = forward_kernel(self.tiling), backward_kernel(self.tiling)
        self.lay_out = self._by_value(inputs_kernel(THREADS))
        self.drop = self._by_value(drop_kernel(THREADS))
        self.copy_latent, self.latent_backward = map(self._by_value, latent_kernels(THREADS))
        self.sum_steps = self._by_value(sum_steps_kernel(THREADS))
        self.rebuilt_loss = self._by_value(rebuilt_loss_kernel(THREADS))
        self.forecast_loss = self._by_value(forecast_loss_kernel(THREADS))
        self.sum_parts = self._by_value(sum_parts_kernel(THREADS))
        self.adam_step, self.rmsprop_step = map(self._by_value, step_kernels(THREADS))
        self.pack = self._by_value(pack_kernel(THREADS))

    def _by_value(self, kernel: Any) -> Any:
        return kernel[BLOCKS, THREADS, self.stream]

    def allow(self, layer: Layer, parameters: Any, packed: Any) -> None:
        """Get the shared memory that the kernels of layers need; layer: any of the model."""
        for kernel, arguments in (
            (self._forward, self._forward_arguments(layer, packed, 1, 1)),
            (self._backward, self._backward_arguments(layer, parameters, 1, 1)),
        ):
            make_ready(kernel, self.tiling.shared_bytes, arguments)

    def multiply(
        self, x: Any, terms: int, inputs: int, weights: Any, w: int, outputs: int, out: Any, *,
        width: int = 0, bias: int = -1, add: bool = False,
    ) -> None:  # fmt: skip
        """As `multiply_kernel`; width  0: w is a single block."""
        self._multiply[BLOCKING.grid(terms, outputs), BLOCKING.threads, self.stream](
            x, terms, inputs, weights, w, outputs, width or outputs, bias, int(add), out
        )

    def sum_products(
        self, dz: Any, dz_rows: int, x: Any, inputs: int, terms: int, parts: Any, slices: int,
        size: int, to: int, *, bias: int = -1, dz_at: int = 0, x_at: int = 0, x_rows: int = 0,
    ) -> None:  # fmt: skip
        """As `sum_products_kernel`; x_rows  0: a row is the inputs."""
        columns = inputs + (bias >= 0)
        grid = *BLOCKING.grid(dz_rows, columns), slices
        self._sum_products[grid, BLOCKING.threads, self.stream](
            dz, dz_at, dz_rows, x, x_at, x_rows or inputs, inputs, terms, parts, size, to, bias
        )

    def forward(self, layer: Layer, packed: Any, steps: int, batch: int) -> None:
        """All steps of a layer, from its `base` on."""
        self._launch_tiles(
            self._forward, batch, self._forward_arguments(layer, packed, steps, batch)
        )

    def backward(self, layer: Layer, parameters: Any, steps: int, batch: int) -> None:
        """All steps of a layer, from the gradient by its outputs to that by z."""
        self._launch_tiles(
            self._backward, batch, self._backward_arguments(layer, parameters, steps, batch)
        )

    def _launch_tiles(self, kernel: Any, batch: int, arguments: tuple[Any, ...]) -> None:
        tiling = self.tiling
        tiles = -(-batch // tiling.windows)
        kernel[tiles, tiling.threads, self.stream, tiling.shared_bytes](*arguments)

    def _forward_arguments(
        self, layer: Layer, packed: Any, steps: int, batch: int
    ) -> tuple[Any, ...]:
        base_step = 0 if layer.repeated else batch * GATES * self.hidden
        return (
            packed, layer.packed.w_h, steps, batch, int(layer.reverse), layer.base, base_step,
            layer.z, layer.c, layer.outputs.raw, layer.outputs.rows, layer.first_row,
        )  # fmt: skip

    def _backward_arguments(
        self, layer: Layer, parameters: Any, steps: int, batch: int
    ) -> tuple[Any, ...]:
        return (
            parameters, layer.flat.w_h, steps, batch, int(layer.reverse), layer.outputs.gradient,
            layer.outputs.rows, layer.first_row, layer.z, layer.c,
        )  # fmt: skip
