"""The kernels and the model against torch.nn.LSTM and its autograd (stored: torch is not needed).

Gate order i, f, g, o is torch's own; its two biases b_ih + b_hh are our one, so that each of them
has our bias's gradient.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numba.core.types import Type

from sentinel.kernels import shape as of
from sentinel.kernels.gradient import lstm_layer_backward
from sentinel.kernels.jit import jit
from sentinel.kernels.slabs import WHOLE
from sentinel.kernels.tiles import width_of
from sentinel.kernels.variants import VARIANTS
from sentinel.kernels.windows_in_lanes import copy_latent, lstm_layer
from sentinel.model.architecture import Architecture
from sentinel.model.learning import Learner
from sentinel.model.parameters import Parameters
from sentinel.model.plan import plan_training
from sentinel.model.prepared import Backend, aligned
from sentinel.model.scoring import WindowScorer
from sentinel.records import TimeArray
from tests.kernels.lane_types import EVERY_VARIANT, RUNNABLE
from tests.kernels.samples import Float32Array, FloatArray, assert_close

FILE = Path(__file__).with_name("torch_lstm.npz")
FORMAT = "sentinel-torch-lstm/1"
with np.load(FILE, allow_pickle=False) as stored:
    GOLDEN: dict[str, FloatArray] = dict(stored)

CASES = sorted({name.split("/")[0] for name in GOLDEN if "/" in name})
ENCODERS = [case for case in CASES if case.startswith("encoder")]
AUTOENCODERS = [case for case in CASES if case.startswith("autoencoder")]
# Of the encoders alone, one is enough: tests/model hold that all agree.
VARIANT = VARIANTS[RUNNABLE[0]]


def golden(case: str, name: str) -> FloatArray:
    return GOLDEN[f"{case}/{name}"]


def torch_names(case: str) -> dict[str, str]:
    """Our name of every layer's tensors to torch's suffix: `encoder.1.backward` to `l1_reverse`."""
    _, layers, _, bidirectional = map(int, golden(case, "settings"))
    names = {}
    for layer in range(layers):
        names[f"encoder.{layer}.forward"] = f"l{layer}"
        if bidirectional:
            names[f"encoder.{layer}.backward"] = f"l{layer}_reverse"
    return names


def tensors_of(case: str, kind: str, prefix: str, suffix: str) -> dict[str, FloatArray]:
    """w_x, w_h and bias of one torch layer; kind: parameter or gradient."""
    found = {
        ours: golden(case, f"{kind}/{prefix}{theirs}_{suffix}")
        for ours, theirs in (("w_x", "weight_ih"), ("w_h", "weight_hh"), ("bias", "bias_ih"))
    }
    other = golden(case, f"{kind}/{prefix}bias_hh_{suffix}")
    if kind == "gradient":
        np.testing.assert_allclose(found["bias"], other, rtol=1e-9)
    else:
        found["bias"] = found["bias"] + other
    return found


def autoencoder_tensors(case: str, kind: str) -> dict[str, FloatArray]:
    """Every tensor of an autoencoder, by our names."""
    found = {}
    decoder_layers = int(golden(case, "settings")[2])
    layers = {ours: ("encoder.", theirs) for ours, theirs in torch_names(case).items()}
    layers |= {f"decoder.{n}": ("decoder.", f"l{n}") for n in range(decoder_layers)}
    for ours, (prefix, suffix) in layers.items():
        for part, tensor in tensors_of(case, kind, prefix, suffix).items():
            found[f"{ours}.{part}"] = tensor
    found["output.w"] = golden(case, f"{kind}/output.weight")
    found["output.bias"] = golden(case, f"{kind}/output.bias")
    return found


def with_tensors(parameters: Parameters, tensors: dict[str, FloatArray]) -> Parameters:
    for name, tensor in tensors.items():
        parameters[name][...] = tensor
    return parameters


def parameters_of(case: str) -> Parameters:
    """Torch's, where the case has them; the decoder of a case that is an encoder alone is zero."""
    hidden, layers, decoder_layers, bidirectional = map(int, golden(case, "settings"))
    channels = golden(case, "x").shape[2]
    parameters = Parameters(
        Architecture(channels, hidden, layers, max(decoder_layers, 1), bool(bidirectional))
    )
    if case in AUTOENCODERS:
        tensors = autoencoder_tensors(case, "parameter")
        assert list(tensors) == list(parameters.tensors)
        return with_tensors(parameters, tensors)
    for layer, suffix in torch_names(case).items():
        tensors = tensors_of(case, "parameter", "", suffix)
        with_tensors(parameters, {f"{layer}.{part}": tensor for part, tensor in tensors.items()})
    return parameters


