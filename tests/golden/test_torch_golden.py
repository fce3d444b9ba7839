"""The kernels and the model against torch.nn.LSTM and its autograd (stored: torch is not needed).

Gate order i, f, g, o is torch's own; its two biases b_ih + b_hh are our one, so that each of them
has our bias's gradient.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sentinel.kernels.cpu import lstm_backward, lstm_forward
from sentinel.model.architecture import Architecture
from sentinel.model.autoencoder import forward, loss_and_gradient
from sentinel.model.parameters import Parameters
from tests.kernels.samples import Float32Array, FloatArray, assert_close

FILE = Path(__file__).with_name("torch_lstm.npz")
FORMAT = "sentinel-torch-lstm/1"
with np.load(FILE, allow_pickle=False) as stored:
    GOLDEN: dict[str, FloatArray] = dict(stored)

CASES = sorted({name.split("/")[0] for name in GOLDEN if "/" in name})
ENCODERS = [case for case in CASES if case.startswith("encoder")]
AUTOENCODERS = [case for case in CASES if case.startswith("autoencoder")]


def windows_last(array: FloatArray) -> Float32Array:
    """torch's (T, B, F) to (T, F, B)."""
    return np.ascontiguousarray(array.transpose(0, 2, 1), np.float32)


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


class Stack:
    """The layers of one torch.nn.LSTM through our kernels."""

    def __init__(self, case: str) -> None:
        self.hidden, layers, _, bidirectional = map(int, golden(case, "settings"))
        self.directions = ("forward", "backward") if bidirectional else ("forward",)
        self.layers = range(layers)
        self.tensors: dict[str, dict[str, Float32Array]] = {}
        for name, suffix in torch_names(case).items():
            exact = tensors_of(case, "parameter", "", suffix)
            self.tensors[name] = {part: tensor.astype(np.float32) for part, tensor in exact.items()}
        self.kept: dict[str, tuple[Float32Array, ...]] = {}

    def forward(self, x: Float32Array) -> Float32Array:
        for layer in self.layers:
            outputs = []
            for direction in self.directions:
                name = f"encoder.{layer}.{direction}"
                t = self.tensors[name]
                y, c = (np.empty((len(x), self.hidden, x.shape[2]), np.float32) for _ in "yc")
                gates = np.empty((len(x), 4 * self.hidden, x.shape[2]), np.float32)
                reverse = direction == "backward"
                lstm_forward(x, t["w_x"], t["w_h"], t["bias"], reverse, y, c, gates)
                self.kept[name] = (x, y, c, gates)
                outputs.append(y)
            x = np.concatenate(outputs, axis=1)
        return x

    def backward(self, dy: Float32Array) -> tuple[Float32Array, dict[str, Float32Array]]:
        """Gradient by x, and by every tensor."""
        found: dict[str, Float32Array] = {}
        for layer in reversed(self.layers):
            dx = np.zeros_like(self.kept[f"encoder.{layer}.forward"][0])
            for part, direction in enumerate(self.directions):
                name = f"encoder.{layer}.{direction}"
                x, y, c, gates = self.kept[name]
                t = self.tensors[name]
                g = {part: np.zeros_like(tensor) for part, tensor in t.items()}
                mine = np.ascontiguousarray(dy[:, part * self.hidden : (part + 1) * self.hidden])
                lstm_backward(
                    x, t["w_x"], t["w_h"], direction == "backward", y, c, gates, mine,
                    dx, g["w_x"], g["w_h"], g["bias"],
                )  # fmt: skip
                found |= {f"{name}.{part}": tensor for part, tensor in g.items()}
            dy = dx
        return dy, found


ENCODER_GRADIENTS = [
    (case, name)
    for case in ENCODERS
    for name in [
        "x",
        *(f"{layer}.{part}" for layer in torch_names(case) for part in ("w_x", "w_h", "bias")),
    ]
]
AUTOENCODER_GRADIENTS = [
    (case, name) for case in AUTOENCODERS for name in autoencoder_tensors(case, "gradient")
]


