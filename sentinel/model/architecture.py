"""The shape of an autoencoder, and the names and shapes of its parameters."""

from __future__ import annotations

from dataclasses import dataclass

from sentinel.errors import ModelError
from sentinel.kernels.layout import GATES


@dataclass(frozen=True, slots=True)
class Architecture:
    """An LSTM autoencoder: encoder layers read the window, decoder layers rebuild it, dense out.

    Without a decoder, a forecaster: nothing is rebuilt.

    channels        F
    hidden          H, of every layer and direction
    encoder_layers  1 or more
    decoder_layers  1 or more; 0: none, where there is a forecasting head
    bidirectional   the encoder reads both ways; the final states of both are concatenated
    dropout         0 to 0.5, on what one layer hands the next; off in validation and scoring
    forecast        a second dense head: the encoder's output at a step forecasts the next readings
    horizons        how many of them
    """

    channels: int
    hidden: int = 64
    encoder_layers: int = 1
    decoder_layers: int = 1
    bidirectional: bool = False
    dropout: float = 0.0
    forecast: bool = False
    horizons: int = 1

    def __post_init__(self) -> None:
        limits = {
            "channels": (self.channels, 1, 4096),
            "hidden": (self.hidden, 1, 1024),
            "encoder_layers": (self.encoder_layers, 1, 8),
            "decoder_layers": (self.decoder_layers, 0 if self.forecast else 1, 8),
            "dropout": (self.dropout, 0.0, 0.5),
            "horizons": (self.horizons, 1, 64 if self.forecast else 1),
        }
        for name, (value, low, high) in limits.items():
            if not low <= value <= high:
                raise ModelError(f"{name} is {value}", hint=f"it must lie in {low} to {high}")
        if self.forecast and self.bidirectional:
            raise ModelError(
                "a bidirectional encoder cannot forecast: it has seen the answer",
                hint="choose one of the two",
            )

    @property
    def directions(self) -> tuple[str, ...]:
        """Names of the encoder's directions."""
        return ("forward", "backward") if self.bidirectional else ("forward",)

    @property
    def encoded(self) -> int:
        """Width of the encoder's outputs y_1..y_T and of the latent state: H or 2H."""
        return self.hidden * len(self.directions)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name to shape of every parameter, in storage order.

        `encoder.0.forward.w_x` (4H, K), `.w_h` (4H, H), `.bias` (4H,), ...,
        `decoder.0.w_x`, ..., `output.w` (F, H), `output.bias` (F,), `forecast.w` (horizons F, H),
        `forecast.bias` (horizons F,): those of the next reading first.
        """
        found: dict[str, tuple[int, ...]] = {}

        def layer(name: str, inputs: int) -> None:
            found[f"{name}.w_x"] = (GATES * self.hidden, inputs)
            found[f"{name}.w_h"] = (GATES * self.hidden, self.hidden)
            found[f"{name}.bias"] = (GATES * self.hidden,)

        for number in range(self.encoder_layers):
            for direction in self.directions:
                layer(f"encoder.{number}.{direction}", self.encoded if number else self.channels)
        for number in range(self.decoder_layers):
            layer(f"decoder.{number}", self.hidden if number else self.encoded)
        if self.decoder_layers:
            found["output.w"] = (self.channels, self.hidden)
            found["output.bias"] = (self.channels,)
        if self.forecast:
            found["forecast.w"] = (self.horizons * self.channels, self.encoded)
            found["forecast.bias"] = (self.horizons * self.channels,)
        return found