@jit
def encode(
    tile: Type, plan: TimeArray, shape: TimeArray, packed: Float32Array, scratch: Float32Array
) -> None:
    """All layers of the encoder, and its final states."""
    for layer in range(shape[of.ENCODER_LAYERS]):
        lstm_layer(tile, plan, layer, shape, packed, scratch)
    copy_latent(plan, shape, width_of(tile), scratch)


@jit
def encode_backward(
    tile: Type, plan: TimeArray, shape: TimeArray, packed: Float32Array,
    scratch: Float32Array, gradient: Float32Array,
) -> None:  # fmt: skip
    """From the gradient by the last layer's outputs to those of all tensors."""
    for layer in range(shape[of.ENCODER_LAYERS] - 1, -1, -1):
        lstm_layer_backward(tile, plan, layer, shape, False, packed, scratch, gradient)


class Encoder:
    """One torch.nn.LSTM through our kernels: those of training, which keep every output."""

    def __init__(self, case: str) -> None:
        self.x, self.case = golden(case, "x"), case
        self.parameters = parameters_of(case)
        self.plan = plan_training(self.parameters.architecture, len(self.x), VARIANT.many)
        self.encoded = self.parameters.architecture.encoded
        self.scratch = aligned(self.plan.scratch_rows * VARIANT.many.width)
        self.packed = aligned(len(self.plan.index))
        self.packed[:] = self.plan.pack(self.parameters.flat)

    def slab(self, at: int, slots: int, rows: int, used: int) -> Float32Array:
        """A view of a slab as torch has it: (slots, B, used)."""
        width = VARIANT.many.width
        start = int(self.plan.shape[at]) * width
        view = self.scratch[start : start + slots * rows * width].reshape(slots, rows, width)
        return view[:, :used, : self.x.shape[1]].transpose(0, 2, 1)

    def forward(self) -> tuple[Float32Array, Float32Array]:
        """Every output (T, B, D H), and the final states (B, D H)."""
        shape = self.plan.shape
        x = self.slab(of.X, len(self.x), shape[of.CHANNEL_ROWS], self.x.shape[2])
        x[...] = self.x
        encode(VARIANT.many, self.plan.table, shape, self.packed, self.scratch)
        outputs = self.slab(of.OUTPUTS, len(x) + 2, shape[of.OUTPUT_ROWS], self.encoded)
        latent = self.slab(of.LATENT, 1, shape[of.LATENT_ROWS], self.encoded)
        return outputs[1:-1], latent[0]

    def backward(self) -> Parameters:
        """The gradient of sum(outputs * pull)."""
        shape = self.plan.shape
        rows = shape[of.OUTPUT_ROWS]
        self.slab(of.DOUTPUTS, len(self.x), rows, self.encoded)[...] = golden(self.case, "pull")
        gradient = Parameters(self.parameters.architecture)
        encode_backward(
            VARIANT.many, self.plan.table, shape, self.packed, self.scratch,
            gradient.flat,
        )  # fmt: skip
        return gradient


