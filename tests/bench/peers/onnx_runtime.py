"""ONNX Runtime on the CPU."""

from __future__ import annotations

import onnxruntime

from sentinel.records import Float32Array
from tests.bench.kernel_case import Candidate, Case
from tests.bench.peers.onnx_graph import INPUT, OUTPUT, model_bytes


def scorer(case: Case, threads: int) -> Candidate:
    """Any number of windows by one session."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session = onnxruntime.InferenceSession(
        model_bytes(case.parameters, case.shape.steps), options, providers=["CPUExecutionProvider"]
    )
    x = case.time_major()

    def run() -> Float32Array:
        return session.run([OUTPUT], {INPUT: x})[0]

    return Candidate(run, run)
