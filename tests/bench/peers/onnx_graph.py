"""The autoencoder as an ONNX graph, for ONNX Runtime and OpenVINO."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from sentinel.kernels.layout import GATE_F, GATE_G, GATE_I, GATE_O, GATES
from sentinel.model.parameters import Parameters
from sentinel.records import Float32Array

INPUT, OUTPUT = "x", "errors"
# How the operator LSTM wants the gates.
GATE_ORDER = [GATE_I, GATE_O, GATE_F, GATE_G]
OPSET, IR_VERSION = 18, 9


def model_bytes(parameters: Parameters, steps: int) -> bytes:
    """Windows (T, B, F) to the mean squared error of each (B,)."""
    hidden, channels = parameters.architecture.hidden, parameters.architecture.channels
    constants = {
        **_lstm_tensors(parameters, "encoder.0.forward", "encoder"),
        **_lstm_tensors(parameters, "decoder.0", "decoder"),
        "output.w": parameters["output.w"].T,
        "output.bias": parameters["output.bias"],
        "repeat": np.array([steps, 1, 1]),
        "direction": np.array([1]),
        "steps_and_channels": np.array([0, 2]),
    }
    node = helper.make_node
    nodes = [
        node("LSTM", [INPUT, *_names("encoder")], ["", "latent", ""], hidden_size=hidden),
        node("Expand", ["latent", "repeat"], ["repeated"]),
        node("LSTM", ["repeated", *_names("decoder")], ["decoded", "", ""], hidden_size=hidden),
        node("Squeeze", ["decoded", "direction"], ["y"]),
        node("MatMul", ["y", "output.w"], ["product"]),
        node("Add", ["product", "output.bias"], ["x_hat"]),
        node("Sub", ["x_hat", INPUT], ["d"]),
        node("Mul", ["d", "d"], ["squares"]),
        node("ReduceMean", ["squares", "steps_and_channels"], [OUTPUT], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "autoencoder",
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [steps, "B", channels])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["B"])],
        [
            numpy_helper.from_array(np.ascontiguousarray(values), name)
            for name, values in constants.items()
        ],
    )
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _names(layer: str) -> list[str]:
    return [f"{layer}.{tensor}" for tensor in ("w_x", "w_h", "biases")]


def _lstm_tensors(parameters: Parameters, ours: str, layer: str) -> dict[str, Float32Array]:
    """One direction; two biases, the second of which is 0."""

    def reordered(name: str) -> Float32Array:
        tensor = parameters[f"{ours}.{name}"]
        return tensor.reshape(GATES, -1, *tensor.shape[1:])[GATE_ORDER].reshape(tensor.shape)

    bias = reordered("bias")
    biases = np.concatenate([bias, np.zeros_like(bias)])
    tensors = (reordered("w_x"), reordered("w_h"), biases)
    return {name: tensor[None] for name, tensor in zip(_names(layer), tensors, strict=True)}
