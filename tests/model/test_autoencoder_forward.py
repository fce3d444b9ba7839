"""The autoencoder's forward pass against the float64 oracle, over many shapes."""

from __future__ import annotations

import numpy as np
import pytest

from sentinel.model.architecture import Architecture
from sentinel.model.autoencoder import forward, reconstruct
from tests.kernels import oracle
from tests.kernels.samples import assert_close, float64, random_parameters, random_windows

# channels, hidden, encoder and decoder layers, bidirectional; steps T, windows B
SHAPES = [
    (1, 1, 1, 1, False, 1, 1),
    (3, 16, 1, 1, False, 1, 3),
    (1, 16, 1, 1, False, 7, 1),
    (3, 50, 1, 1, False, 33, 5),
    (8, 64, 1, 1, False, 64, 32),
    (5, 200, 1, 1, False, 21, 7),
    (2, 16, 2, 2, True, 13, 3),
    (7, 50, 2, 1, True, 31, 9),
    (38, 64, 3, 2, False, 17, 65),
    (25, 200, 1, 1, True, 25, 4),
    (4, 17, 1, 3, False, 9, 11),
]


@pytest.mark.parametrize(
    ("channels", "hidden", "encoders", "decoders", "bidirectional", "steps", "windows"), SHAPES
)
def test_outputs_latent_and_reconstruction_are_the_oracles(
    channels: int,
    hidden: int,
    encoders: int,
    decoders: int,
    bidirectional: bool,
    steps: int,
    windows: int,
) -> None:
    architecture = Architecture(channels, hidden, encoders, decoders, bidirectional)
    parameters = random_parameters(architecture, seed=1)
    x, _ = random_windows(steps, channels, windows, seed=2, missing=0.2)
    trace = forward(parameters, x, keep=False)
    exact = float64(parameters.tensors)
    outputs, latent = oracle.encode(exact, x.astype(np.float64))
    assert trace.encoding.outputs.shape == (steps, architecture.encoded, windows)
    assert_close(trace.encoding.outputs, outputs, tol=1e-6, eps=1e-6)
    assert_close(trace.encoding.latent[0], latent, tol=1e-6, eps=1e-6)
    expected = oracle.reconstruct(exact, x.astype(np.float64))
    assert_close(trace.x_hat, expected, tol=2e-6, eps=1e-6)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_scoring_gives_the_bits_of_the_training_pass(bidirectional: bool) -> None:
    parameters = random_parameters(Architecture(3, 20, 2, 2, bidirectional), seed=1)
    x, _ = random_windows(12, 3, 9, seed=2)
    np.testing.assert_array_equal(
        reconstruct(parameters, x), forward(parameters, x, keep=True).x_hat
    )
