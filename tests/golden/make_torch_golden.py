"""Writes torch_lstm.npz: what torch.nn.LSTM and its autograd make of given weights and windows.

Not run by the tests and not needed by them. To make the file anew, in an environment of its own:

    python -m venv torch-env
    torch-env/bin/pip install torch==2.8.0 numpy==2.4.6
    torch-env/bin/python tests/golden/make_torch_golden.py

Everything is computed in float64, from numbers that float32 holds exactly. Arrays, all with time
first, as torch has them: x, mask (T, B, F); outputs (T, B, D H).

    format, versions                           what wrote the file
    CASE/settings                              hidden, layers, decoder_layers, bidirectional (0, 1)
    CASE/x, CASE/mask, CASE/outputs, ...       inputs and outputs
    CASE/parameter/NAME, CASE/gradient/NAME    by torch's names
    CASE/pull                                  encoder cases: the loss is sum(outputs * pull)

The autoencoder's loss is the mean squared error over the unmasked values.
"""

from __future__ import annotations

import platform
from pathlib import Path

import numpy as np
import torch
from torch import nn

FORMAT = "sentinel-torch-lstm/1"
TARGET = Path(__file__).with_name("torch_lstm.npz")
T, B, F, H = 11, 4, 3, 6
ENCODERS = {
    "encoder": (1, False),
    "encoder_two_layers": (2, False),
    "encoder_bidirectional": (1, True),
    "encoder_two_layers_bidirectional": (2, True),
}
AUTOENCODERS = {
    "autoencoder": (1, 1, False),
    "autoencoder_deep_bidirectional": (2, 2, True),
}


def draw(*shape: int) -> torch.Tensor:
    """Normally distributed, exact in float32, computed with in float64."""
    return torch.randn(*shape, dtype=torch.float32).double()


def randomise(module: nn.Module) -> None:
    """Random parameters; b_ih and b_hh differ, so that a forgotten one shows."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(0.5 * draw(*parameter.shape))


class Autoencoder(nn.Module):
    """The model of sentinel from torch's own modules."""

    def __init__(self, layers: int, decoder_layers: int, bidirectional: bool) -> None:
        super().__init__()
        directions = 2 if bidirectional else 1
        self.directions = directions
        self.encoder = nn.LSTM(F, H, layers, bidirectional=bidirectional)
        self.decoder = nn.LSTM(directions * H, H, decoder_layers)
        self.output = nn.Linear(H, F)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x (T, B, F) to its reconstruction."""
        _, (final, _) = self.encoder(x)
        latent = torch.cat(list(final[-self.directions :]), dim=1)
        decoded, _ = self.decoder(latent.expand(len(x), *latent.shape))
        return self.output(decoded)


def keep(case: str, module: nn.Module, arrays: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    """The case's arrays under their names in the file."""
    for name, parameter in module.named_parameters():
        arrays[f"parameter/{name}"] = parameter
        arrays[f"gradient/{name}"] = parameter.grad
    return {f"{case}/{name}": array.detach().numpy() for name, array in arrays.items()}


def encoder_case(case: str, layers: int, bidirectional: bool) -> dict[str, np.ndarray]:
    """An LSTM alone: every output, the final states, the gradient of sum(outputs * pull)."""
    lstm = nn.LSTM(F, H, layers, bidirectional=bidirectional).double()
    randomise(lstm)
    x = draw(T, B, F).requires_grad_()
    outputs, (final, _) = lstm(x)
    pull = draw(*outputs.shape)
    (outputs * pull).sum().backward()
    settings = torch.tensor([H, layers, 0, int(bidirectional)])
    arrays = {"settings": settings, "x": x, "gradient_x": x.grad, "outputs": outputs}
    return keep(case, lstm, arrays | {"final": final, "pull": pull})


def autoencoder_case(
    case: str, layers: int, decoder_layers: int, bidirectional: bool
) -> dict[str, np.ndarray]:
    """The whole autoencoder with a masked loss."""
    model = Autoencoder(layers, decoder_layers, bidirectional).double()
    randomise(model)
    mask = (torch.rand(T, B, F) > 0.2).double()
    x = draw(T, B, F) * mask
    outputs = model(x)
    loss = (mask * (outputs - x) ** 2).sum() / mask.sum()
    loss.backward()
    settings = torch.tensor([H, layers, decoder_layers, int(bidirectional)])
    arrays = {"settings": settings, "x": x, "mask": mask, "outputs": outputs, "loss": loss}
    return keep(case, model, arrays)


def main() -> None:
    """Write the file beside this script."""
    torch.manual_seed(20)
    found: dict[str, np.ndarray] = {
        "format": np.array(FORMAT),
        "versions": np.array(
            f"torch {torch.__version__}, numpy {np.__version__}, Python {platform.python_version()}"
        ),
    }
    for case, (layers, bidirectional) in ENCODERS.items():
        found |= encoder_case(case, layers, bidirectional)
    for case, (layers, decoder_layers, bidirectional) in AUTOENCODERS.items():
        found |= autoencoder_case(case, layers, decoder_layers, bidirectional)
    np.savez_compressed(TARGET, allow_pickle=False, **found)


if __name__ == "__main__":
    main()