def autoencoder(case: str) -> Parameters:
    hidden, layers, decoder_layers, bidirectional = map(int, golden(case, "settings"))
    channels = golden(case, "x").shape[2]
    architecture = Architecture(channels, hidden, layers, decoder_layers, bool(bidirectional))
    exact = autoencoder_tensors(case, "parameter")
    assert list(exact) == list(architecture.shapes())
    return Parameters.from_tensors(
        architecture, {name: tensor.astype(np.float32) for name, tensor in exact.items()}
    )


def test_the_file_is_of_the_format_this_test_reads() -> None:
    assert str(GOLDEN["format"]) == FORMAT
    assert "torch 2" in str(GOLDEN["versions"])
    assert len(ENCODERS) == 4
    assert len(AUTOENCODERS) == 2


@pytest.mark.parametrize("case", ENCODERS)
def test_encoder_outputs_are_torchs(case: str) -> None:
    outputs = Stack(case).forward(windows_last(golden(case, "x")))
    assert_close(outputs, golden(case, "outputs").transpose(0, 2, 1), tol=2e-6, eps=1e-6)


@pytest.mark.parametrize(("case", "name"), ENCODER_GRADIENTS)
def test_encoder_gradient_is_torchs(case: str, name: str) -> None:
    stack = Stack(case)
    stack.forward(windows_last(golden(case, "x")))
    dx, gradients = stack.backward(windows_last(golden(case, "pull")))
    if name == "x":
        found, expected = dx, golden(case, "gradient_x").transpose(0, 2, 1)
    else:
        layer, part = name.rsplit(".", 1)
        expected = tensors_of(case, "gradient", "", torch_names(case)[layer])[part]
        found = gradients[name]
    assert_close(found, expected, tol=1e-5, eps=1e-5)


@pytest.mark.parametrize("case", AUTOENCODERS)
def test_autoencoder_outputs_and_latent_are_torchs(case: str) -> None:
    trace = forward(autoencoder(case), windows_last(golden(case, "x")), keep=False)
    assert_close(trace.x_hat, golden(case, "outputs").transpose(0, 2, 1), tol=2e-6, eps=1e-6)


@pytest.mark.parametrize("case", ENCODERS)
def test_final_states_are_torchs(case: str) -> None:
    """The latent state is the last layer's, both directions concatenated in this order."""
    hidden, layers, _, bidirectional = map(int, golden(case, "settings"))
    architecture = Architecture(
        golden(case, "x").shape[2], hidden, layers, 1, bidirectional=bool(bidirectional)
    )
    parameters = Parameters(architecture)
    for name, tensors in Stack(case).tensors.items():
        for part, tensor in tensors.items():
            parameters[f"{name}.{part}"][...] = tensor
    encoding = forward(parameters, windows_last(golden(case, "x")), keep=False).encoding
    directions = 2 if bidirectional else 1
    final = np.concatenate(list(golden(case, "final")[-directions:]), axis=1).T
    assert_close(encoding.latent[0], final, tol=2e-6, eps=1e-6)
    outputs = golden(case, "outputs").transpose(0, 2, 1)
    assert_close(encoding.outputs, outputs, tol=2e-6, eps=1e-6)


@pytest.mark.parametrize(("case", "name"), AUTOENCODER_GRADIENTS)
def test_autoencoder_gradient_is_torchs(case: str, name: str) -> None:
    parameters = autoencoder(case)
    x, mask = windows_last(golden(case, "x")), windows_last(golden(case, "mask"))
    values = float(mask.sum())
    gradient = Parameters(parameters.architecture)
    total = loss_and_gradient(parameters, x, mask, 1 / values, gradient)
    assert total / values == pytest.approx(float(golden(case, "loss")), rel=1e-6)
    expected = autoencoder_tensors(case, "gradient")[name]
    assert_close(gradient[name], expected, tol=1e-6, eps=1e-5)
