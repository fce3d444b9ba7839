"""PyTorch, eager: how most would write it."""

from __future__ import annotations

import numpy as np
import torch

from sentinel.model.parameters import Parameters
from sentinel.records import Float32Array
from tests.bench.kernel_case import Candidate, Case
from tests.bench.ours import SETTINGS

# Our names of the tensors to torch's, whose gates stand in the same order.
NAMES = {
    "encoder.0.forward.w_x": "encoder.weight_ih_l0",
    "encoder.0.forward.w_h": "encoder.weight_hh_l0",
    "encoder.0.forward.bias": "encoder.bias_ih_l0",
    "decoder.0.w_x": "decoder.weight_ih_l0",
    "decoder.0.w_h": "decoder.weight_hh_l0",
    "decoder.0.bias": "decoder.bias_ih_l0",
    "output.w": "output.weight",
    "output.bias": "output.bias",
    "forecast.w": "forecast.weight",
    "forecast.bias": "forecast.bias",
}
# Its second bias does nothing that the first does not.
WITHOUT = ("encoder.bias_hh_l0", "decoder.bias_hh_l0")


class Autoencoder(torch.nn.Module):
    """Windows (T, B, F) to the mean squared error of each (B,).

    Where there is a second head, plus that of the next readings, forecast at every step.
    """

    def __init__(self, parameters: Parameters) -> None:
        super().__init__()
        channels, hidden = parameters.architecture.channels, parameters.architecture.hidden
        self.encoder = torch.nn.LSTM(channels, hidden)
        self.decoder = torch.nn.LSTM(hidden, hidden)
        self.output = torch.nn.Linear(hidden, channels)
        if parameters.architecture.forecast:
            self.forecast = torch.nn.Linear(hidden, channels)
        tensors = dict(self.named_parameters())
        with torch.no_grad():
            for name, tensor in parameters.tensors.items():
                tensors[NAMES[name]].copy_(torch.from_numpy(tensor))
            for theirs in WITHOUT:
                tensors[theirs].zero_()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        encoded, (h, _) = self.encoder(x)
        y, _ = self.decoder(h.expand(len(x), -1, -1))
        errors = ((self.output(y) - x) ** 2).mean((0, 2))
        if hasattr(self, "forecast"):
            errors = errors + ((self.forecast(encoded[:-1]) - x[1:]) ** 2).mean((0, 2))
        return errors


def scorer(case: Case, threads: int) -> Candidate:
    """Scores without keeping anything for a gradient."""
    torch.set_num_threads(threads)
    model, x = Autoencoder(case.parameters).eval(), torch.from_numpy(case.time_major())

    def run() -> Float32Array:
        with torch.inference_mode():
            return model(x).numpy()

    return Candidate(run, run)


def trainer(case: Case, threads: int, *, fused: bool, device: str = "cpu") -> Candidate:
    """One step: forward, backward, clip, Adam.  fused  torch has Adam twice"""
    torch.set_num_threads(threads)
    model = Autoencoder(case.parameters).to(device)
    x = torch.from_numpy(case.time_major()).to(device)
    optimizer = torch.optim.Adam(model.parameters(), SETTINGS.learning_rate, fused=fused)

    def backward() -> None:
        optimizer.zero_grad()
        model(x).mean().backward()

    def step() -> None:
        backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), SETTINGS.clip_norm)
        optimizer.step()

    def gradient() -> Float32Array:
        backward()
        tensors = dict(model.named_parameters())
        parts = [
            tensors[NAMES[name]].grad.cpu().numpy().ravel() for name in case.parameters.tensors
        ]
        return np.concatenate(parts)

    return Candidate(step, gradient)
