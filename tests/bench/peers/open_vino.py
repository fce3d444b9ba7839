"""OpenVINO on the CPU, in float32 where it would take bfloat16 by itself."""

from __future__ import annotations

import openvino

from sentinel.records import Float32Array
from tests.bench.kernel_case import Candidate, Case
from tests.bench.peers.onnx_graph import INPUT, model_bytes


def scorer(case: Case, threads: int) -> Candidate:
    """Compiled for this very number of windows, which it likes best."""
    core, x = openvino.Core(), case.time_major()
    model = core.read_model(model_bytes(case.parameters, case.shape.steps))
    model.reshape({INPUT: list(x.shape)})
    options = {
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": threads,
        "NUM_STREAMS": 1,
    }
    request = core.compile_model(model, "CPU", options).create_infer_request()

    def run() -> Float32Array:
        return request.infer({INPUT: x}, share_inputs=True, share_outputs=True)[0]

    return Candidate(run, run)