def as_rows(case: str) -> tuple[Float32Array, TimeArray, TimeArray]:
    """The windows of a case one after another, NaN where masked."""
    x, mask = golden(case, "x"), golden(case, "mask")
    steps, windows, channels = x.shape
    values = np.where(mask == 1, x, np.nan).transpose(1, 0, 2).reshape(-1, channels)
    return values.astype(np.float32), np.arange(windows) * steps, np.full(windows, steps)


ENCODER_GRADIENTS = [
    (case, f"{layer}.{part}")
    for case in ENCODERS
    for layer in torch_names(case)
    for part in ("w_x", "w_h", "bias")
]
AUTOENCODER_GRADIENTS = [
    (case, name) for case in AUTOENCODERS for name in autoencoder_tensors(case, "gradient")
]


def test_the_file_is_of_the_format_this_test_reads() -> None:
    assert str(GOLDEN["format"]) == FORMAT
    assert "torch 2" in str(GOLDEN["versions"])
    assert len(ENCODERS) == 4
    assert len(AUTOENCODERS) == 2


@pytest.mark.parametrize("case", ENCODERS)
def test_encoder_outputs_and_final_states_are_torchs(case: str) -> None:
    """The latent state is the last layer's, both directions concatenated in this order."""
    outputs, latent = Encoder(case).forward()
    assert_close(outputs, golden(case, "outputs"), tol=2e-6, eps=1e-6)
    directions = 2 if case.endswith("bidirectional") else 1
    final = np.concatenate(list(golden(case, "final")[-directions:]), axis=1)
    assert_close(latent, final, tol=2e-6, eps=1e-6)


@cache
def encoder_gradient(case: str) -> Parameters:
    encoder = Encoder(case)
    encoder.forward()
    return encoder.backward()


@pytest.mark.parametrize(("case", "name"), ENCODER_GRADIENTS)
def test_encoder_gradient_is_torchs(case: str, name: str) -> None:
    layer, part = name.rsplit(".", 1)
    expected = tensors_of(case, "gradient", "", torch_names(case)[layer])[part]
    assert_close(encoder_gradient(case)[name], expected, tol=1e-5, eps=1e-5)


@pytest.mark.parametrize("case", AUTOENCODERS)
@pytest.mark.parametrize("variant", EVERY_VARIANT)
def test_the_newest_reading_is_rebuilt_as_torch_does_and_the_errors_are_of_its_outputs(
    variant: str, case: str
) -> None:
    parameters, x, mask = parameters_of(case), golden(case, "x"), golden(case, "mask")
    scorer = WindowScorer(parameters, len(x), Backend(VARIANTS[variant]))
    found, outputs = scorer.score(*as_rows(case)), golden(case, "outputs")
    assert_close(found.expected, outputs[-1], tol=2e-6, eps=1e-6)
    errors = (mask * (outputs - x) ** 2).sum(axis=0) / mask.sum(axis=0)
    assert_close(found.errors[:, WHOLE], errors, tol=1e-6, eps=5e-6)


@cache
def autoencoder_gradient(variant: str, case: str) -> Parameters:
    parameters = parameters_of(case)
    steps = len(golden(case, "x"))
    with Learner(parameters.architecture, steps, Backend(VARIANTS[variant])) as learner:
        loss, gradient = learner.gradient(parameters, *as_rows(case))
    assert loss.total == pytest.approx(float(golden(case, "loss")), rel=1e-6)
    assert loss.values == golden(case, "mask").sum()
    return Parameters(parameters.architecture, gradient)


@pytest.mark.parametrize(("case", "name"), AUTOENCODER_GRADIENTS)
@pytest.mark.parametrize("variant", EVERY_VARIANT)
def test_autoencoder_gradient_is_torchs(variant: str, case: str, name: str) -> None:
    found = autoencoder_gradient(variant, case)[name]
    assert_close(found, autoencoder_tensors(case, "gradient")[name], tol=1e-6, eps=1e-5)
